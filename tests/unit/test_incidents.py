"""Every failure has a category, and incidents open, resolve and re-open by the events alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from actors.incidents.incidents import (
    FAILURES,
    SETTLING,
    Incident,
    categories_of,
    category_of,
    matter_of,
    occur,
    resolve,
    settles,
    wait,
)
from actors.order.lifecycle import WAITS
from schemas.contracts import incidents as c
from schemas.contracts import refusals
from schemas.contracts.refusals import REASONS
from schemas.messages import events as e
from schemas.messages.effects import Effect, tag_of
from tests.appends import minutes, placed

DOCS = Path(__file__).resolve().parents[2] / "docs"
HOUR = timedelta(hours=1)


def given(kind: str, reason: str = "No.", *, known: bool = True) -> e.GivenToPerson:
    """An effect waiting for a person."""
    return e.GivenToPerson(
        rule="elevate", settles=3, effect=3, kind=kind, reason=reason, outcome_known=known
    )


def held(hold_id: str) -> e.Held:
    """An order that a person must look at."""
    return e.Held(rule="hold", hold_id=hold_id, reason="look")


BY_EVENT: dict[type[e.Event], tuple[e.OrderEvent, str]] = {
    e.GivenToPerson: (given("erp.post_sales_order.v1"), "erp_refused"),
    e.Backordered: (e.Backordered(rule="backorder", skus=("A",)), "inventory_unavailable"),
    e.Held: (held("short-pick-7"), "short_picked"),
    e.Overdue: (e.Overdue(rule="alarm", stage="packed", waiting_for="x"), "overdue_packed"),
    e.Tracked: (e.Tracked(rule="tracked", status="exception"), "delivery_exception"),
    e.CancelRefused: (
        e.CancelRefused(rule="too-late", reason="left", requested_by="channel"),
        "cancelled_too_late",
    ),
    e.ActionRefused: (
        e.ActionRefused(rule="refuse", verb="skip", person="ann", reason="no"),
        "action_refused",
    ),
}
NO_FAILURE: tuple[e.OrderEvent, ...] = (
    placed("1"),
    e.PaymentConfirmed(rule="pay", channel="a", ref="1", correlation_id="c"),
    e.Accepted(rule="accept"),
    e.Amended(
        rule="amend",
        source_updated_at="",
        total_minor=1,
        payment="paid",
        lines=(),
        body_digest="",
    ),
    e.Normalised(rule="normalise", mappings=2, lines=(), body_digest=""),
    e.UpdateNoted(rule="note", source_updated_at=""),
    e.ReportNoted(
        rule="report", channel="a", ref="1", correlation_id="c", source="s", topic="t", words="w"
    ),
    e.StockReserved(rule="reserve", place="main"),
    e.PostedToErp(rule="post", erp_id="1", erp_number="1"),
    e.ReleasedToWarehouse(rule="release", task_id="1"),
    e.CustomerNotified(rule="notify", template="t", message_id="1"),
    e.Picked(rule="pick"),
    # Counted by the hold that comes with it.
    e.ShortPicked(rule="short-pick", lines=()),
    e.Packed(rule="pack", parcels=()),
    e.Labelled(rule="label", carrier="UPS", shipment_id="1", tracking_number="1"),
    e.Tracked(rule="tracked", status="in_transit"),
    e.Shipped(rule="ship"),
    e.TrackedBack(rule="track-back", fulfilment_id="1"),
    e.Delivered(rule="deliver"),
    e.Closed(rule="close"),
    e.CancelRequested(
        rule="cancel", channel="a", ref="1", correlation_id="c", reason="", requested_by="x"
    ),
    e.Compensated(rule="undo", what="stock"),
    e.Cancelled(rule="cancelled"),
    e.HoldReleased(rule="free", hold_id="h", person="ann"),
    e.Retried(rule="retry", effect=3, person="ann"),
    e.LookAsked(rule="look", channel="a", ref="1", correlation_id="c", source="amazon"),
    e.Fetched(rule="fetched", digest="d"),
    e.Asked(rule="track"),
    e.StockTriedAgain(rule="stock-again"),
    e.Skipped(rule="skip", effect=3, kind="mail.send.v1", person="ann"),
)


def test_every_event_type_is_told_from_a_failure() -> None:
    """No type of event is forgotten: each is a failure of a known category, or is none."""
    known = {*BY_EVENT, *map(type, NO_FAILURE)}
    assert known == set(get_args(e.OrderEvent))
    for event, category in BY_EVENT.values():
        assert category_of(event) == category
        assert category in c.CATEGORIES
    for event in NO_FAILURE:
        assert category_of(event) is None
        assert categories_of(event) == ()
    assert set(FAILURES) == {tag_of(e.Placed), *(tag_of(kind) for kind in BY_EVENT)}


def test_doubts_are_counted() -> None:
    """An order placed with doubts counts in each of their categories, until it has its label."""
    event = replace(placed("1"), doubts=("address_format_invalid", "not yet known"))
    assert categories_of(event) == ("address_format_invalid", c.UNCATEGORISED)
    label = e.Labelled(rule="label", carrier="UPS", shipment_id="1", tracking_number="1")
    assert settles(label, matter_of(event))
    assert not settles(e.Accepted(rule="accept"), matter_of(event))


@pytest.mark.parametrize("kind", get_args(Effect), ids=tag_of)
def test_every_effect_has_its_categories(kind: type[Effect]) -> None:
    """An effect waiting for a person is counted by what it is, and by whether its end is known."""
    for known in (True, False):
        category = category_of(given(tag_of(kind), known=known))
        assert category in c.CATEGORIES
        assert category not in {c.PARTNER_REFUSED, c.UNCATEGORISED}
    assert category_of(given("moon.fly.v1")) == c.PARTNER_REFUSED


@pytest.mark.parametrize(
    ("kind", "reason", "category"),
    [
        ("carrier.buy_label.v1", "UPS refused it: Missing or invalid ship to.", "address_format"),
        ("carrier.buy_label.v1", "The order has no shipping address.", "address_format"),
        ("carrier.buy_label.v1", "UPS refused it: the weight is over 150 lbs.", "label_refused"),
        ("erp.post_sales_order.v1", "The field No. (X) is not in the table (Item).", "sku_un"),
        ("mail.send.v1", "550 no such address.", "mail_refused"),
    ],
)
def test_reasons_name_the_address_or_the_article(kind: str, reason: str, category: str) -> None:
    """A partner's words say when the address or the article is what must be fixed."""
    assert (category_of(given(kind, reason)) or "").startswith(category)


@pytest.mark.parametrize(
    ("hold_id", "category"),
    [
        ("task-cancelled-4", c.TASK_CANCELLED_BY_WAREHOUSE),
        ("changed-4", c.CHANGED_AFTER_WORK_BEGAN),
        ("money-gone-4", c.PAYMENT_WITHDRAWN),
        ("said-twice-4", c.SAID_TWICE),
        ("another-4", c.HELD),
    ],
)
def test_holds_are_told_apart(hold_id: str, category: str) -> None:
    """What held the order is its category."""
    assert category_of(held(hold_id)) == category


def test_every_stage_and_reason_has_words() -> None:
    """Each stage that waits, each reason of the edge: words, who acts, how to fix it."""
    assert set(c.OVERDUE_STAGES) == {stage.value for stage in WAITS}
    assert c.overdue("nowhere") == c.UNCATEGORISED
    assert set(REASONS) <= set(c.CATEGORIES)
    for one in c.CATEGORIES.values():
        assert one.words.endswith(".")
        assert one.who
        assert one.fix.endswith(".")


@pytest.mark.parametrize(
    ("failure", "end", "other"),
    [
        (
            given("mail.send.v1"),
            e.Retried(rule="retry", effect=3, person="a"),
            e.Retried(rule="retry", effect=4, person="a"),
        ),
        (
            given("mail.send.v1"),
            e.Skipped(rule="skip", effect=3, kind="mail.send.v1", person="a"),
            e.Shipped(rule="ship"),
        ),
        (
            held("changed-4"),
            e.HoldReleased(rule="free", hold_id="changed-4", person="a"),
            e.HoldReleased(rule="free", hold_id="changed-5", person="a"),
        ),
        (
            e.Backordered(rule="backorder", skus=("A",)),
            e.StockReserved(rule="reserve", place="main"),
            e.StockTriedAgain(rule="stock-again"),
        ),
        (
            e.Overdue(rule="alarm", stage="packed", waiting_for="x"),
            e.Labelled(rule="label", carrier="UPS", shipment_id="1", tracking_number="1"),
            e.Shipped(rule="ship"),
        ),
        (
            e.Overdue(rule="alarm", stage="cancelling", waiting_for="x"),
            e.Cancelled(rule="cancelled"),
            e.StockReserved(rule="late-reserve", place="main"),
        ),
    ],
)
def test_what_ends_a_failure(failure: e.OrderEvent, end: e.OrderEvent, other: e.OrderEvent) -> None:
    """The order moved on or a person decided: that ends it, and nothing beside it does."""
    matter = matter_of(failure)
    assert settles(end, matter)
    assert not settles(other, matter)
    assert settles(e.Closed(rule="close"), matter)
    assert tag_of(end) in SETTLING


def opened(at: float = 0) -> Incident:
    """An incident that just opened."""
    return occur(None, "held", minutes(at))


def test_an_incident_resolves_when_quiet_and_no_one_waits() -> None:
    """Both are needed; the moment is the later of both, whenever somebody looks."""
    incident = wait(opened(), 1, minutes(0))
    assert resolve(incident, minutes(600), HOUR).is_open
    incident = wait(incident, -1, minutes(5))
    assert resolve(incident, minutes(59), HOUR).is_open
    assert resolve(incident, minutes(500), HOUR).resolved_at == minutes(60)
    late = wait(wait(opened(), 1, minutes(0)), -1, minutes(90))
    assert resolve(late, minutes(500), HOUR).resolved_at == minutes(90)


def test_an_incident_opens_again() -> None:
    """A recurrence after the resolution is a new episode; the counts go on."""
    resolved = resolve(opened(), minutes(61), HOUR)
    again = occur(resolved, "held", minutes(70), count=3)
    assert again.is_open
    assert (again.opened_at, again.reopened) == (minutes(70), 1)
    assert (again.occurrences, again.episode) == (4, 3)
    assert again.first_at == minutes(0)


def test_a_late_event_takes_the_resolution_back() -> None:
    """What happened before the resolution and was committed after it opens no new episode."""
    resolved = resolve(opened(), minutes(61), HOUR)
    back = occur(resolved, "held", minutes(59))
    assert back.is_open
    assert (back.opened_at, back.reopened, back.resolved_at) == (minutes(0), 0, None)
    assert back == occur(opened(), "held", minutes(59))


def test_the_page_shows_the_table() -> None:
    """docs/incidents.md shows every category as the table has it."""
    page = (DOCS / "incidents.md").read_text("utf-8")
    drawn = page.partition("<!-- drawn -->\n")[2].partition("\n<!-- end -->")[0]
    assert drawn == c.drawn(), "put schemas.contracts.incidents.drawn() between the marks"


def test_every_reason_of_the_intake_is_a_category() -> None:
    """A message that is put aside after it was read is counted under words that say who acts."""
    for reason in (refusals.ORDER_UNKNOWN, refusals.UNDECIDABLE, refusals.UNREADABLE):
        assert c.CATEGORIES[reason].counted_from == c.EDGE
    assert c.CATEGORIES[refusals.UNREADABLE].who == c.CATEGORIES[c.SIGNATURE_INVALID].who

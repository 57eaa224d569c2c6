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
from actors.order.family import FAMILY
from schemas.contracts import incidents as c
from schemas.contracts import refusals
from schemas.contracts.refusals import REASONS
from schemas.messages import events as e
from schemas.messages.effects import Effect, PostSalesOrder, tag_of
from tests.appends import minutes, placed
from tests.order_streams import F1, F2, K1, K2, L1, labelled, packed, sample_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
HOUR = timedelta(hours=1)


def given(kind: str, reason: str = "No.", *, known: bool = True) -> e.GivenToPerson:
    """An effect at a person's desk."""
    return e.GivenToPerson(
        rule="elevate", settles=3, effect=3, kind=kind, reason=reason, outcome_known=known
    )


def held(hold_id: str) -> e.Held:
    """An order that a person must look at."""
    return e.Held(rule="hold", hold_id=hold_id, reason="look")


BY_EVENT: dict[type[e.Event], tuple[e.OrderEvent, str]] = {
    e.GivenToPerson: (given(tag_of(PostSalesOrder)), "erp_refused"),
    e.Backordered: (e.Backordered(rule="backorder", key=F1, skus=("A",)), "inventory_unavailable"),
    e.FulfilmentBackordered: (
        e.FulfilmentBackordered(rule="park", key=F1, place="main", delivery="parcel"),
        "inventory_unavailable",
    ),
    e.Held: (held("short-pick-7"), "short_picked"),
    e.TaskOpened: (e.TaskOpened(rule="task", task_id="money", words="5.00"), "money_owed"),
    e.Overdue: (e.Overdue(rule="alarm", stage="packed", waiting_for="x"), "overdue_packed"),
    e.DeliveryFailed: (e.DeliveryFailed(rule="fail", key=K1), "delivery_exception"),
    e.Returned: (e.Returned(rule="return", key=K1), "parcel_returned"),
    e.Lost: (e.Lost(rule="lose", key=K1), "parcel_lost"),
    e.CancelRefused: (
        e.CancelRefused(rule="too-late", reason="left", requested_by="channel"),
        "cancelled_too_late",
    ),
    e.ActionRefused: (
        e.ActionRefused(rule="refuse", verb="skip", person="ann", reason="no"),
        "action_refused",
    ),
}
NO_FAILURE: frozenset[type[e.Event]] = frozenset({
    e.Placed, e.PaymentConfirmed, e.Accepted, e.Changed, e.Normalised, e.UpdateNoted, e.FactNoted,
    e.RefetchAsked, e.Fetched, e.ShippedElsewhere, e.LeftToOthers, e.CancelRequested,
    e.UnitsDropped, e.ExcessCounted, e.ChannelTold, e.Cancelled, e.Closed, e.Reopened,
    e.HoldReleased, e.TaskClosed, e.AnswerNoted, e.Retried, e.Renewed, e.Skipped,
    e.FulfilmentPlanned, e.StockReserved, e.StockGranted, e.StockReplanned, e.StockTriedAgain,
    e.StockReleased, e.TaskTaken, e.LeftToPerson, e.Picked,
    e.ShortPicked,  # counted by the hold that comes with it, where a person decides
    e.ShortSettled, e.Packed, e.PartPacked, e.HandedOver, e.PartHandedOver, e.Fulfilled,
    e.Published, e.OutsideMatched, e.Shrunk, e.Stopped, e.StopDropped, e.CancelAsked,
    e.TaskCancelled, e.RestSettled, e.FulfilmentCancelled, e.FulfilmentDone, e.Asked, e.Tracked,
    e.InTransit, e.Delivered, e.Untracked, e.LabelWanted, e.LabelBought, e.LabelStopped,
    e.LabelDropped, e.LabelVoided, e.LabelKept, e.Posted, e.DocumentAmended, e.DocumentCancelled,
    e.DocumentKept, e.MessageWanted, e.MessageSent,
})  # fmt: skip


def test_every_event_type_is_told_from_a_failure() -> None:
    """No type of event is forgotten: each is a failure of a known category, or is none."""
    assert set(BY_EVENT).isdisjoint(NO_FAILURE)
    assert {*BY_EVENT, *NO_FAILURE} == set(get_args(e.OrderEvent))
    for event, category in BY_EVENT.values():
        assert category_of(event) == category
        assert category in c.CATEGORIES
    for kind in NO_FAILURE:
        event = sample_of(kind)
        assert category_of(event) is None
        assert categories_of(event) == () or kind is e.Placed
    assert set(FAILURES) == {tag_of(e.Placed), *(tag_of(kind) for kind in BY_EVENT)}


def test_doubts_are_counted() -> None:
    """An order placed with doubts counts in each of their categories, until it has its label."""
    event = replace(placed("1"), doubts=("address_format_invalid", "not yet known"))
    assert categories_of(event) == ("address_format_invalid", c.UNCATEGORISED)
    assert settles(labelled(L1, K1, "1Z1"), matter_of(event))
    assert not settles(e.Accepted(rule="accept"), matter_of(event))


@pytest.mark.parametrize("kind", get_args(Effect), ids=tag_of)
def test_every_effect_has_its_categories(kind: type[Effect]) -> None:
    """An effect at a person's desk is counted by what it is, and by whether its end is known."""
    for known in (True, False):
        category = category_of(given(tag_of(kind), known=known))
        assert category in c.CATEGORIES
        assert category not in {c.PARTNER_REFUSED, c.UNCATEGORISED}
    assert category_of(given("moon.fly.v1")) == c.PARTNER_REFUSED


@pytest.mark.parametrize(
    ("kind", "reason", "category"),
    [
        ("carrier.buy_label.v2", "UPS refused it: Missing or invalid ship to.", "address_format"),
        ("carrier.buy_label.v2", "The order has no shipping address.", "address_format"),
        ("carrier.buy_label.v2", "UPS refused it: the weight is over 150 lbs.", "label_refused"),
        ("erp.post_sales_order.v2", "The field No. (X) is not in the table (Item).", "sku_un"),
        ("mail.send.v2", "550 no such address.", "mail_refused"),
    ],
)
def test_reasons_name_the_address_or_the_article(kind: str, reason: str, category: str) -> None:
    """A partner's words say when the address or the article is what must be mended."""
    assert (category_of(given(kind, reason)) or "").startswith(category)


@pytest.mark.parametrize(
    ("hold_id", "category"),
    [
        ("task-cancelled-4", c.TASK_CANCELLED_BY_WAREHOUSE),
        ("money-gone-4", c.PAYMENT_WITHDRAWN),
        ("said-twice-4", c.SAID_TWICE),
        ("another-4", c.HELD),
    ],
)
def test_holds_are_told_apart(hold_id: str, category: str) -> None:
    """What held the order is its category."""
    assert category_of(held(hold_id)) == category


@pytest.mark.parametrize(
    ("task_id", "category"),
    [("changed", c.CHANGED_AFTER_WORK_BEGAN), ("money", c.MONEY_OWED), ("pack-F1", None)],
)
def test_tasks_for_people_are_told_apart(task_id: str, category: str | None) -> None:
    """What only a person can do is a failure, unless packing is a person's work anyway."""
    event = e.TaskOpened(rule="task", task_id=task_id, words="do it")
    assert category_of(event) == category


def test_every_stage_and_reason_has_words() -> None:
    """Each stage that raises an alarm, each reason of the door: words, who acts, how to mend it."""
    alarmed = {
        row.stage
        for machine in FAMILY.values()
        for row in machine.table.rows
        if row.event is e.Overdue and row.stage in machine.waits
    }
    assert alarmed - {"wanted", "bought"} == set(c.OVERDUE_STAGES)
    assert c.overdue("nowhere") == c.UNCATEGORISED
    assert set(REASONS) <= set(c.CATEGORIES)
    for one in c.CATEGORIES.values():
        assert one.words.endswith(".")
        assert one.who
        assert one.mend.endswith(".")


@pytest.mark.parametrize(
    ("failure", "end", "other"),
    [
        (
            given("mail.send.v2"),
            e.Retried(rule="retry", effect=3, person="a"),
            e.Retried(rule="retry", effect=4, person="a"),
        ),
        (
            given("mail.send.v2"),
            e.Renewed(rule="renew", effect=3, person="a"),
            e.Skipped(rule="skip", effect=4, kind="mail.send.v2", person="a"),
        ),
        (
            held("money-gone-4"),
            e.HoldReleased(rule="free", hold_id="money-gone-4", person="a"),
            e.HoldReleased(rule="free", hold_id="money-gone-5", person="a"),
        ),
        (
            e.TaskOpened(rule="task", task_id="money", words="5.00"),
            e.TaskClosed(rule="task-done", task_id="money", person="a"),
            e.TaskClosed(rule="task-done", task_id="changed", person="a"),
        ),
        (
            e.Backordered(rule="backorder", key=F1, skus=("A",)),
            e.StockReserved(rule="reserve", key=F1, place="main"),
            e.StockReserved(rule="reserve", key=F2, place="main"),
        ),
        (
            e.Overdue(rule="alarm", key=F1, stage="released", waiting_for="x"),
            packed(F1, K1, (0, 2)),
            packed(F2, K1, (0, 2)),
        ),
        (
            e.Returned(rule="return", key=K1),
            e.TaskClosed(rule="task-done", task_id="parcel-K1", person="a"),
            e.TaskClosed(rule="task-done", task_id="parcel-K2", person="a"),
        ),
        (
            e.DeliveryFailed(rule="fail", key=K1),
            e.Delivered(rule="deliver", key=K1),
            e.Delivered(rule="deliver", key=K2),
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


def test_an_incident_resolves_when_quiet_and_nobody_waits() -> None:
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
        assert c.CATEGORIES[reason].counted_from == c.DOOR
    assert c.CATEGORIES[refusals.UNREADABLE].who == c.CATEGORIES[c.SIGNATURE_INVALID].who

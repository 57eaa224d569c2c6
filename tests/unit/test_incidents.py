"""Every failure has a category, and incidents open, resolve and re-open by the events alone."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from actors.fulfilment.table import WAITS as FULFILMENT
from actors.incidents.incidents import (
    FAILURES,
    SETTLING,
    categories_of,
    category_of,
    matter_of,
    settles,
)
from actors.order.table import WAITS as ORDERS
from actors.parcel.table import WAITS as PARCELS
from actors.returns.table import WAITS as RETURNS
from schemas.contracts import incidents as c
from schemas.contracts import money_incidents as money
from schemas.contracts import refusals
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.effects import Effect, tag_of
from schemas.order.things import ORDER, Key
from tests.appends import placed

HOUR = timedelta(hours=1)


def given(
    kind: str, reason: str = "No.", *, known: bool = True, key: Key = ORDER
) -> e.GivenToPerson:
    """An effect that only a person can say how to go on with."""
    return e.GivenToPerson(
        rule="elevate", key=key, settles=3, effect=3, kind=kind, reason=reason, outcome_known=known
    )


def held(hold_id: str, key: Key = ORDER) -> e.Held:
    """An order or a thing of it that a person must look at."""
    return e.Held(rule="hold", key=key, hold_id=hold_id, reason="look")


def task(task_id: str, key: Key = ORDER) -> e.TaskOpened:
    """Something that is left to a person."""
    return e.TaskOpened(rule="task", key=key, task_id=task_id, words="see to it")


F1, K1, L1, P1, C1, R1 = (Key(one) for one in ("F1", "K1", "L1", "P1", "C1", "R1"))
T1 = Key("T1")
BY_EVENT: dict[type[e.Event], tuple[e.OrderEvent, str]] = {
    e.GivenToPerson: (given(tag_of(f.PostSalesOrder)), "erp_refused"),
    e.Backordered: (
        e.Backordered(rule="backorder", key=F1, skus=("A",)),
        "inventory_unavailable",
    ),
    e.FulfilmentBackordered: (
        e.FulfilmentBackordered(rule="park", key=F1, place="WH1", delivery="parcel"),
        "inventory_unavailable",
    ),
    e.Held: (held("short-pick-7"), "short_picked"),
    e.TaskOpened: (task("money"), "money_owed"),
    e.Overdue: (
        e.Overdue(rule="alarm", key=F1, stage="packed", waiting_for="x"),
        "overdue_packed",
    ),
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
BOUGHT = e.LabelBought(rule="buy", key=L1, shipment_id="1", carrier="UPS", labels=())
NO_FAILURE: tuple[e.OrderEvent, ...] = (
    placed("1"),
    e.PaymentConfirmed(rule="pay", channel="a", ref="1", reference="r"),
    e.Accepted(rule="accept"),
    e.Duplicate(rule="duplicate", claim="a:1", order_id="o", channel="a", ref="1", number="1"),
    e.TakenOver(rule="take-over", claim="a:1", person="p"),
    e.TwinCancelled(rule="twin-cancelled"),
    e.CodesEntered(rule="codes", key=K1, codes=(), person="p"),
    e.Changed(
        rule="change", by="channel", facets=(), source_updated_at="", total_minor=1, payment="paid",
        body_digest="",
    ),
    e.Normalised(rule="normalise", mappings=2, body_digest=""),
    e.RulesDecided(rule="rules", version=1),
    e.UpdateNoted(rule="note", source_updated_at=""),
    e.ReportNoted(
        rule="report", channel="a", ref="1", reference="r", source="s", topic="t", words="w"
    ),
    e.RefetchAsked(rule="refetch", channel="a", ref="1", reference="r", source="amazon"),
    e.Fetched(rule="fetched", digest="d"),
    e.ShippedElsewhere(rule="elsewhere", outside_id="1", units=()),
    e.CancelRequested(
        rule="cancel", channel="a", ref="1", reference="r", reason="", requested_by="x"
    ),
    e.UnitsDropped(rule="drop"),
    e.ExcessCounted(rule="cover"),
    e.NotElsewhere(rule="not-elsewhere", gone=("1",)),
    e.LeftToOthers(rule="not-ours"),
    e.UnitsScheduled(rule="schedule", outside_id="1"),
    e.StopAsked(rule="stop-asked", outside_id="1", units=()),
    e.StopDecided(rule="stop-decided", outside_id="1", stopped=True, reason="r"),
    e.StopAnswered(rule="stop-answered", outside_id="1"),
    e.RequestNoted(rule="request", outside_id="1"),
    e.RequestAnswered(rule="request-answered", outside_id="1"),
    e.ChannelTold(rule="channel-told"),
    e.Cancelled(rule="cancelled"),
    e.Closed(rule="close"),
    e.Reopened(rule="reopen", why="w"),
    e.HoldReleased(rule="free", hold_id="h", person="ann"),
    # Warehouse work of every day, where no warehouse takes tasks.
    task("pack-F1", F1),
    e.TaskClosed(rule="task-done", task_id="money", person="ann"),
    e.AnswerNoted(rule="noted"),
    e.Retried(rule="retry", effect=3, person="ann"),
    e.Renewed(rule="renew", effect=3, person="ann"),
    e.Skipped(rule="skip", effect=3, kind=tag_of(f.SendMail), person="ann"),
    e.FulfilmentPlanned(rule="plan", key=F1, place="WH1", delivery="parcel"),
    e.StockReserved(rule="reserve", key=F1, place="main"),
    e.StockGranted(rule="grant", key=F1, person="ann"),
    e.StockReplanned(rule="replan", key=F1, place="main", skus=()),
    e.StockTriedAgain(rule="stock-again", key=F1, place="main"),
    e.ReservationExpired(rule="expire", key=F1),
    e.StockReleased(rule="give-back", key=F1),
    e.TaskTaken(rule="release", key=F1, task_id="1"),
    e.LeftToPerson(rule="by-hand", key=F1),
    e.Picked(rule="pick", key=F1),
    # Counted by the hold that comes with it.
    e.ShortPicked(rule="short-pick", key=F1, missing=()),
    e.ShortSettled(rule="settle", key=F1, how="drop"),
    e.Packed(rule="pack", key=F1),
    e.PartPacked(rule="part-pack", key=F1, parcels=()),
    e.PackedAnyway(rule="pack-anyway", key=F1, parcels=()),
    e.HandedOver(rule="hand-over", key=F1, left=()),
    e.PartHandedOver(rule="part-hand-over", key=F1, left=()),
    e.ContentsAwaited(rule="await-contents", key=F1, parcels=()),
    e.Fulfilled(rule="fulfil", key=F1),
    e.Published(rule="publish", key=F1, parcels=()),
    e.ReadyTold(rule="ready", key=F1),
    e.OutsideMatched(rule="match", key=F1, outside_id="1"),
    e.Shrunk(rule="shrink", key=F1, units=()),
    e.Stopped(rule="stop", key=F1, why="changed"),
    e.StopDropped(rule="go-on", key=F1, reason="r"),
    e.CancelAsked(rule="cancel-asked", key=F1),
    # Counted by the hold that comes with it when every place has refused.
    e.TaskCancelled(rule="recall", key=F1),
    e.RestSettled(rule="rest", key=F1),
    e.FulfilmentCancelled(rule="cancelled", key=F1),
    e.FulfilmentDone(rule="done", key=F1),
    e.LabelWanted(rule="want", key=L1, fulfilment=F1, parcels=(), lane="ups"),
    BOUGHT,
    e.LabelStopped(rule="stop", key=L1, why="w"),
    e.LabelStopDropped(rule="go-on", key=L1),
    e.LabelDropped(rule="drop", key=L1),
    e.LabelVoided(rule="void", key=L1),
    e.LabelKept(rule="keep", key=L1, person="ann"),
    e.Asked(rule="track", key=K1),
    e.Tracked(rule="tracked", key=K1, status="in_transit"),
    e.InTransit(rule="move", key=K1),
    e.Delivered(rule="deliver", key=K1),
    e.Untracked(rule="untracked", key=K1),
    e.Numbered(rule="number", key=K1, carrier="DHL", tracking_number="J"),
    e.Followed(rule="follow", key=K1),
    e.NumberNoted(rule="number-noted", key=K1, tracking_number="J"),
    e.Posted(rule="post", key=Key("D1"), erp_id="1", number="1"),
    e.DocumentAmended(rule="amend", key=Key("D1"), digest="d"),
    e.DocumentCancelled(rule="cancel", key=Key("D1")),
    e.DocumentKept(rule="keep", key=Key("D1"), person="ann"),
    e.MessageWanted(rule="want", key=Key("M1"), template="t"),
    e.MessageSent(rule="send", key=Key("M1"), template="t", message_id="1"),
    e.PaymentAuthorised(rule="authorise", key=P1, amount_minor=100, currency="USD"),
    e.PaymentCaptured(rule="captured-there", key=P1, amount_minor=100),
    e.PaymentExpired(rule="expire", key=P1),
    e.PaymentVoided(rule="void", key=P1),
    e.CaptureWanted(rule="want", key=C1, payment=P1, amount_minor=100, currency="USD"),
    e.Captured(rule="capture", key=C1, payment=P1, amount_minor=100),
    e.PartCaptured(rule="part-capture", key=C1, payment=P1, amount_minor=100),
    e.CaptureDropped(rule="drop", key=C1),
    e.RefundWanted(rule="want", key=R1, amount_minor=100, currency="USD", had_minor=100),
    e.RefundMade(rule="refund", key=R1, amount_minor=100, currency="USD"),
    e.ReturnRequested(rule="request", key=T1),
    e.ReturnAuthorised(rule="authorise", key=T1),
    e.ReturnDeclined(rule="decline", key=T1),
    e.ReturnCancelled(rule="call-off", key=T1),
    e.ReturnSent(rule="send", key=T1),
    e.ReturnReceived(rule="receive", key=T1, units=()),
    e.ReturnInspected(rule="inspect", key=T1, units=()),
    e.ReturnRestocked(rule="restock", key=T1, place="WH1"),
    e.ReturnMoneyDecided(rule="decide-money", key=T1, money="none"),
    e.ReturnClosed(rule="close-return", key=T1),
)  # fmt: skip


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
    assert settles(BOUGHT, matter_of(event))
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
        (tag_of(f.BuyLabel), "UPS refused it: Missing or invalid ship to.", "address_format"),
        (tag_of(f.BuyLabel), "The order has no shipping address.", "address_format"),
        (tag_of(f.BuyLabel), "UPS refused it: the weight is over 150 lbs.", "label_refused"),
        (tag_of(f.PostSalesOrder), "The field No. (X) is not in the table (Item).", "sku_un"),
        (tag_of(f.SendMail), "550 no such address.", "mail_refused"),
    ],
)
def test_reasons_name_the_address_or_the_article(kind: str, reason: str, category: str) -> None:
    """A partner's words say when the address or the article is what must be fixed."""
    assert (category_of(given(kind, reason)) or "").startswith(category)


@pytest.mark.parametrize(
    ("hold_id", "category"),
    [
        ("task-cancelled-4", c.TASK_CANCELLED_BY_WAREHOUSE),
        ("cancel-refused-4", c.COMPENSATION_REFUSED),
        ("unmapped-sku", c.SKU_UNMAPPED),
        ("money-gone-4", money.PAYMENT_WITHDRAWN),
        ("said-twice-4", c.SAID_TWICE),
        ("another-4", c.HELD),
    ],
)
def test_holds_are_told_apart(hold_id: str, category: str) -> None:
    """What held the order is its category."""
    assert category_of(held(hold_id)) == category


@pytest.mark.parametrize(
    ("task_id", "category"),
    [
        ("changed", c.CHANGED_AFTER_WORK_BEGAN),
        ("imported-twice", c.COPY_OF_CANCELLED),
        ("copy-cancelled", c.COPY_OF_CANCELLED),
        ("pack-F1", None),
        ("parcel-K1", None),
    ],
)
def test_tasks_are_told_apart(task_id: str, category: str | None) -> None:
    """What differs after it left is a failure; to pack is none, and a parcel's task comes with the
    parcel's own failure."""
    assert category_of(task(task_id)) == category


def test_every_stage_and_reason_has_words() -> None:
    """Each stage that waits, each reason of the edge: words, who acts, how to fix it."""
    assert set(c.OVERDUE_STAGES) == {*ORDERS, *FULFILMENT, *PARCELS, *RETURNS, "ship_by"}
    assert c.overdue("nowhere") == c.UNCATEGORISED
    assert set(refusals.REASONS) <= set(c.CATEGORIES)
    for one in c.CATEGORIES.values():
        assert one.words.endswith(".")
        assert one.who
        assert one.fix.endswith(".")


@pytest.mark.parametrize(
    ("failure", "end", "other"),
    [
        (
            given(tag_of(f.SendMail)),
            e.Retried(rule="retry", effect=3, person="a"),
            e.Retried(rule="retry", effect=4, person="a"),
        ),
        (
            given(tag_of(f.SendMail)),
            e.Skipped(rule="skip", effect=3, kind=tag_of(f.SendMail), person="a"),
            e.Picked(rule="pick", key=F1),
        ),
        (
            given(tag_of(f.TrackParcel), key=K1),
            e.AnswerNoted(rule="noted", key=K1, settles=3),
            e.AnswerNoted(rule="noted", key=K1, settles=4),
        ),
        (
            given(tag_of(f.FetchOrder)),
            e.Fetched(rule="fetched", digest="d", settles=9),
            e.UpdateNoted(rule="note", source_updated_at=""),
        ),
        (
            given(tag_of(f.BuyLabel), key=L1),
            e.LabelDropped(rule="drop", key=L1),
            e.LabelDropped(rule="drop", key=Key("L2")),
        ),
        (
            given(tag_of(f.VoidLabel), key=L1),
            e.LabelStopDropped(rule="go-on", key=L1),
            e.LabelStopDropped(rule="go-on", key=Key("L2")),
        ),
        (
            held("money-gone-4"),
            e.HoldReleased(rule="free", hold_id="money-gone-4", person="a"),
            e.HoldReleased(rule="free", hold_id="money-gone-5", person="a"),
        ),
        (
            held("short-pick-7", F1),
            e.FulfilmentCancelled(rule="cancelled", key=F1),
            e.FulfilmentCancelled(rule="cancelled", key=Key("F2")),
        ),
        (
            held("unmapped-sku"),
            e.Normalised(rule="normalise", mappings=2, body_digest=""),
            e.HoldReleased(rule="free", hold_id="unmapped-tax-code", person="a"),
        ),
        (
            task("money"),
            e.TaskClosed(rule="task-done", task_id="money", person="a"),
            e.TaskClosed(rule="task-done", task_id="changed", person="a"),
        ),
        (
            e.Lost(rule="lose", key=K1),
            e.TaskClosed(rule="task-done", task_id="parcel-K1", person="a"),
            e.TaskClosed(rule="task-done", task_id="parcel-K2", person="a"),
        ),
        (
            e.DeliveryFailed(rule="fail", key=K1),
            e.InTransit(rule="move", key=K1),
            e.InTransit(rule="move", key=Key("K2")),
        ),
        (
            e.Backordered(rule="backorder", key=F1, skus=("A",)),
            e.StockReserved(rule="reserve", key=F1, place="main"),
            e.StockReserved(rule="reserve", key=Key("F2"), place="main"),
        ),
        (
            e.Overdue(rule="alarm", key=F1, stage="packed", waiting_for="x"),
            e.HandedOver(rule="hand-over", key=F1, left=()),
            e.Published(rule="publish", key=F1, parcels=()),
        ),
        (
            e.Overdue(rule="alarm", stage="placed", waiting_for="x"),
            e.Accepted(rule="accept"),
            e.ReportNoted(
                rule="report", channel="a", ref="1", reference="r", source="s", topic="t", words="w"
            ),
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

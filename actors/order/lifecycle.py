"""The order's life as one table: which event may follow in which stage, and where it leads.

`evolve` refuses an event that no row allows, so no code can move an order otherwise. The picture
in `docs/lifecycle.md` is drawn from this table (`actors/order/diagram.py`) and compared by a test.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from schemas.messages import events as e
from schemas.messages.effects import tag_of


class Stage(StrEnum):
    """Where an order stands. Holds and stuck effects are beside the stage, not part of it."""

    NEW = "new"
    EXPECTED = "expected"
    PLACED = "placed"
    ACCEPTED = "accepted"
    BACKORDERED = "backordered"
    RESERVED = "reserved"
    PACKED = "packed"
    LABELLED = "labelled"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CLOSED = "closed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class Row(Struct, frozen=True):
    """One rule: in `stage`, `event` is allowed and leads `to`. `why` is what a person reads."""

    rule: str
    stage: Stage
    event: type[e.Event]
    to: Stage
    why: str


class Wait(Struct, frozen=True):
    """Whom a stage waits for, and the policy field that says how long that may take."""

    whom: str
    due: str


S = Stage
ENDS = (S.CLOSED, S.CANCELLED)
FINAL = frozenset(ENDS)
UNBORN = frozenset({S.NEW, S.EXPECTED})
BEFORE_HAND_OVER = (S.PLACED, S.ACCEPTED, S.BACKORDERED, S.RESERVED, S.PACKED, S.LABELLED)
WITH_PARTNERS = (S.RESERVED, S.PACKED, S.LABELLED, S.SHIPPED, S.DELIVERED, S.CANCELLING)
OPEN = tuple(stage for stage in Stage if stage not in FINAL and stage is not S.NEW)


def _stay(rule: str, stages: tuple[Stage, ...], event: type[e.Event], why: str) -> tuple[Row, ...]:
    return tuple(Row(rule, stage, event, stage, why) for stage in stages)


LIFECYCLE: tuple[Row, ...] = (
    Row("place", S.NEW, e.Placed, S.PLACED, "a channel stated the order"),
    Row("place", S.EXPECTED, e.Placed, S.PLACED, "the awaited order arrived"),
    Row("pay-first", S.NEW, e.PaymentConfirmed, S.EXPECTED, "the payment came first"),
    Row("pay-first", S.EXPECTED, e.PaymentConfirmed, S.EXPECTED, "the payment came first"),
    Row("cancel-first", S.NEW, e.CancelRequested, S.EXPECTED, "the cancellation came first"),
    Row("cancel-first", S.EXPECTED, e.CancelRequested, S.EXPECTED, "the cancellation came first"),
    Row("note-first", S.NEW, e.ReportNoted, S.EXPECTED, "news of it came first"),
    Row("look-first", S.NEW, e.LookAsked, S.EXPECTED, "somebody named it"),
    Row(
        "nothing-there",
        S.EXPECTED,
        e.Cancelled,
        S.CANCELLED,
        "given up, or cancelled before it came",
    ),
    Row("place-after-all", S.CANCELLED, e.Placed, S.PLACED, "given up, and it arrived after all"),
    Row("done-elsewhere", S.PLACED, e.Closed, S.CLOSED, "all was fulfilled before we heard of it"),
    Row("pay", S.PLACED, e.PaymentConfirmed, S.PLACED, "the channel says it is paid"),
    Row("accept", S.PLACED, e.Accepted, S.ACCEPTED, "the money is there"),
    Row("reserve", S.ACCEPTED, e.StockReserved, S.RESERVED, "every line is reserved"),
    Row("backorder", S.ACCEPTED, e.Backordered, S.BACKORDERED, "a SKU is short"),
    Row("stock-again", S.BACKORDERED, e.StockTriedAgain, S.ACCEPTED, "time to try again"),
    Row("pack", S.RESERVED, e.Packed, S.PACKED, "the warehouse packed it"),
    Row("label", S.PACKED, e.Labelled, S.LABELLED, "the carrier sold a label"),
    Row("ship", S.LABELLED, e.Shipped, S.SHIPPED, "the carrier has the parcel"),
    Row("nothing-to-ship", S.RESERVED, e.Delivered, S.DELIVERED, "no line needs shipping"),
    Row("deliver", S.SHIPPED, e.Delivered, S.DELIVERED, "the customer has the parcel"),
    Row("close", S.DELIVERED, e.Closed, S.CLOSED, "nothing is left to do"),
    *(
        Row("cancel", stage, e.CancelRequested, S.CANCELLING, "cancelled before hand-over")
        for stage in BEFORE_HAND_OVER
    ),
    Row("cancelled", S.CANCELLING, e.Cancelled, S.CANCELLED, "everything done is undone"),
    Row("cancelled", S.PLACED, e.Cancelled, S.CANCELLED, "it was cancelled before it arrived"),
    *_stay("post", WITH_PARTNERS, e.PostedToErp, "the ERP has the order"),
    *_stay("release", WITH_PARTNERS, e.ReleasedToWarehouse, "the warehouse has the task"),
    *_stay("notify", (*WITH_PARTNERS, *ENDS), e.CustomerNotified, "the customer was told"),
    *_stay("track-back", (S.SHIPPED, S.DELIVERED), e.TrackedBack, "the storefront shows it"),
    *_stay("pick", (S.RESERVED,), e.Picked, "the goods are off the shelf"),
    *_stay("short-pick", (S.RESERVED,), e.ShortPicked, "the warehouse found too little"),
    *_stay("track", (S.LABELLED, S.SHIPPED), e.Asked, "time to ask the carrier"),
    *_stay("tracked", (S.LABELLED, S.SHIPPED, S.CANCELLING), e.Tracked, "the carrier answered"),
    *_stay("late-reserve", (S.CANCELLING,), e.StockReserved, "was under way when cancelled"),
    *_stay("late-short", (S.CANCELLING,), e.Backordered, "was under way when cancelled"),
    *_stay("late-label", (S.CANCELLING,), e.Labelled, "was under way when cancelled"),
    *_stay("undo", (S.CANCELLING,), e.Compensated, "one thing done was undone"),
    *_stay("too-late", (S.SHIPPED, S.DELIVERED, S.CLOSED), e.CancelRefused, "the parcel has left"),
    *_stay("amend", (S.PLACED, S.BACKORDERED), e.Amended, "nothing was done yet"),
    *_stay("normalise", (S.PLACED, S.BACKORDERED), e.Normalised, "the mappings changed"),
    *_stay("note", (*OPEN, *ENDS), e.UpdateNoted, "nothing that matters changed"),
    *_stay("report", (*OPEN, *ENDS), e.ReportNoted, "the channel told what happened there"),
    *_stay("look", (*OPEN, *ENDS), e.LookAsked, "it changed at the channel"),
    *_stay("fetched", (*OPEN, *ENDS), e.Fetched, "the channel said how it is now"),
    *_stay("hold", OPEN, e.Held, "a person must look"),
    *_stay("free", OPEN, e.HoldReleased, "a person looked"),
    *_stay("elevate", (*OPEN, *ENDS), e.GivenToPerson, "no machine can fix it"),
    *_stay("retry", (*OPEN, *ENDS), e.Retried, "a person asked for it"),
    *_stay("skip", (*OPEN, *ENDS), e.Skipped, "a person asked for it"),
    *_stay("alarm", OPEN, e.Overdue, "it waited longer than it may"),
    *_stay("refuse", (*OPEN, *ENDS), e.ActionRefused, "it can't be done in this stage"),
)

WAITS: dict[Stage, Wait] = {
    S.EXPECTED: Wait("the channel to send the order itself", "place_due_seconds"),
    S.PLACED: Wait("the customer's payment", "payment_due_seconds"),
    S.ACCEPTED: Wait("the stock reservation", "stock_due_seconds"),
    S.BACKORDERED: Wait("stock to arrive", "stock_due_seconds"),
    S.RESERVED: Wait("the warehouse to pack", "pack_due_seconds"),
    S.PACKED: Wait("the carrier to sell the label", "label_due_seconds"),
    S.LABELLED: Wait("the carrier's first scan", "scan_due_seconds"),
    S.SHIPPED: Wait("the carrier to deliver", "delivery_due_seconds"),
    S.DELIVERED: Wait("the last partners to answer", "close_due_seconds"),
    S.CANCELLING: Wait("partners to undo what was done", "cancel_due_seconds"),
}

_BY_EVENT: dict[tuple[str, type[e.Event]], Row] = {(r.stage, r.event): r for r in LIFECYCLE}


class IllegalTransition(Exception):
    """An event that no row of the table allows in this stage: a programmer's error."""


def row_for(stage: str, event: type[e.Event]) -> Row:
    """Return the row that allows `event` in `stage`. Raises IllegalTransition."""
    row = _BY_EVENT.get((stage, event))
    if row is None:
        raise IllegalTransition(f"{tag_of(event)} is not allowed while an order is {stage}.")
    return row


def allows(stage: str, event: type[e.Event]) -> bool:
    """Tell whether the table lets `event` happen in `stage`."""
    return (stage, event) in _BY_EVENT

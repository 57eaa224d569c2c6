"""Inputs: everything an order's actor receives, whoever sent it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.messages.effects import Parcel, Result
from schemas.order.canonical import LongText, Minor, Order, Ref, ShortText, Timestamp

Fulfilled = Literal["", "partly", "wholly"]
"""What the channel shows as fulfilled already of what travels, by whomever. It matters until we
hand the order over, for before that it was not us."""


class PlaceOrder(Struct, frozen=True, kw_only=True, tag="order.place.v1"):
    """A channel states a new order."""

    order: Order
    fulfilled: Fulfilled = ""


class ConfirmPayment(Struct, frozen=True, kw_only=True, tag="order.confirm_payment.v1"):
    """The channel says the order is paid; `order` is the whole order where the channel sends it."""

    ref: Ref
    paid_minor: Minor | None = None
    order: Order | None = None
    fulfilled: Fulfilled = ""


class UpdateOrder(Struct, frozen=True, kw_only=True, tag="order.update.v1"):
    """A channel states how an order looks now. It may be stale, or the echo of our own change."""

    order: Order
    fulfilled: Fulfilled = ""


class CancelOrder(Struct, frozen=True, kw_only=True, tag="order.cancel.v1"):
    """Somebody wants the order cancelled. `requested_by` is the channel or a person. `whole`: the
    channel says so of the order as it is, so that nothing more of it is to be waited for."""

    ref: Ref
    reason: ShortText = ""
    requested_by: ShortText = "channel"
    whole: bool = False


class NoteReport(Struct, frozen=True, kw_only=True, tag="order.note_report.v1"):
    """A channel says that something happened to the order, without saying how it looks now.

    `topic` is the channel's own name of it; `words` tell a person what it means, without personal
    data. `hold` says when a person must look before goods leave the house: never (``), whenever
    that is still possible (`before_hand_over`), or only once work has begun (`once_begun`).
    `waits`: the channel says that the order is not ready to be sent to us yet, such as one whose
    payment it has not confirmed; it may take as long as a payment may.

    `look`: an order that we know may look different now, so the channel is asked. `at` is when it
    happened there (RFC 3339 with a zone; None when no one says): a statement of the order as new as
    that tells all there is to know, so it ends what waits for a comparison (`once_begun`).
    """

    ref: Ref
    source: ShortText
    topic: ShortText
    words: ShortText
    hold: Literal["", "before_hand_over", "once_begun"] = ""
    waits: bool = False
    look: bool = False
    at: Timestamp | None = None


class RefetchOrder(Struct, frozen=True, kw_only=True, tag="order.refetch.v1"):
    """Something about the order changed at its channel, and no one said what: it is to be asked how
    the order is now. `source` is who said so (a channel's kind, `backfill`, a person), `topic` what
    he calls it."""

    ref: Ref
    source: ShortText
    topic: ShortText = ""


class ReportPicked(Struct, frozen=True, kw_only=True, tag="warehouse.picked.v1"):
    """The warehouse took the goods from the shelf."""

    ref: Ref
    task_id: ShortText


class ReportPacked(Struct, frozen=True, kw_only=True, tag="warehouse.packed.v1"):
    """The warehouse packed the goods into these parcels."""

    ref: Ref
    task_id: ShortText
    parcels: tuple[Parcel, ...]


class ShortLine(Struct, frozen=True, kw_only=True):
    """A line of which the warehouse found less than asked."""

    line_id: Ref
    ordered_quantity: int
    picked_quantity: int


class ReportShortPicked(Struct, frozen=True, kw_only=True, tag="warehouse.short_picked.v1"):
    """The warehouse could not find everything."""

    ref: Ref
    task_id: ShortText
    lines: tuple[ShortLine, ...]


class ReportHandedOver(Struct, frozen=True, kw_only=True, tag="warehouse.handed_over.v1"):
    """The carrier's driver has the parcels."""

    ref: Ref
    task_id: ShortText


class ReportTaskCancelled(Struct, frozen=True, kw_only=True, tag="warehouse.task_cancelled.v1"):
    """The warehouse cancelled its task, asked or by itself."""

    ref: Ref
    task_id: ShortText


class ActOnOrder(Struct, frozen=True, kw_only=True, tag="person.act.v1"):
    """A person's decision, audited by name: `retry` or `skip` an effect (its number is the target),
    `release` a hold (its id is the target), or `cancel`."""

    ref: Ref
    verb: ShortText
    person: ShortText
    reason: LongText = ""
    target: ShortText = ""


class EffectDone(Struct, frozen=True, kw_only=True, tag="effect.done.v1"):
    """A partner did what effect `number` asked."""

    number: int
    result: Result


class EffectRefused(Struct, frozen=True, kw_only=True, tag="effect.refused.v1"):
    """A partner refused effect `number` for a business reason; repeating it won't help."""

    number: int
    reason: str


class EffectGivenUp(Struct, frozen=True, kw_only=True, tag="effect.given_up.v1"):
    """No one can tell or fix effect `number` but a person. `outcome_known` is False when it may
    have been done."""

    number: int
    reason: str
    outcome_known: bool = True


class TimerFired(Struct, frozen=True, kw_only=True, tag="timer.fired.v1"):
    """A timer set by an earlier decision is due."""

    name: str


Input = (
    PlaceOrder
    | ConfirmPayment
    | UpdateOrder
    | CancelOrder
    | NoteReport
    | RefetchOrder
    | ReportPicked
    | ReportPacked
    | ReportShortPicked
    | ReportHandedOver
    | ReportTaskCancelled
    | ActOnOrder
    | EffectDone
    | EffectRefused
    | EffectGivenUp
    | TimerFired
)

KINDS: dict[str, type[Struct]] = {
    "place": PlaceOrder,
    "pay": ConfirmPayment,
    "update": UpdateOrder,
    "cancel": CancelOrder,
    "note": NoteReport,
    "refetch": RefetchOrder,
    "picked": ReportPicked,
    "packed": ReportPacked,
    "short-picked": ReportShortPicked,
    "handed-over": ReportHandedOver,
    "task-cancelled": ReportTaskCancelled,
    "act": ActOnOrder,
}
"""The `<kind>` token of `orders.in.<channel>.<kind>.<ref>` and the input it means."""

"""Inputs: everything an order's actor receives, whoever sent it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.effects import LineCodes, Result, Units
from schemas.messages.return_inputs import HandleReturn
from schemas.order.canonical import (
    Address,
    Grams,
    LongText,
    Minor,
    Order,
    Ref,
    ShortText,
    Timestamp,
)
from schemas.order.money import MAX_MINOR
from schemas.order.things import ORDER, Key


class OutsideShipment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Units that the channel shows as fulfilled, by whomever: ours, when `outside_id` or one of
    `tracking_numbers` is one we know, or when an open publication of ours fits. A channel that
    knows sums alone, or more of a line than its shipments hold, states one with `outside_id` "",
    whose quantities are all of the line that is fulfilled. `units` name the channel's line ids.
    """

    outside_id: ShortText
    units: tuple[Units, ...]
    tracking_numbers: tuple[ShortText, ...] = ()


class Later(Struct, frozen=True, kw_only=True):
    """What a channel wants sent later: `units` of the order, not before `at` (RFC 3339 with a
    zone; None: not before it asks for them), which it knows together by its own id `outside_id`.
    Without units they are due."""

    outside_id: Ref
    at: Timestamp | None = None
    units: Annotated[tuple[Units, ...], Meta(max_length=500)] = ()


class PlaceOrder(Struct, frozen=True, kw_only=True, tag="order.place.v2"):
    """A channel states a new order. `fulfilled` is what it shows as fulfilled already, and
    `fulfilled_is_all` says that nothing else is: what was shown before was taken back there.
    `unasked` is what it has not asked us to send yet (None: it does not say)."""

    order: Order
    fulfilled: Annotated[tuple[OutsideShipment, ...], Meta(max_length=500)] = ()
    fulfilled_is_all: bool = False
    unasked: Later | None = None


class ConfirmPayment(Struct, frozen=True, kw_only=True, tag="order.confirm_payment.v2"):
    """The channel says the order is paid; `order` is the whole order where the channel sends it,
    `fulfilled_is_all` and `unasked` as in PlaceOrder. `paid_minor` is what is paid of it by now, of
    all payments together, in minor units of its currency (None: all of it): less than its total is
    a part."""

    ref: Ref
    paid_minor: Minor | None = None
    order: Order | None = None
    fulfilled: Annotated[tuple[OutsideShipment, ...], Meta(max_length=500)] = ()
    fulfilled_is_all: bool = False
    unasked: Later | None = None


class UpdateOrder(Struct, frozen=True, kw_only=True, tag="order.update.v2"):
    """A channel states how an order looks now. It may be stale, or the echo of our own change.
    `fulfilled_is_all` and `unasked` as in PlaceOrder; `fetched` is the effect by which we asked, 0
    for what came by itself."""

    order: Order
    fulfilled: Annotated[tuple[OutsideShipment, ...], Meta(max_length=500)] = ()
    fulfilled_is_all: bool = False
    unasked: Later | None = None
    fetched: Annotated[int, Meta(ge=0)] = 0


class CancelOrder(Struct, frozen=True, kw_only=True, tag="order.cancel.v1"):
    """Somebody wants the order cancelled. `requested_by` is the channel or a person. `whole`: the
    channel says so of the order as it is, so that nothing more of it is to be waited for. `at` is
    when the order last changed at the channel as it says so (RFC 3339 with a zone; None when the
    sender does not say)."""

    ref: Ref
    reason: ShortText = ""
    requested_by: ShortText = "channel"
    whole: bool = False
    at: Timestamp | None = None


class AskedToStop(Struct, frozen=True, kw_only=True):
    """What a channel asks us not to send: `units` of the order, all that it still waits for under
    its own id `outside_id`. It is told whether they were stopped."""

    outside_id: Ref
    units: Annotated[tuple[Units, ...], Meta(min_length=1, max_length=500)]


class NoteReport(Struct, frozen=True, kw_only=True, tag="order.note_report.v1"):
    """A channel says that something happened to the order, without saying how it looks now.

    `topic` is the channel's own name of it; `words` tell a person what it means, without personal
    data. `hold` says when a person must look before goods leave the house: never (``), whenever
    that is still possible (`before_hand_over`), or only once work has begun (`once_begun`).
    `waits`: the channel says that the order is not ready to be sent to us yet, such as one whose
    payment it has not confirmed; it may take as long as a payment may.

    `refetch`: an order that we know may look different now, so it is fetched. `at` is when it
    happened there (RFC 3339 with a zone; None when the sender does not say): a statement of the
    order as new as that tells all there is to know, so it ends what waits for a comparison
    (`once_begun`, `unread`). `unread`: it is a statement of the order that is not understood, so
    that none older than it ends its hold, and where `at` is not known only one that is asked for
    afterwards.

    `frees` are topics: what an earlier note of theirs held is so no more at the channel, and those
    holds end with this note. `stop` is what the channel asks us not to send, where it can be told
    what became of that. `later` is what it wants sent later, or what is due now. `request` is what
    it asks us to take on, by its own id ("": nothing). `ready`: it shows that all of it waits for
    its customer, which holds nothing of what we told it is so. `known`: it says nothing of an order
    that has not come.
    """

    ref: Ref
    source: ShortText
    topic: ShortText
    words: ShortText
    hold: Literal["", "before_hand_over", "once_begun"] = ""
    waits: bool = False
    refetch: bool = False
    at: Timestamp | None = None
    frees: Annotated[tuple[ShortText, ...], Meta(max_length=8)] = ()
    stop: AskedToStop | None = None
    later: Later | None = None
    request: ShortText = ""
    ready: bool = False
    known: bool = False
    unread: bool = False


class RefetchOrder(Struct, frozen=True, kw_only=True, tag="order.refetch.v1"):
    """Something about the order changed at its channel and the message does not say what: the
    current order is fetched. `source` is who said so (a channel's kind, `backfill`, a person),
    `topic` the source's own name of it. `shipped`: the channel says that all of it has left. Where
    all left from here, and the channel was told, that is our own echo, and nothing is fetched."""

    ref: Ref
    source: ShortText
    topic: ShortText = ""
    shipped: bool = False


# --- a warehouse's reports (docs/warehouse-contract.md, version 2) --------------------------------


class ReportedParcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parcel as the warehouse packed it. `parcel_id` is its own id within the task. What it holds
    is the truth, whatever was asked. `codes` are those of single pieces, by line. `carrier` and
    `tracking_number` come from a warehouse that buys its own labels."""

    parcel_id: Ref
    units: Annotated[tuple[Units, ...], Meta(max_length=500)] = ()
    weight_grams: Grams = 0
    length_mm: int = 0
    width_mm: int = 0
    height_mm: int = 0
    carrier: ShortText = ""
    tracking_number: ShortText = ""
    codes: Annotated[tuple[LineCodes, ...], Meta(max_length=500)] = ()


class ReportPicked(Struct, frozen=True, kw_only=True, tag="warehouse.picked.v2"):
    """The warehouse took the goods of a fulfilment from the shelf. `sequence` is as in a
    hand-over."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    sequence: Annotated[int, Meta(ge=0)] = 0


class ReportShortPicked(Struct, frozen=True, kw_only=True, tag="warehouse.short_picked.v2"):
    """The warehouse could not find everything; `found` is what it did find, line by line.
    `sequence` is as in a hand-over."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    found: Annotated[tuple[Units, ...], Meta(max_length=500)]
    sequence: Annotated[int, Meta(ge=0)] = 0


class ReportPacked(Struct, frozen=True, kw_only=True, tag="warehouse.packed.v2"):
    """The warehouse packed goods into these parcels. `complete` False: more of the same task will
    follow, because the warehouse split it. `sequence` is as in a hand-over. `person` packs by hand,
    and saw what was in no parcel yet: what holds more than that was reported by two people."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    parcels: Annotated[tuple[ReportedParcel, ...], Meta(max_length=100)]
    complete: bool = True
    sequence: Annotated[int, Meta(ge=0)] = 0
    person: ShortText = ""


class ReportHandedOver(Struct, frozen=True, kw_only=True, tag="warehouse.handed_over.v2"):
    """The carrier has these parcels, by the warehouse's own ids (none named: all packed so far).
    They may be the first we hear of them, with contents and numbers. `sequence` is the report's
    place among those of its task, from 1; 0 where the warehouse does not count."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    parcels: Annotated[tuple[ReportedParcel, ...], Meta(max_length=100)] = ()
    sequence: Annotated[int, Meta(ge=0)] = 0


class ReportTaskCancelled(Struct, frozen=True, kw_only=True, tag="warehouse.task_cancelled.v2"):
    """The warehouse cancelled its task: because we asked, or by itself; `reason` is its own
    sentence."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    reason: ShortText = ""


class ReportCollected(Struct, frozen=True, kw_only=True, tag="warehouse.collected.v1"):
    """The customer collected a pickup, or received a local delivery. `sequence` is as in a
    hand-over."""

    ref: Ref
    fulfilment: Key
    task_id: ShortText
    sequence: Annotated[int, Meta(ge=0)] = 0


# --- people ---------------------------------------------------------------------------------------


class ActOnOrder(Struct, frozen=True, kw_only=True, tag="person.act.v1"):
    """A person's decision, audited by name. `verb`: `retry` or `skip` an effect (the target is its
    number), `release` a hold (its id), `done` a task that was left to a person (its id), `accept`
    an order without money, `cancel` the order, `claim` one that came through another channel, too,
    `ship-short` or `backorder` or `drop` what a short pick left open (the target is the
    fulfilment's key, or none), `hold` the order, `refetch` it from its channel, `redecide` it by
    the mappings and rules in use, `correct` its address to what the service that checks it writes.
    `approved_by` are those whose limits allow a release, and `approved_minor` what the order came
    to for them."""

    ref: Ref
    verb: ShortText
    person: ShortText
    reason: LongText = ""
    target: ShortText = ""
    approved_by: Annotated[tuple[ShortText, ...], Meta(max_length=2)] = ()
    approved_minor: Minor | None = None


class LineEdit(Struct, frozen=True, kw_only=True):
    """A line's quantity as it should be; 0 removes the line."""

    line_id: Ref
    quantity: Annotated[int, Meta(ge=0, le=1_000_000)]


class ParcelCodes(Struct, frozen=True, kw_only=True):
    """The codes of all pieces of a line that are in a parcel, such as Amazon's Transparency
    codes."""

    parcel: Annotated[Key, Meta(pattern=r"^K[0-9]{1,4}(?![\s\S])")]
    line_id: Ref
    codes: Annotated[tuple[Ref, ...], Meta(min_length=1, max_length=1_000)]


class RefundAsk(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Money that a person gives back, in minor units of what the customer pays in. Without an
    amount it is what `lines` and, with `shipping`, what was paid for shipping come to, or, without
    these, what is owed. `goodwill`: it is beside what is owed, which stays owed. `again`: the
    person knows that goods that he names were paid back by hand before, and means it."""

    amount_minor: Annotated[int, Meta(ge=1, le=MAX_MINOR)] | None = None
    lines: Annotated[tuple[LineEdit, ...], Meta(max_length=500)] = ()
    shipping: bool = False
    goodwill: bool = False
    again: bool = False


class EditOrder(Struct, frozen=True, kw_only=True, tag="person.edit.v1", omit_defaults=True):
    """A person changes an order here. What is None or empty stays. Money is the channel's: a
    quantity taken away leaves money owed; none can be added. `codes` of pieces, which the warehouse
    did not send, are entered by themselves, and so is a `refund`."""

    ref: Ref
    person: ShortText
    reason: LongText = ""
    ship_to: Address | None = None
    email: Annotated[str, Meta(max_length=320)] | None = None
    phone: Annotated[str, Meta(max_length=64)] | None = None
    shipping_method: ShortText | None = None
    note: LongText | None = None
    lines: Annotated[tuple[LineEdit, ...], Meta(max_length=500)] = ()
    codes: Annotated[tuple[ParcelCodes, ...], Meta(max_length=500)] = ()
    refund: RefundAsk | None = None


# --- the runtime ----------------------------------------------------------------------------------


class EffectDone(Struct, frozen=True, kw_only=True, tag="effect.done.v2"):
    """A partner did what effect `number` asked."""

    number: int
    result: Result


class EffectRefused(Struct, frozen=True, kw_only=True, tag="effect.refused.v1"):
    """A partner refused effect `number` for a business reason; repeating it won't help."""

    number: int
    reason: str


class EffectGivenUp(Struct, frozen=True, kw_only=True, tag="effect.given_up.v1"):
    """Only a person can tell how effect `number` ended, or correct it. `outcome_known` is False
    when it may have been done; `sought` that a person had skipped it, and that looking it up later
    ends without telling."""

    number: int
    reason: str
    outcome_known: bool = True
    sought: bool = False


class TimerFired(Struct, frozen=True, kw_only=True, tag="timer.fired.v2"):
    """A timer that an earlier decision set for a thing is due."""

    name: str
    key: Key = ORDER


Input = (
    PlaceOrder
    | ConfirmPayment
    | UpdateOrder
    | CancelOrder
    | NoteReport
    | RefetchOrder
    | ReportPicked
    | ReportShortPicked
    | ReportPacked
    | ReportHandedOver
    | ReportTaskCancelled
    | ReportCollected
    | ActOnOrder
    | EditOrder
    | HandleReturn
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
    "short-picked": ReportShortPicked,
    "packed": ReportPacked,
    "handed-over": ReportHandedOver,
    "task-cancelled": ReportTaskCancelled,
    "collected": ReportCollected,
    "act": ActOnOrder,
    "edit": EditOrder,
    "return": HandleReturn,
}
"""The `<kind>` token of `orders.in.<channel>.<kind>.<ref>` and the input it means."""

__all__ = ["HandleReturn"]

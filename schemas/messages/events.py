"""Events: what was decided about an order. Past tense, immutable, versioned, no personal data."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.effects import Parcel
from schemas.messages.inputs import ShortLine


class Intent(Struct, frozen=True, array_like=True):
    """An effect that was intended together with the event: its number and versioned kind."""

    number: int
    kind: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every event carries.

    `rule` names the row of the life-cycle table that decided it; `settles` is the number of the
    effect whose end it records (0: none); `intends` lists the effects it brings about.
    """

    rule: str
    settles: int = 0
    intends: tuple[Intent, ...] = ()


class PlacedLine(Struct, frozen=True, array_like=True):
    """A line as decisions need it."""

    line_id: str
    sku: str
    quantity: int
    requires_shipping: bool


class Placed(Event, frozen=True, kw_only=True, tag="order.placed.v1"):
    """The order exists. Personal data stays in the order's body, whose SHA-256 is `body_digest`.
    `received_at` is when its first message was safe with us; `notify` that there is whom to write
    to; `doubts` are the reasons why a person might look at whom it goes to. `mappings` is the
    version of the mappings that made the lines (0: there were none); `stated_digest` is the digest
    of what the channel stated, "" when that is the body itself."""

    channel: str
    ref: str
    number: str
    correlation_id: str
    currency: str
    total_minor: int
    payment: str
    source_updated_at: str
    lines: tuple[PlacedLine, ...]
    body_digest: str
    country: str = ""
    notify: bool = False
    received_at: str = ""
    doubts: tuple[str, ...] = ()
    mappings: int = 0
    stated_digest: str = ""


class PaymentConfirmed(Event, frozen=True, kw_only=True, tag="order.payment_confirmed.v1"):
    """The channel says the money is there. May come before the order itself."""

    channel: str
    ref: str
    correlation_id: str
    paid_minor: int = -1


class Accepted(Event, frozen=True, kw_only=True, tag="order.accepted.v1"):
    """The order may be worked on."""


class Amended(Event, frozen=True, kw_only=True, tag="order.amended.v1"):
    """The channel changed the order and the change was taken over. `notify` says whether there is
    whom to write to (None: it was not looked at then)."""

    source_updated_at: str
    total_minor: int
    payment: str
    lines: tuple[PlacedLine, ...]
    body_digest: str
    country: str = ""
    mappings: int = 0
    stated_digest: str = ""
    notify: bool | None = None


class Normalised(Event, frozen=True, kw_only=True, tag="order.normalised.v1"):
    """The order was looked at again with newer mappings. Holds for what had been missing end with
    it; what is still missing is held again."""

    mappings: int
    lines: tuple[PlacedLine, ...]
    body_digest: str
    stated_digest: str = ""


class UpdateNoted(Event, frozen=True, kw_only=True, tag="order.update_noted.v1"):
    """The channel stated the order again and nothing that matters to fulfilment differs.
    `total_minor` is what it costs now, where that changed after work had begun (-1: it did not)."""

    source_updated_at: str
    total_minor: int = -1


class ReportNoted(Event, frozen=True, kw_only=True, tag="order.report_noted.v1"):
    """A channel told something about the order that changes nothing by itself. `topic` is its own
    name of it. May come before the order itself; `waits` says then that the channel is not ready
    to tell it."""

    channel: str
    ref: str
    correlation_id: str
    source: str
    topic: str
    words: str
    waits: bool = False


class LookAsked(Event, frozen=True, kw_only=True, tag="order.look_asked.v1"):
    """Somebody said that the order changed at its channel: it is asked how the order is now. May
    come before the order itself. While an earlier question is under way one more follows it."""

    channel: str
    ref: str
    correlation_id: str
    source: str
    topic: str = ""


class Fetched(Event, frozen=True, kw_only=True, tag="order.fetched.v1"):
    """The channel said how the order is now. Its words, whose SHA-256 is `digest`, come in as a
    letter of their own."""

    digest: str


class StockReserved(Event, frozen=True, kw_only=True, tag="order.stock_reserved.v1"):
    """Every line is reserved at `place`."""

    place: str


class Backordered(Event, frozen=True, kw_only=True, tag="order.backordered.v1"):
    """These SKUs are short; the reservation is tried again later."""

    skus: tuple[str, ...]


class PostedToErp(Event, frozen=True, kw_only=True, tag="order.posted_to_erp.v1"):
    """The ERP has the sales order."""

    erp_id: str
    erp_number: str


class ReleasedToWarehouse(Event, frozen=True, kw_only=True, tag="order.released_to_warehouse.v1"):
    """The warehouse has the task."""

    task_id: str


class CustomerNotified(Event, frozen=True, kw_only=True, tag="order.customer_notified.v1"):
    """The mail server took the message."""

    template: str
    message_id: str


class Picked(Event, frozen=True, kw_only=True, tag="order.picked.v1"):
    """The goods are off the shelf."""


class ShortPicked(Event, frozen=True, kw_only=True, tag="order.short_picked.v1"):
    """The warehouse found less than was asked."""

    lines: tuple[ShortLine, ...]


class Packed(Event, frozen=True, kw_only=True, tag="order.packed.v1"):
    """The goods are in these parcels."""

    parcels: tuple[Parcel, ...]


class Labelled(Event, frozen=True, kw_only=True, tag="order.labelled.v1"):
    """The label is bought. `label_document` names the stored image ("" when there is none)."""

    carrier: str
    shipment_id: str
    tracking_number: str
    service: str = ""
    charge_minor: int = 0
    charge_currency: str = ""
    label_document: str = ""


class Tracked(Event, frozen=True, kw_only=True, tag="order.tracked.v1"):
    """The carrier answered; the status did not move the order on."""

    status: str
    detail: str = ""


class Shipped(Event, frozen=True, kw_only=True, tag="order.shipped.v1"):
    """The carrier has the parcel (first scan, or the warehouse handed it over)."""

    scanned_at: str = ""


class TrackedBack(Event, frozen=True, kw_only=True, tag="order.tracked_back.v1"):
    """The storefront shows the tracking."""

    fulfilment_id: str


class Delivered(Event, frozen=True, kw_only=True, tag="order.delivered.v1"):
    """The parcel is with the customer."""

    delivered_at: str = ""


class Closed(Event, frozen=True, kw_only=True, tag="order.closed.v1"):
    """Nothing is left to do."""


class CancelRequested(Event, frozen=True, kw_only=True, tag="order.cancel_requested.v1"):
    """The order is to be cancelled; what was done is undone in reverse."""

    channel: str
    ref: str
    correlation_id: str
    reason: str
    requested_by: str


class CancelRefused(Event, frozen=True, kw_only=True, tag="order.cancel_refused.v1"):
    """Too late to cancel: the parcel has left. A return is needed."""

    reason: str
    requested_by: str


class Compensated(Event, frozen=True, kw_only=True, tag="order.compensated.v1"):
    """One thing that had been done was undone: `stock`, `erp`, `warehouse` or `label`."""

    what: str
    detail: str = ""


class Cancelled(Event, frozen=True, kw_only=True, tag="order.cancelled.v1"):
    """Everything that had been done is undone."""


class Held(Event, frozen=True, kw_only=True, tag="order.held.v1"):
    """The order waits for a person, who releases the hold by its id. A statement of the channel
    from `compare_from` on ("": none does) releases it too: what was not known then is."""

    hold_id: str
    reason: str
    compare_from: str = ""


class HoldReleased(Event, frozen=True, kw_only=True, tag="order.hold_released.v1"):
    """A person released a hold, or the service one that a comparison made needless."""

    hold_id: str
    person: str
    reason: str = ""


class GivenToPerson(Event, frozen=True, kw_only=True, tag="order.given_to_person.v1"):
    """An effect ended without success, and only a person can say how to go on."""

    effect: int
    kind: str
    reason: str
    outcome_known: bool = True


class Retried(Event, frozen=True, kw_only=True, tag="order.effect_retried.v1"):
    """A person had an effect tried again."""

    effect: int
    person: str
    reason: str = ""


class Asked(Event, frozen=True, kw_only=True, tag="order.asked.v1"):
    """A question goes out: where the parcel is."""


class StockTriedAgain(Event, frozen=True, kw_only=True, tag="order.stock_tried_again.v1"):
    """A backordered order tries its reservation again."""


class Skipped(Event, frozen=True, kw_only=True, tag="order.effect_skipped.v1"):
    """A person said to go on without an effect."""

    effect: int
    kind: str
    person: str
    reason: str = ""


class Overdue(Event, frozen=True, kw_only=True, tag="order.overdue.v1"):
    """The order waited longer than its stage allows: an alarm."""

    stage: str
    waiting_for: str


class ActionRefused(Event, frozen=True, kw_only=True, tag="order.action_refused.v1"):
    """A person asked for something that this order can't do now."""

    verb: str
    person: str
    reason: str


OrderEvent = (
    Placed
    | PaymentConfirmed
    | Accepted
    | Amended
    | Normalised
    | UpdateNoted
    | ReportNoted
    | LookAsked
    | Fetched
    | StockReserved
    | Backordered
    | PostedToErp
    | ReleasedToWarehouse
    | CustomerNotified
    | Picked
    | ShortPicked
    | Packed
    | Labelled
    | Tracked
    | Shipped
    | TrackedBack
    | Delivered
    | Closed
    | CancelRequested
    | CancelRefused
    | Compensated
    | Cancelled
    | Held
    | HoldReleased
    | GivenToPerson
    | Retried
    | Asked
    | StockTriedAgain
    | Skipped
    | Overdue
    | ActionRefused
)

"""Events for others: what we tell of an order to those who have no API of their own to be told by.

They travel as the `data` of a CloudEvent on `orders.out.<channel>.<event>` and bear no personal
data. `ref` is the channel's own reference, `number` what people call the order, `reference` ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

FULFILLED, CANCELLED, FACT = "order.fulfilled", "order.cancelled", "fact"
READY = "order.ready_for_pickup"
"""The `<event>` of the subject; that of a fact is followed by its name."""


class FulfilledLine(Struct, frozen=True, kw_only=True):
    """So many units of one of the order's lines; `sku` is the SKU that travels."""

    line_id: str
    sku: str
    quantity: int


class FulfilledParcel(Struct, frozen=True, kw_only=True):
    """A parcel that left. `parcel` names it within the order, permanently; carrier and number are
    empty for what needs neither."""

    parcel: str
    carrier: str
    tracking_number: str
    lines: tuple[FulfilledLine, ...]


class OrderFulfilled(Struct, frozen=True, kw_only=True):
    """Parcels of one fulfilment of the order have left, with exactly these units. `fulfilment`
    names it within the order. There may be more of the order to come."""

    channel: str
    ref: str
    number: str
    reference: str
    fulfilment: str
    parcels: tuple[FulfilledParcel, ...]
    notify_customer: bool


class OrderReady(Struct, frozen=True, kw_only=True):
    """Goods that the customer collects are packed and wait for him: these units of the order, all
    that wait by now. `fulfilment` names the one that was packed last."""

    channel: str
    ref: str
    number: str
    reference: str
    fulfilment: str
    lines: tuple[FulfilledLine, ...]


class OrderCancelledHere(Struct, frozen=True, kw_only=True):
    """The order was cancelled on our side, whole, before anything left. `restock`: its units go
    back on sale at the channel. No money was moved."""

    channel: str
    ref: str
    number: str
    reference: str
    reason: str
    restock: bool
    notify_customer: bool


OrderFactName = Literal[
    "placed",
    "accepted",
    "duplicate",
    "held",
    "released",
    "changed",
    "cancel_refused",
    "cancelled",
    "shipped",
    "delivered",
    "returned",
]
MessageFactName = Literal["quarantined", "released", "refused"]


class FactParcel(Struct, frozen=True, kw_only=True):
    """A parcel that a fact is about; carrier and number are empty where none is known."""

    parcel: str
    carrier: str
    tracking_number: str


class OrderFact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of an order. `sequence` rises with everything that is decided about it, so it
    sorts an order's facts. `messages` are the deliveries that led to it, each
    `<channel>/<kind>/<id>`; none where a partner, a timer or a person did.

    A `duplicate` is only recorded: the same order of a marketplace came through another channel
    before. `hold` names the hold that began or ended, `reason` why; `facets` what was changed
    (`address`, `contact`, `method`, `note`, `lines`, `money`), `total_minor` the new total;
    `fulfilment` and `parcels` what left or arrived. `returned` is the return with which goods came
    back; what becomes of them is decided when they are inspected.
    """

    fact: OrderFactName
    channel: str
    ref: str
    number: str
    order_id: str
    reference: str
    sequence: int
    at: datetime
    messages: tuple[str, ...] = ()
    hold: str = ""
    reason: str = ""
    facets: tuple[str, ...] = ()
    total_minor: int | None = None
    fulfilment: str = ""
    parcels: tuple[FactParcel, ...] = ()
    returned: str = ""


class MessageFact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a message that no order has taken: it waits in quarantine as `item`, a person
    released it to its order, or refused it for good. `message` is its delivery,
    `<channel>/<kind>/<id>`, `ref` the order's reference ("" where it is not known); `reason` is a
    code, `words` what the code means. What exactly is wrong is shown with the item, because that
    may quote personal data."""

    fact: MessageFactName
    channel: str
    kind: str
    ref: str
    message: str
    item: int
    reason: str
    words: str
    at: datetime

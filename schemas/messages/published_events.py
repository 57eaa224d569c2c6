"""Events for others: what we tell of an order to those who have no API of their own to be told by.

They travel as the `data` of a CloudEvent on `orders.out.<channel>.<event>` and bear no personal
data. `ref` is the channel's own reference, `number` what people call the order, `reference` ours.
"""

from __future__ import annotations

from msgspec import Struct


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

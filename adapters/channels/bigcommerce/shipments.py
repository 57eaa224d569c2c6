"""What of a publication becomes which shipment in the shop: pure translation.

A shipment of BigCommerce's has one tracking number, so each parcel is a shipment of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from actors.runtime.errors import Rejected
from adapters.channels.bigcommerce.money import wanted_of
from adapters.channels.bigcommerce.order import is_picked_up, travels
from adapters.channels.bigcommerce.shapes import Product, Shipment
from adapters.kit.units import Room, channel_units
from schemas.messages.effects import PublishFulfilment, SentParcel, Units
from schemas.order.canonical import Order
from schemas.order.ids import Reference

PARTNER = "BigCommerce"
MARK = "Orderwright"

PROVIDERS: Mapping[str, str] = {
    "ups": "ups",
    "usps": "usps",
    "fedex": "fedex",
    "canada post": "canadapost",
    "royal mail": "royalmail",
    "australia post": "auspost",
}
"""Our carriers' names in lower case, and BigCommerce's `shipping_provider`; another carrier is told
as the shipping method, and its parcels have no link in the shop."""

MAX_TRACKING_CHARACTERS = 50
"""What BigCommerce takes."""


class Planned(Struct, frozen=True):
    """A parcel with what of the shop's lines it holds, by `order_product_id`."""

    parcel: SentParcel
    units: dict[str, int]


def mark_of(reference: Reference, parcel: SentParcel) -> str:
    """Return the comment that shows a shipment to be this parcel of ours."""
    return f"{MARK} {reference} {parcel.parcel}"


def planned(order: Order, effect: PublishFulfilment, products: Sequence[Product]) -> list[Planned]:
    """Return the parcels that hold goods of the shop's lines. One that only begins a kit has none:
    the kit is told with the parcel that completes it. What was never ordered can't be shown: of the
    units of all parcels together a line has as many as it has in the shop."""
    kits = {str(one.id): wanted_of(one) for one in products}
    shipped = {str(one.id) for one in products if travels(one) and not is_picked_up(one)}
    told: list[Units] = [unit for one in effect.earlier for unit in one.units]
    room = Room(
        {str(one.id): one.quantity for one in products}, channel_units(order, (), told, kits)
    )
    found = []
    for parcel in effect.parcels:
        units = room.take(channel_units(order, told, parcel.units, kits))
        # Fees are lines here and none there; what does not travel has no shipment.
        goods = {
            line: quantity
            for line, quantity in units.items()
            if line in shipped or (line.isdigit() and line not in kits)
        }
        if goods:
            found.append(Planned(parcel, goods))
        told += parcel.units
    return found


def ours(mark: str, shipments: Iterable[Shipment]) -> Shipment | None:
    """Return the shipment with this mark."""
    return next((one for one in shipments if mark in (one.comments or "")), None)


def body_of(one: Planned, mark: str, products: Sequence[Product]) -> dict[str, object]:
    """Return the shipment as BigCommerce takes it. Raises Rejected for what is not there to ship,
    by name, and for what it can't hold."""
    parcel = one.parcel
    if len(parcel.tracking_number) > MAX_TRACKING_CHARACTERS:
        raise Rejected(
            f"{PARTNER} takes tracking numbers of {MAX_TRACKING_CHARACTERS} characters at "
            "most. Make the shipment there by hand."
        )
    by_id = {str(product.id): product for product in products}
    addresses = set()
    for line, quantity in one.units.items():
        product = by_id.get(line)
        left = 0 if product is None else product.quantity - int(product.quantity_shipped or 0)
        if product is None or quantity > left:
            raise Rejected(
                f"{PARTNER} has {left} of the line {line} left to ship, and {quantity} left in "
                f"the parcel {parcel.tracking_number or parcel.parcel}: somebody shipped or "
                "removed the rest there. Make the shipment there by hand."
            )
        addresses.add(product.order_address_id or 0)
    if len(addresses) > 1:
        raise Rejected(
            f"The goods go to {len(addresses)} addresses by now. Make the shipments in "
            f"{PARTNER} by hand."
        )
    provider = PROVIDERS.get(parcel.carrier.lower(), "")
    body: dict[str, object] = {
        "order_address_id": addresses.pop(),
        "tracking_number": parcel.tracking_number,
        "shipping_provider": provider,
        "tracking_carrier": "",
        "comments": mark,
        "items": [
            {"order_product_id": int(line), "quantity": quantity}
            for line, quantity in one.units.items()
        ],
    }
    if not provider and parcel.carrier:
        body["shipping_method"] = parcel.carrier
    return body


def collected(
    order: Order, effect: PublishFulfilment, products: Sequence[Product]
) -> dict[int, int]:
    """Return how much of the lines that are picked up the customer has by now, by
    `order_product_id`. BigCommerce keeps no shipment of it."""
    units = [unit for one in (*effect.earlier, *effect.parcels) for unit in one.units]
    return of_pickups(order, units, products)


def of_pickups(order: Order, units: Iterable[Units], products: Sequence[Product]) -> dict[int, int]:
    """Return how much of the lines that are picked up these units are, by `order_product_id`."""
    picked_up = {str(one.id): one.id for one in products if is_picked_up(one)}
    if not picked_up:
        return {}
    kits = {str(one.id): wanted_of(one) for one in products}
    told = channel_units(order, (), units, kits)
    return {at: told.get(line, 0) for line, at in picked_up.items()}


def is_complete(
    products: Iterable[Product], shipments: Iterable[Shipment], taken: Mapping[int, int]
) -> bool:
    """Say whether every wanted piece that travels is in a shipment, or was collected."""
    sent = dict(taken)
    for shipment in shipments:
        for item in shipment.items:
            sent[item.order_product_id] = sent.get(item.order_product_id, 0) + item.quantity
    return all(sent.get(one.id, 0) >= wanted_of(one) for one in products if travels(one))

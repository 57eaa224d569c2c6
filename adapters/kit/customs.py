"""What parcels are worth to customs: the goods in them after discounts, and never nothing."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.messages.effects import PackedParcel, Units
from schemas.order.canonical import Line, Order
from schemas.order.shares import Part, as_booked, shared


def goods_in(order: Order, parcels: Sequence[PackedParcel]) -> list[tuple[Part, ...]]:
    """Return for each parcel the goods in it and what they come to in the order's currency.

    Gift cards, tips and fees need no shipping and are not goods. Parcels whose contents were
    not reported share all goods evenly by line. A line that the order does not have is left out.
    """
    known = {x.line_id: x for x in order.lines if x.requires_shipping and x.kind == "goods"}
    groups = [[one for one in parcel.units if one.line_id in known] for parcel in parcels]
    if not any(groups):
        groups = _dealt(list(known.values()), len(parcels))
    basis = as_booked(order)
    return [
        tuple(_never_nothing(part, known[part.line_id]) for part in parts)
        for parts in shared(basis, groups)
    ]


def _dealt(lines: Sequence[Line], parcels: int) -> list[list[Units]]:
    """Deal the pieces of all lines to parcels in turn, each line's together."""
    groups: list[list[Units]] = [[] for _ in range(parcels)]
    for line in lines:
        each, rest = divmod(line.quantity, parcels)
        for index, group in enumerate(groups):
            if quantity := each + (index < rest):
                group.append(Units(line.line_id, line.sku, quantity))
    return groups


def _never_nothing(part: Part, line: Line) -> Part:
    """Customs wants what goods are worth, also where a discount took all of it: the price before
    it, and at least one of the smallest unit for each piece."""
    if part.net_minor > 0:
        return part
    worth = max(line.unit_price_minor, 1) * part.quantity
    return Part(part.line_id, part.sku, part.quantity, worth)

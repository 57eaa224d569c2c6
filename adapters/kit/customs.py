"""What parcels are worth to customs: the goods in them after discounts, and never nothing."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.messages.effects import PackedParcel, Units
from schemas.order.canonical import Line, Order
from schemas.order.shares import Basis, Part, as_booked, as_paid, shared


def customs_basis(order: Order) -> Basis:
    """Return the amounts that customs is told, in their currency: what the customer paid, as on the
    invoice. Where that can't be told from the shop's own money it is the shop's."""
    seen = order.presentment
    if seen is None or not (seen.totals.total_minor and order.totals.total_minor):
        return as_booked(order)
    return as_paid(order)


def goods_in(order: Order, parcels: Sequence[PackedParcel]) -> list[tuple[Part, ...]]:
    """Return for each parcel the goods in it and what they come to in `customs_basis`'s currency.

    Gift cards, tips and fees need no shipping and are not goods. Parcels whose contents were
    not reported share all goods evenly by line. A line that the order does not have is left out.
    """
    known = {x.line_id: x for x in order.lines if x.requires_shipping and x.kind == "goods"}
    groups = [[one for one in parcel.units if one.line_id in known] for parcel in parcels]
    if not any(groups):
        groups = _dealt(list(known.values()), len(parcels))
    basis = customs_basis(order)
    return [
        tuple(_never_nothing(part, known[part.line_id], basis, order) for part in parts)
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


def _never_nothing(part: Part, line: Line, basis: Basis, order: Order) -> Part:
    """Customs wants what goods are worth, also where a discount took all of it: the price before
    it, and at least one of the smallest unit for each piece. A price in the shop's own money is
    converted as the order's total was."""
    if part.net_minor > 0:
        return part
    price, per = line.unit_price_minor, order.totals.total_minor
    if basis.currency != order.currency:
        price = (2 * price * basis.total_minor + per) // (2 * per)
    return Part(part.line_id, part.sku, part.quantity, max(price, 1) * part.quantity)

"""What some units of an order come to, so that every partner is told parts of the same total.

An order's amounts are its channel's. A discount of the whole order is shared out over the lines.
What it is above the goods comes off shipping, then duty, then tax, so that no amount is below zero
and all of them still sum to the total. A part of a line is a difference of rounded running sums:
the parts of a line always sum to the line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from schemas.order.canonical import Order, Tax, Totals
from schemas.order.money import share_out


class Priced(Struct, frozen=True):
    """A line's SKU and quantity, and what it comes to: before the discounts of the whole order,
    after them, and its own tax."""

    sku: str
    quantity: int
    stated_minor: int
    net_minor: int
    tax_minor: int


class Basis(Struct, frozen=True, kw_only=True):
    """An order's amounts in one currency, none below zero: the lines after every discount,
    shipping, duty and the tax that comes on top (0 where prices include it) sum to
    `total_minor`."""

    currency: str
    lines: Mapping[str, Priced]
    shipping_minor: int
    duty_minor: int
    tax_minor: int
    total_minor: int
    taxes_included: bool

    def stated_minor(self, part: Part) -> int:
        """Return what a part comes to before the discounts of the whole order. Of a part of a line
        it is the first units' share."""
        line = self.lines[part.line_id]
        return _upto(line.stated_minor, part.quantity, line.quantity)


class Part(Struct, frozen=True):
    """So many units of a line, by the SKU that travels, and what they come to."""

    line_id: str
    sku: str
    quantity: int
    net_minor: int


class Sum(Struct, frozen=True, kw_only=True):
    """What some units of an order come to, with what is paid beside the goods."""

    parts: tuple[Part, ...]
    shipping_minor: int
    duty_minor: int
    tax_minor: int

    @property
    def goods_minor(self) -> int:
        """Return what the goods come to."""
        return sum(part.net_minor for part in self.parts)

    @property
    def total_minor(self) -> int:
        """Return what all of it comes to."""
        return self.goods_minor + self.shipping_minor + self.duty_minor + self.tax_minor


class Counted(Protocol):
    """Units of one line; `sku` is "" for the line's own."""

    @property
    def line_id(self) -> str:
        """The line."""
        ...

    @property
    def sku(self) -> str:
        """The SKU that travels."""
        ...

    @property
    def quantity(self) -> int:
        """How many."""
        ...


def taxes_within(taxes: Sequence[Tax], tax_minor: int) -> tuple[Tax, ...]:
    """Return taxes that are told apart so that they sum to a line's tax: of a part of it, or where
    each was rounded by itself."""
    amounts = [one.amount_minor for one in taxes]
    if not taxes or sum(amounts) == tax_minor:
        return tuple(taxes)
    return tuple(
        replace(one, amount_minor=amount)
        for one, amount in zip(taxes, share_out(tax_minor, amounts), strict=True)
    )


def as_booked(order: Order) -> Basis:
    """Return the order's amounts in its own currency."""
    stated = [line.total_minor for line in order.lines]
    taxes = [line.tax_minor for line in order.lines]
    return _basis(order, order.currency, order.totals, stated, taxes)


def as_paid(order: Order) -> Basis:
    """Return the order's amounts as the customer saw them. Where the channel does not say what each
    line came to, the goods are shared out as the shop's own amounts are."""
    seen = order.presentment
    if seen is None:
        return as_booked(order)
    stated = [line.presentment_total_minor for line in order.lines]
    known = [amount for amount in stated if amount is not None]
    if len(known) < len(stated):
        goods = max(0, seen.totals.subtotal_minor - seen.totals.discount_minor)
        known = share_out(goods, [line.total_minor for line in order.lines])
    taxes = share_out(seen.totals.tax_minor, [line.tax_minor for line in order.lines])
    return _basis(order, seen.currency, seen.totals, known, taxes)


def comes_to(basis: Basis, units: Sequence[Counted] | None = None) -> Sum:
    """Return what these units come to, or all that there are.

    Shipping and duty were paid for the order as one, so they stay whole while any unit is left; tax
    that comes on top goes by the lines' own taxes. Raises KeyError for a line that the order does
    not have.
    """
    if units is None:
        units = [Part(i, line.sku, line.quantity, 0) for i, line in basis.lines.items()]
    parts, count = _parts(basis, units), _counts(units)
    if not parts:
        return Sum(parts=parts, shipping_minor=0, duty_minor=0, tax_minor=0)
    dropped = sum(
        line.tax_minor - _upto(line.tax_minor, count[line_id], line.quantity)
        for line_id, line in basis.lines.items()
        if count[line_id] < line.quantity
    )
    return Sum(
        parts=parts,
        shipping_minor=basis.shipping_minor,
        duty_minor=basis.duty_minor,
        tax_minor=max(0, basis.tax_minor - dropped),
    )


def shared(basis: Basis, groups: Sequence[Sequence[Counted]]) -> list[tuple[Part, ...]]:
    """Return what each group of units comes to, such as the contents of parcels; groups that hold a
    whole line sum to it. Raises KeyError for a line that the order does not have."""
    found: list[tuple[Part, ...]] = []
    before: Counter[str] = Counter()
    for units in groups:
        found.append(_parts(basis, units, before))
        before += _counts(units)
    return found


def _parts(
    basis: Basis, units: Sequence[Counted], before: Mapping[str, int] | None = None
) -> tuple[Part, ...]:
    count: Counter[str] = Counter(before or {})
    parts = []
    for one in units:
        line, start = basis.lines[one.line_id], count[one.line_id]
        count[one.line_id] = end = start + one.quantity
        net = _upto(line.net_minor, end, line.quantity) - _upto(
            line.net_minor, start, line.quantity
        )
        if one.quantity:
            parts.append(Part(one.line_id, one.sku or line.sku, one.quantity, net))
    return tuple(parts)


def _counts(units: Sequence[Counted]) -> Counter[str]:
    count: Counter[str] = Counter()
    for one in units:
        count[one.line_id] += one.quantity
    return count


def _upto(amount_minor: int, quantity: int, of: int) -> int:
    """Return what the first units of a line come to, half a unit of money rounded up."""
    return (2 * amount_minor * quantity + of) // (2 * of)


def _basis(
    order: Order, currency: str, totals: Totals, stated: Sequence[int], taxes: Sequence[int]
) -> Basis:
    after_lines = sum(stated)
    goods = totals.subtotal_minor - totals.discount_minor
    shares = share_out(after_lines - max(goods, 0), stated)
    rest = max(-goods, 0)
    beside = []
    for amount in (
        totals.shipping_minor,
        totals.duty_minor,
        0 if totals.taxes_included else totals.tax_minor,
    ):
        off = min(rest, amount)
        beside.append(amount - off)
        rest -= off
    lines = {
        line.line_id: Priced(line.sku, line.quantity, amount, amount - share, tax)
        for line, amount, share, tax in zip(order.lines, stated, shares, taxes, strict=True)
    }
    return Basis(
        currency=currency,
        lines=lines,
        shipping_minor=beside[0],
        duty_minor=beside[1],
        tax_minor=beside[2],
        total_minor=totals.total_minor,
        taxes_included=totals.taxes_included,
    )

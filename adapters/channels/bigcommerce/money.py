"""BigCommerce's amounts as integers, and its totals as ours: to the cent, or refused.

Amounts have four places and two sides, with tax and without. The side that the shop reckons with
(`is_tax_inclusive_pricing`) is exact, the other estimated: only the exact one is read. So
goods - discounts + shipping + handling + wrapping + fees (+ tax, if it isn't in the prices) is the
total, once each amount is rounded half up and what that left over is shared out to the lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from adapters.channels.bigcommerce.shapes import Amount, BigCommerceOrder, Bundle, Fee, Product
from adapters.kit.rounding import Rounding, line_minors, minor_of, reconciled, usual_minor
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.order.canonical import Discount, Line, Totals
from schemas.order.money import MoneyRefused, share_out

ROUNDING = Rounding(mode="half_up", level="order")
"""BigCommerce reckons with four places and rounds the order's total to the currency's."""

EXTRA = "bigcommerce-"
"""Ids of lines that are not products of the shop begin so: handling, wrapping and fees."""
WRAPPING = "wrapping"

MAX_DISCOUNTS = 100
"""What `order.v1` takes; what is beyond is in the totals all the same."""

_NOTHING = frozenset({None, "", "0.0000"})

SHIPPING_COUPONS = frozenset({3, 4})
"""Types of coupons that are on shipping: so much off, and free."""


class LineMoney(Struct, frozen=True, gc=False):
    """What a line costs, in minor units: before discounts, and what discounts took off it."""

    gross_minor: int
    discount_minor: int
    unit_minor: int
    tax_minor: int


def currency_of(order: BigCommerceOrder) -> str:
    """Return the currency that the amounts are in, which is the one the shopper pays in."""
    return order.default_currency_code or order.currency_code or ""


def minor(amount: Amount, currency: str, rounding: Rounding) -> int:
    """Return an amount in minor units. Raises Refused(money_unreadable)."""
    if amount in _NOTHING:
        return 0
    if (usual := _usual(amount, currency)) is not None:
        return usual
    try:
        return minor_of(str(amount), currency, rounding)
    except MoneyRefused as error:
        raise _unreadable(error) from None


def lines_money(source: Bundle, currency: str, rounding: Rounding) -> list[LineMoney]:
    """Return what each product costs on the side the shop reckons with. Raises Refused."""
    with_tax = source.order.is_tax_inclusive_pricing
    amounts = [one.total_inc_tax if with_tax else one.total_ex_tax for one in source.products]
    gross = _gross(amounts, currency, rounding)
    found = []
    for whole, one in zip(gross, source.products, strict=True):
        amount = whole
        discount = sum([minor(part.amount, currency, rounding) for part in one.applied_discounts])
        unit = minor(one.price_inc_tax if with_tax else one.price_ex_tax, currency, rounding)
        tax = minor(one.total_tax, currency, rounding)
        if one.quantity_refunded:
            now, ordered = wanted_of(one), one.quantity
            amount, discount, tax = (share(x, now, ordered) for x in (amount, discount, tax))
        found.append(LineMoney(amount, discount, unit, tax))
    return found


def totals_of(
    source: Bundle, lines: Sequence[Line], rounding: Rounding
) -> tuple[list[Line], Totals]:
    """Return the lines, with one for each kind of extra cost, and totals around BigCommerce's own.

    Store credit and gift certificates are ways to pay: they are not taken off the total. Of an
    order of which something was refunded the rest counts: money given back beyond the goods is a
    discount, money kept a line of its own. A negative fee is a discount, too. What the parts differ
    from the total by otherwise, beyond rounding, stays, and is refused as total_mismatch.
    """
    order = source.order
    currency, with_tax = currency_of(order), order.is_tax_inclusive_pricing
    extras, given = _extras(order, currency, rounding)
    lines = [*lines, *extras]
    refunded = minor(order.refunded_amount, currency, rounding)
    gone_tax, gone_discount = _refunded(source, currency, rounding)
    total = max(minor(order.total_inc_tax, currency, rounding) - refunded, 0)
    tax = max(minor(order.total_tax, currency, rounding) - gone_tax, 0)
    shipping = minor(
        order.shipping_cost_inc_tax if with_tax else order.shipping_cost_ex_tax, currency, rounding
    )
    discount = minor(order.discount_amount, currency, rounding)
    coupons = minor(order.coupon_discount, currency, rounding)
    discount = max(discount + coupons - gone_discount, 0) + given
    lines = _within(lines, discount)
    # What no line names of the discount is the whole order's.
    common = discount - sum(line.discount_minor for line in lines)
    parts = [line.total_minor for line in lines]
    around = shipping + (0 if with_tax else tax) - common
    if sum(parts) + around != total:
        told = 2 * len(parts) + sum(map(bool, (shipping, tax, discount, coupons)))
        shared = reconciled(parts, total - around, rounding, amounts=told)
        lines = [replace(line, total_minor=x) for line, x in zip(lines, shared, strict=True)]
    left = total - around - sum(line.total_minor for line in lines)
    if left and (refunded or any(one.quantity_refunded for one in source.products)):
        if left < 0:
            discount -= left
        else:
            lines.append(_extra("kept", "Kept of a refund", left))
    return lines, Totals(
        subtotal_minor=sum(line.total_minor + line.discount_minor for line in lines),
        discount_minor=discount,
        shipping_minor=shipping,
        tax_minor=tax,
        total_minor=total,
        taxes_included=with_tax,
    )


def wanted_of(product: Product) -> int:
    """Return how many pieces of a line are wanted: what was not refunded."""
    return max(product.quantity - int(product.quantity_refunded or 0), 0)


def share(amount: int, part: int, whole: int) -> int:
    """Return the part of an amount, rounded half up; all of it when `whole` says nothing."""
    return amount if whole <= 0 else (2 * amount * part + whole) // (2 * whole)


def _refunded(source: Bundle, currency: str, rounding: Rounding) -> tuple[int, int]:
    """Return tax and discount of the pieces that were refunded."""
    gone_tax = gone_discount = 0
    for one in source.products:
        if one.quantity_refunded:
            now, whole = wanted_of(one), one.quantity
            tax = minor(one.total_tax, currency, rounding)
            gone_tax += tax - share(tax, now, whole)
            off = sum([minor(part.amount, currency, rounding) for part in one.applied_discounts])
            gone_discount += off - share(off, now, whole)
    return gone_tax, gone_discount


def discounts_of(source: Bundle, totals: Totals, rounding: Rounding) -> tuple[Discount, ...]:
    """Return the discounts by name: those on lines summed up, and coupons that no line names.

    Where the names claim more than the order's discount is, they share it.
    """
    currency = currency_of(source.order)
    sums: dict[tuple[str, str], int] = {}
    for product in source.products:
        for part in product.applied_discounts:
            code, title = part.code or "", part.name or part.id or ""
            amount = minor(part.amount, currency, rounding)
            sums[code, title] = sums.get((code, title), 0) + amount
    found = [
        Discount(code=code[:256], title=title[:256], amount_minor=amount)
        for (code, title), amount in sums.items()
    ]
    named = {code for code, _ in sums}
    for coupon in source.coupons:
        if coupon.code and coupon.code not in named:
            on: Literal["goods", "shipping"] = "goods"
            if coupon.type in SHIPPING_COUPONS:
                on = "shipping"
            amount = minor(coupon.discount, currency, rounding)
            found.append(Discount(code=coupon.code[:256], amount_minor=amount, applies_to=on))
    amounts = [one.amount_minor if one.applies_to == "goods" else 0 for one in found]
    most = totals.discount_minor
    if sum(amounts) > most >= 0 and min(amounts) >= 0:
        shares = share_out(most, amounts)
        found = [
            replace(one, amount_minor=part) if one.applies_to == "goods" else one
            for one, part in zip(found, shares, strict=True)
        ]
    return tuple(found[:MAX_DISCOUNTS])


def grams_in(units: str | None) -> Decimal | None:
    """Return what a shop's `weight_units` are in grams; None for a unit not known here."""
    return _GRAMS.get((units or "").strip().lower())


def weight_grams(product: Product, unit_grams: Decimal | None) -> int:
    """Return a piece's weight; 0 where the shop tells none, or none that can be read."""
    if unit_grams is None or not product.weight or product.weight == "0.0000":
        return 0
    try:
        # Rounded like money without places.
        return max(0, minor_of(Decimal(str(product.weight)) * unit_grams, "JPY", ROUNDING))
    except (ArithmeticError, MoneyRefused):
        return 0


_GRAMS = {
    name: Decimal(grams)
    for grams, names in (
        ("28.349523125", ("ounces", "ounce", "oz")),
        ("453.59237", ("pounds", "pound", "lbs", "lb")),
        ("1000", ("kilograms", "kilogram", "kgs", "kg")),
        ("1", ("grams", "gram", "g")),
        ("1000000", ("tonnes", "tonne", "t")),
    )
    for name in names
}


def _gross(amounts: list[Amount], currency: str, rounding: Rounding) -> list[int]:
    usual = [_usual(one, currency) for one in amounts]
    exact = [one for one in usual if one is not None]
    if len(exact) == len(usual):  # nothing to round, and nothing to share out
        return exact
    try:
        return line_minors([_text(one) for one in amounts], currency, rounding)
    except MoneyRefused as error:
        raise _unreadable(error) from None


def _usual(amount: Amount, currency: str) -> int | None:
    return usual_minor(amount, currency) if isinstance(amount, str) else None


def _extras(order: BigCommerceOrder, currency: str, rounding: Rounding) -> tuple[list[Line], int]:
    """Return a line for each extra cost, and what negative fees take off the order."""
    with_tax = order.is_tax_inclusive_pricing
    found, given = [], 0
    for name, title, inc, ex in (
        ("handling", "Handling", order.handling_cost_inc_tax, order.handling_cost_ex_tax),
        (WRAPPING, "Gift wrapping", order.wrapping_cost_inc_tax, order.wrapping_cost_ex_tax),
    ):
        if amount := minor(inc if with_tax else ex, currency, rounding):
            found.append(_extra(name, title, amount))
    for fee in order.fees if isinstance(order.fees, list) else ():
        amount = minor(fee.cost_inc_tax if with_tax else fee.cost_ex_tax, currency, rounding)
        if amount < 0:
            given -= amount
        else:
            found.append(_extra(f"fee-{fee.id}", _title(fee), amount))
    return found, given


def _title(fee: Fee) -> str:
    return (fee.display_name_customer or "Fee")[:256]


def _extra(name: str, title: str, amount: int) -> Line:
    return Line(
        line_id=EXTRA + name,
        sku=EXTRA + name.partition("-")[0],
        title=title,
        quantity=1,
        unit_price_minor=amount,
        total_minor=amount,
        requires_shipping=False,
        kind="service" if name == WRAPPING else "fee",
    )


def _within(lines: list[Line], most: int) -> list[Line]:
    """Return the lines with discounts that sum to the order's at most: rounding each may make them
    more by a cent."""
    given = [line.discount_minor for line in lines]
    if sum(given) <= most or most < 0 or min(given) < 0:
        return lines
    return [
        replace(
            line,
            discount_minor=part,
            total_minor=line.total_minor + line.discount_minor - part,
        )
        for line, part in zip(lines, share_out(most, given), strict=True)
    ]


def _text(amount: Amount) -> str:
    return "0" if amount is None or amount == "" else str(amount)


def _unreadable(error: MoneyRefused) -> Exception:
    return refused(refusals.MONEY_UNREADABLE, f"{error} Send amounts as BigCommerce does.")

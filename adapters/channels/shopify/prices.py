"""What Shopify says of an order's prices beside the amounts: discounts by name, and presentment
money (what the customer saw, where that is another currency than the shop's)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from adapters.channels.shopify.amounts import current_quantity, minor, share
from adapters.channels.shopify.seen import (
    NotToldError,
    Reader,
    line_seen,
    most_left,
    settled,
    shipping_seen,
)
from adapters.channels.shopify.shapes import Allocation, ShopifyOrder
from adapters.kit.rounding import EXACT, Rounding, reconciled
from schemas.order.canonical import Discount, Line, Presentment, Totals
from schemas.order.money import share_out

MAX_DISCOUNTS = 100
"""What `order.v1` takes; what is beyond is in the totals all the same."""

_NONE: tuple[Discount, ...] = ()


def discounts_of(
    source: ShopifyOrder, totals: Totals, rounding: Rounding = EXACT
) -> tuple[Discount, ...]:
    """Return the discounts by name, with what each took off the goods and off shipping.

    Of a line of which pieces were removed, only the part of the rest counts. Where the names claim
    more than the order's discount is (by a cent, after such a division), they share that discount.
    """
    if not source.discount_applications and not source.discount_codes:
        return _NONE
    goods: dict[int, int] = {}
    for item in source.line_items:
        if item.discount_allocations:
            now = current_quantity(item)
            for part in item.discount_allocations:
                amount = _amount(part, source.currency, rounding)
                if now != item.quantity:
                    amount = share(amount, now, item.quantity)
                index = part.discount_application_index
                goods[index] = goods.get(index, 0) + amount
    shipping: dict[int, int] = {}
    for way in source.shipping_lines:
        if not way.is_removed:
            for part in way.discount_allocations:
                index = part.discount_application_index
                amount = _amount(part, source.currency, rounding)
                shipping[index] = shipping.get(index, 0) + amount
    found = _named(source, goods, shipping, rounding)
    return _within(found[:MAX_DISCOUNTS], totals.discount_minor)


def _amount(part: Allocation, currency: str, rounding: Rounding) -> int:
    return minor(part.amount_set, part.amount, currency, rounding)


def _named(
    source: ShopifyOrder, goods: dict[int, int], shipping: dict[int, int], rounding: Rounding
) -> list[Discount]:
    found: list[Discount] = []
    codes = set()
    for index, one in enumerate(source.discount_applications):
        code, title = (one.code or "")[:256], (one.title or one.description or "")[:256]
        codes.add(code.casefold())
        if index in shipping:
            found.append(
                Discount(
                    code=code, title=title, amount_minor=shipping[index], applies_to="shipping"
                )
            )
        if index in goods or index not in shipping:
            found.append(Discount(code=code, title=title, amount_minor=goods.get(index, 0)))
    for typed in source.discount_codes:
        # Orders that another app made name a code without an application of it.
        if typed.code and typed.code[:256].casefold() not in codes:
            amount = minor(None, typed.amount, source.currency, rounding)
            one_off = Discount(code=typed.code[:256], amount_minor=amount)
            found.append(
                replace(one_off, applies_to="shipping") if typed.type == "shipping" else one_off
            )
    return found


def _within(found: Sequence[Discount], most: int) -> tuple[Discount, ...]:
    amounts = [one.amount_minor if one.applies_to == "goods" else 0 for one in found]
    # Negative amounts, of either, are for the schema to refuse.
    if sum(amounts) <= most or most < 0 or min(amounts) < 0:
        return tuple(found)
    parts = share_out(most, amounts)
    return tuple(
        replace(one, amount_minor=part) if one.applies_to == "goods" else one
        for one, part in zip(found, parts, strict=True)
    )


def presentment_of(
    source: ShopifyOrder, lines: list[Line], totals: Totals, rounding: Rounding = EXACT
) -> tuple[list[Line], Presentment | None]:
    """Return the lines with what the customer saw of each, and the totals he saw; the lines as they
    are and None where he saw the shop's own currency, or not all amounts are told in his.

    What Shopify adds without a presentment amount (a tip), and what was given back without a line,
    is told apart as in the shop's currency: a tip takes what is left, money back is a discount.
    """
    currency = source.presentment_currency
    total = source.current_total_price_set
    if not currency or currency == source.currency or total is None:
        return lines, None
    try:
        return _seen(source, lines, totals, Reader(currency, rounding))
    except NotToldError:
        return lines, None


def _seen(
    source: ShopifyOrder, lines: list[Line], totals: Totals, read: Reader
) -> tuple[list[Line], Presentment]:
    items = {item.admin_graphql_api_id.rpartition("/")[2]: item for item in source.line_items}
    amounts: list[int] = []
    discount, tip = 0, -1
    for index, line in enumerate(lines):
        item = items.get(line.line_id)
        if item is not None:
            amount, off = line_seen(item, read)
            amounts.append(amount)
            discount += off
        elif line.line_id == "fees":
            amounts.append(read.minor(source.current_total_additional_fees_set))
        else:
            amounts.append(0)
            tip = index
    total = read.minor(source.current_total_price_set)
    tax = read.optional(source.current_total_tax_set, totals.tax_minor)
    duty = read.optional(source.current_total_duties_set, totals.duty_minor)
    duty = 0 if source.duties_included else duty
    shipping = shipping_seen(source, totals.shipping_minor, read)
    around = shipping + duty + (0 if source.taxes_included else tax)
    if source.current_subtotal_price_set is not None:
        subtotal = read.minor(source.current_subtotal_price_set)
        at = [index for index, line in enumerate(lines) if line.line_id in items]
        beside = (
            total - around - subtotal - sum(amounts[x] for x in range(len(lines)) if x not in at)
        )
        if beside == 0 or (tip >= 0 and beside > 0):
            goods = settled([amounts[index] for index in at], subtotal, most_left(source))
            for index, amount in zip(at, goods, strict=True):
                amounts[index] = amount
    left = total - around - sum(amounts)
    if tip >= 0 and left > 0:
        amounts[tip], left = left, 0
    if left:
        told = len(amounts) + sum(map(bool, (shipping, tax, duty)))
        amounts = reconciled(amounts, total - around, read.rounding, amounts=told)
        left = total - around - sum(amounts)
    # What was taken off the order as a whole, as in the shop's currency.
    off = totals.discount_minor > sum(line.discount_minor for line in lines)
    refunded = -left if left < 0 and off else 0
    seen = Totals(
        subtotal_minor=sum(amounts) + discount,
        discount_minor=discount + refunded,
        shipping_minor=shipping,
        tax_minor=tax,
        total_minor=total,
        duty_minor=duty,
        taxes_included=source.taxes_included,
    )
    named = [
        replace(line, presentment_total_minor=amount)
        for line, amount in zip(lines, amounts, strict=True)
    ]
    return named, Presentment(currency=read.currency, totals=seen)

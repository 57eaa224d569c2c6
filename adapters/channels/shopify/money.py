"""Shopify's amounts as integers, and its totals as ours: to the cent, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from adapters.channels.shopify.shapes import LineItem, Money, MoneySet, ShopifyOrder
from adapters.kit.rounding import EXACT, Rounding, minor_of, reconciled
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.order.canonical import Line, Sold, Totals
from schemas.order.money import MoneyRefused, exponent_of

MAX_PLAIN_DIGITS = 15
"""Characters that surely stay below schemas.order.money.MAX_MINOR; longer amounts go the exact
way."""


def minor(
    both: MoneySet | None, flat: str | None, currency: str, rounding: Rounding = EXACT
) -> int:
    """Return an amount in the shop's currency, from the set where there is one.

    Raises Refused(money_unreadable), also for a set in another currency than the order's.
    """
    if both is None:
        return _read(flat or "0", currency, rounding)
    money = both.shop_money
    text = money.amount
    # The usual form is worth a way without calls: an order has some thirty amounts.
    if (
        text[-3:-2] == "."
        and len(text) <= MAX_PLAIN_DIGITS
        and money.currency_code == currency
        and exponent_of(currency) == 2
    ):
        digits = text[:-3] + text[-2:]
        if digits.isascii() and digits.isdigit():
            return int(digits)
    return money_in(money, currency, rounding)


def money_in(money: Money, currency: str, rounding: Rounding) -> int:
    """Return one side of a set, which is in the shop's or the customer's currency.

    Raises Refused(money_unreadable), also when it is in another currency than the given.
    """
    stated = money.currency_code
    if stated != currency and stated:
        raise refused(
            refusals.MONEY_UNREADABLE,
            f"An amount is in {stated[:10]}, but {currency[:10]} was expected: an order has one "
            "currency of the shop (shop_money) and one of the customer (presentment_money).",
        )
    return _read(money.amount, currency, rounding)


def _read(text: str, currency: str, rounding: Rounding) -> int:
    try:
        return minor_of(text, currency, rounding)
    except MoneyRefused as error:
        raise refused(refusals.MONEY_UNREADABLE, f"{error} Send amounts as Shopify does.") from None


def current_quantity(item: LineItem) -> int:
    """Return what is left of a line after edits and refunds."""
    return item.quantity if item.current_quantity is None else item.current_quantity


def share(amount: int, part: int, whole: int) -> int:
    """Return the part of an amount, rounded half up; all of it when `whole` says nothing."""
    return amount if whole <= 0 else (2 * amount * part + whole) // (2 * whole)


def totals_of(
    source: ShopifyOrder, lines: Sequence[Line], rounding: Rounding
) -> tuple[list[Line], Totals]:
    """Return the lines and the canonical totals around Shopify's current total.

    Five things make Shopify's parts differ from its total, and are told apart: fees and tips,
    which become lines that need no shipping; a line of which a part was removed, whose discount
    Shopify shares out by itself (to a cent per line); what converting each amount by itself left
    over, if the shop rounds by order; money refunded without a line, which is a discount. Anything
    else stays a difference, and is refused as total_mismatch.
    """
    lines, currency = list(lines), source.currency
    total = minor(
        source.current_total_price_set,
        source.current_total_price or source.total_price,
        currency,
        rounding,
    )
    flat_tax = source.total_tax if source.current_total_tax is None else source.current_total_tax
    tax = minor(source.current_total_tax_set, flat_tax, currency, rounding)
    duty = 0
    if not source.duties_included:
        duty = minor(source.current_total_duties_set, None, currency, rounding)
    shipping = _shipping(source, rounding)
    fees = minor(source.current_total_additional_fees_set, None, currency, rounding)
    given = 0
    if fees > 0:
        lines.append(_extra("fees", "Additional fees", fees, "fee"))
    elif fees:
        given = -fees  # no line costs less than nothing: it is taken off the order as a whole
    around = shipping + duty + (0 if source.taxes_included else tax)
    left = total - around + given - sum(line.total_minor for line in lines)
    tip = minor(None, source.total_tip_received, currency, rounding)
    if left and left == tip:
        lines.append(_extra("tip", "Tip", tip, "tip"))
        left = 0
    refunded = 0
    if left:
        left = _settle_reduced(source, lines, left)
    if left and rounding.level == "order":
        left = _share_left(lines, left, rounding, around=(shipping, tax, duty))
    if left < 0 and source.refunds:
        refunded = -left
    subtotal = discount = 0
    for line in lines:
        subtotal += line.total_minor + line.discount_minor
        discount += line.discount_minor
    return lines, Totals(
        subtotal_minor=subtotal,
        discount_minor=discount + refunded + given,
        shipping_minor=shipping,
        tax_minor=tax,
        total_minor=total,
        duty_minor=duty,
        taxes_included=source.taxes_included,
    )


def _shipping(source: ShopifyOrder, rounding: Rounding) -> int:
    if source.current_shipping_price_set is not None:
        return minor(source.current_shipping_price_set, None, source.currency, rounding)
    return sum(
        minor(
            line.current_discounted_price_set or line.discounted_price_set,
            line.discounted_price,
            source.currency,
            rounding,
        )
        for line in source.shipping_lines
        if not line.is_removed
    )


def _extra(name: str, title: str, amount: int, kind: Sold) -> Line:
    return Line(
        line_id=name,
        sku=name,
        title=title,
        quantity=1,
        unit_price_minor=amount,
        total_minor=amount,
        requires_shipping=False,
        kind=kind,
    )


def _share_left(
    lines: list[Line], left: int, rounding: Rounding, *, around: tuple[int, ...]
) -> int:
    """Share what rounding left over out to the lines, and return what still is left."""
    parts = [line.total_minor for line in lines]
    amounts = len(parts) + sum(map(bool, around))
    shared = reconciled(parts, sum(parts) + left, rounding, amounts=amounts)
    for index, (line, total) in enumerate(zip(lines, shared, strict=True)):
        if total != line.total_minor:
            lines[index] = replace(line, total_minor=total)
    return left - (sum(shared) - sum(parts))


def _settle_reduced(source: ShopifyOrder, lines: list[Line], left: int) -> int:
    """Give what rounding left over to the lines of which a part was removed, a cent each."""
    reduced = {
        item.admin_graphql_api_id.rpartition("/")[2]
        for item in source.line_items
        if item.discount_allocations and item.current_quantity not in (None, 0, item.quantity)
    }
    if abs(left) > len(reduced):
        return left
    step = 1 if left > 0 else -1
    for index, line in enumerate(lines):
        if left and line.line_id in reduced and line.discount_minor >= step:
            lines[index] = replace(
                line,
                total_minor=line.total_minor + step,
                discount_minor=line.discount_minor - step,
            )
            left -= step
    return left

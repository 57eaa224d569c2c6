"""Shopify's totals as ours: to the cent, or refused."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from adapters.channels.shopify.amounts import minor
from adapters.channels.shopify.seen import BESIDE_LEFT, adds_up, most_left, settled
from adapters.channels.shopify.shapes import ShippingLine, ShopifyOrder
from adapters.kit.rounding import Rounding, reconciled
from schemas.order.canonical import Line, Sold, Totals

_BESIDE = frozenset({"fees", "tip"})
"""Our own lines of what Shopify states beside its lines and their subtotal."""


def totals_of(
    source: ShopifyOrder, lines: Sequence[Line], rounding: Rounding
) -> tuple[list[Line], Totals]:
    """Return the lines and the canonical totals around Shopify's current total.

    Five things make Shopify's parts differ from its total, and are told apart: fees and tips,
    which become lines that need no shipping; a line of which a part was removed, whose discount
    Shopify shares out by itself (to a cent per line); what rounding each amount by itself left
    over, if the shop's settings say that it rounds by order or its subtotal proves it; money
    refunded without a line, which is a discount. Anything else stays a difference, and is refused
    as total_mismatch.
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
    if left and source.current_subtotal_price_set is not None:
        subtotal = minor(source.current_subtotal_price_set, None, currency, rounding)
        left = _share_proved(source, lines, left, subtotal, tip)
    if left and adds_up(source, rounding, tip=tip > 0):
        left = _share_converted(source, lines, left, tip)
    if left and rounding.level == "order":
        left = _reconcile(lines, left, rounding, around=(shipping, tax, duty))
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
    ways = [line for line in source.shipping_lines if not line.is_removed]
    return sum(_way(line, source.currency, rounding) for line in ways)


def _way(line: ShippingLine, currency: str, rounding: Rounding) -> int:
    told = line.current_discounted_price_set or line.discounted_price_set
    if told is not None or line.discounted_price is not None:
        return minor(told, line.discounted_price, currency, rounding)
    found = minor(line.price_set, line.price, currency, rounding)
    return found - sum(
        minor(part.amount_set, part.amount, currency, rounding)
        for part in line.discount_allocations
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


def _share_proved(
    source: ShopifyOrder, lines: list[Line], left: int, subtotal: int, tip: int
) -> int:
    """Share out what the lines lack of the shop's own subtotal, where that subtotal, and perhaps a
    tip, make up its total; return what still is left."""
    at = [index for index, line in enumerate(lines) if line.line_id not in _BESIDE]
    parts = [lines[index].total_minor for index in at]
    lacks = subtotal - sum(parts)
    if left - lacks not in (0, tip):
        return left
    shared = settled(parts, subtotal, most_left(source))
    if sum(shared) != subtotal:
        return left
    for index, amount in zip(at, shared, strict=True):
        lines[index] = replace(lines[index], total_minor=amount)
    if left - lacks:
        lines.append(_extra("tip", "Tip", tip, "tip"))
    return 0


def _share_converted(source: ShopifyOrder, lines: list[Line], left: int, tip: int) -> int:
    """Share out what converting left over of an order that adds up as the customer saw it; return
    what still is left."""
    at = [index for index, line in enumerate(lines) if line.line_id not in _BESIDE]
    parts = [lines[index].total_minor for index in at]
    goods = sum(parts) + left - tip
    shared = settled(parts, goods, most_left(source) + BESIDE_LEFT)
    if sum(shared) != goods:
        return left
    for index, amount in zip(at, shared, strict=True):
        lines[index] = replace(lines[index], total_minor=amount)
    if tip:
        lines.append(_extra("tip", "Tip", tip, "tip"))
    return 0


def _reconcile(lines: list[Line], left: int, rounding: Rounding, *, around: tuple[int, ...]) -> int:
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

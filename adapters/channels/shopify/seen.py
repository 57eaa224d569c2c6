"""What the customer saw of an order (presentment money), and what its sums prove.

In the customer's currency an order is added up; in the shop's each amount is converted and rounded
by itself, so that the parts need not sum to the total there.
"""

from __future__ import annotations

from adapters.channels.shopify.amounts import current_quantity, money_in, share
from adapters.channels.shopify.shapes import LineItem, MoneySet, ShopifyOrder
from adapters.kit.rounding import Rounding
from schemas.contracts.refusals import Refused
from schemas.order.money import share_out

BESIDE_LEFT = 3
"""Minor units by which shipping, tax, duty, fees and total may add to what lines are off by."""


class NotToldError(Exception):
    """An amount without presentment money."""


class Reader:
    """Reads presentment money of one order."""

    def __init__(self, currency: str, rounding: Rounding) -> None:
        self.currency = currency
        self.rounding = rounding

    def minor(self, both: MoneySet | None) -> int:
        """Return an amount as the customer saw it. Raises NotToldError, and Refused."""
        if both is None or both.presentment_money is None:
            raise NotToldError
        return money_in(both.presentment_money, self.currency, self.rounding)

    def optional(self, both: MoneySet | None, in_shop: int) -> int:
        """The same; what is nothing in the shop's money need not be told."""
        return 0 if both is None and not in_shop else self.minor(both)


def most_left(source: ShopifyOrder) -> int:
    """Return how far the lines may be from the subtotal by rounding alone: half a minor unit for
    each piece, whose price is rounded, and for each discount of a line."""
    amounts = sum(
        current_quantity(item) + len(item.discount_allocations) for item in source.line_items
    )
    return (amounts + 1) // 2


def settled(parts: list[int], subtotal: int, most: int) -> list[int]:
    """Return parts that sum to the subtotal by largest remainder, each moved in proportion; as they
    are where they are further from it than `most`, or one would come to less than nothing."""
    lacks = subtotal - sum(parts)
    if not parts or not 0 < abs(lacks) <= most or min(parts) < 0 or sum(parts) < max(1, -lacks):
        return parts
    return [part + more for part, more in zip(parts, share_out(lacks, parts), strict=True)]


def line_seen(item: LineItem, read: Reader) -> tuple[int, int]:
    """Return what the customer saw of a line after its discount, and that discount."""
    now = current_quantity(item)
    discount = sum(read.minor(part.amount_set) for part in item.discount_allocations)
    if now != item.quantity:
        discount = share(discount, now, item.quantity)
    return read.minor(item.price_set) * now - discount, discount


def shipping_seen(source: ShopifyOrder, shipping_minor: int, read: Reader) -> int:
    """Return what the customer saw for shipping; `shipping_minor` is what it is to the shop."""
    if source.current_shipping_price_set is not None:
        return read.minor(source.current_shipping_price_set)
    if not shipping_minor:
        return 0
    return sum(
        read.minor(way.current_discounted_price_set or way.discounted_price_set)
        for way in source.shipping_lines
        if not way.is_removed
    )


def adds_up(source: ShopifyOrder, rounding: Rounding, *, tip: bool) -> bool:
    """Say whether the amounts that the customer saw sum to the total that he saw, to the unit, in
    another currency than the shop's; of what is above them `tip` may be the reason."""
    currency, total = source.presentment_currency, source.current_total_price_set
    if not currency or currency == source.currency or total is None:
        return False
    read = Reader(currency, rounding)
    try:
        goods = sum(line_seen(item, read)[0] for item in source.line_items)
        beside = shipping_seen(source, 1, read)
        beside += read.optional(source.current_total_additional_fees_set, 0)
        if not source.taxes_included:
            beside += read.optional(source.current_total_tax_set, 0)
        if not source.duties_included:
            beside += read.optional(source.current_total_duties_set, 0)
        left = read.minor(total) - goods - beside
    except (NotToldError, Refused):
        return False
    return left == 0 or (tip and left > 0)

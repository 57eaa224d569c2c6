"""Amazon's proceeds as integers, and its totals as ours: to the cent, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from adapters.channels.amazon.shapes import AmazonOrder, Breakdown, Item, Money
from adapters.kit.rounding import Rounding, minor_of, usual_minor
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.order.canonical import Line, Sold, Totals
from schemas.order.money import MoneyRefused

EXTRA = "amazon-"
"""Ids of lines that are not items of Amazon's begin so: what wrapping, fees and tips cost."""

_EXTRAS = {
    "GIFT_WRAP": "Gift wrapping",
    "COD_FEE": "Cash on delivery fee",
    "OTHER": "Other charges",
    "DELIVERY_TIP": "Delivery tip",
}
_SOLD: Mapping[str, Sold] = {
    "GIFT_WRAP": "service",
    "COD_FEE": "fee",
    "OTHER": "fee",
    "DELIVERY_TIP": "tip",
}
FACILITATOR = "MARKETPLACE_FACILITATOR"
REPLACEMENT = "REPLACEMENT_ORIGINAL_ID"
"""How an order is associated with the one that it replaces, for nothing."""
_CURRENCIES: Mapping[str, str] = MappingProxyType(
    {
        "A2EUQ1WTGCTBG2": "CAD", "ATVPDKIKX0DER": "USD", "A1AM78C64UM0Y8": "MXN",
        "A2Q3Y263D00KWC": "BRL", "A28R8C7NBKEWEA": "EUR", "A1RKKUPIHCS9HS": "EUR",
        "A1F83G8C2ARO7P": "GBP", "A13V1IB3VIYZZH": "EUR", "AMEN7PMS3EDWL": "EUR",
        "A1805IZSGTT6HS": "EUR", "A1PA6795UKMFR9": "EUR", "APJ6JRA9NG5V4": "EUR",
        "A2NODRKZP88ZB9": "SEK", "AE08WJ6YKNBMC": "ZAR", "A1C3SOZRARQ6R3": "PLN",
        "ARBP9OOSHTCHU": "EGP", "A33AVAJ2PDY3EV": "TRY", "A17E79C6D8DWNP": "SAR",
        "A2VIGQ35RCS4UG": "AED", "A21TJRUUN4KGV": "INR", "A19VAU5U5O7RUS": "SGD",
        "A39IBJ37TRP1C6": "AUD", "A1VC38T7YXB528": "JPY",
    }
)  # fmt: skip
"""By marketplace: https://developer-docs.amazon.com/sp-api/docs/marketplace-ids."""

_KNOWN = frozenset({"ITEM", "SHIPPING", "TAX", "DISCOUNT", *_EXTRAS})


class Parts(Struct, frozen=True):
    """What a line is made of, in minor units. `discount_minor` is on the goods; what was taken off
    shipping is taken off `shipping_minor` already. `extras` are by type."""

    item_minor: int
    discount_minor: int
    shipping_minor: int
    item_tax_minor: int
    tax_minor: int
    extras: dict[str, int]


def minor(money: Money | None, currency: str, rounding: Rounding) -> int:
    """Return an amount; discounts count as positive, however they are signed.

    Raises Refused(money_unreadable), also for an amount in another currency than the order's.
    """
    if money is None:
        return 0
    if money.currency_code != currency:
        raise refused(
            refusals.MONEY_UNREADABLE,
            f"An amount is in {money.currency_code[:10]}, but the order's currency is "
            f"{currency[:10]}; an order of Amazon's has one currency.",
        )
    usual = usual_minor(money.text, currency)
    if usual is not None:
        return usual
    try:
        return abs(minor_of(money.text, currency, rounding))
    except MoneyRefused as error:
        raise refused(refusals.MONEY_UNREADABLE, f"{error} Send amounts as Amazon does.") from None


def currency_of(source: AmazonOrder) -> str:
    """Return the currency of the order's amounts; of a replacement, which has none, that of its
    marketplace; "" where neither is known."""
    stated = stated_currency(source)
    if not stated and any(x.association_type == REPLACEMENT for x in source.associated_orders):
        return _CURRENCIES.get(source.sales_channel.marketplace_id, "")
    return stated


def stated_currency(source: AmazonOrder) -> str:
    """Return the currency of the total, else of the first price; "" when no amount is there."""
    if source.proceeds is not None and source.proceeds.grand_total is not None:
        return source.proceeds.grand_total.currency_code
    for item in source.order_items:
        if item.product.price is not None and item.product.price.unit_price is not None:
            return item.product.price.unit_price.currency_code
        if item.proceeds is not None:
            for part in item.proceeds.breakdowns:
                return part.subtotal.currency_code
    return ""


def parts_of(item: Item, quantity: int, currency: str, rounding: Rounding) -> Parts:
    """Return what a line is made of; without proceeds, its price times its quantity.

    Raises Refused, also for a type of proceeds that isn't known: nothing is left out silently.
    """
    item_minor, priced = 0, False
    discount = off_shipping = shipping = tax = item_tax = 0
    extras: dict[str, int] = {}
    for part in item.proceeds.breakdowns if item.proceeds is not None else ():
        kind, amount = part.type, minor(part.subtotal, currency, rounding)
        if kind == "ITEM":
            item_minor, priced = item_minor + amount, True
        elif kind == "SHIPPING":
            shipping += amount
        elif kind == "DISCOUNT":
            discount += amount
            off_shipping += _detail(part, "SHIPPING", currency, rounding)
            for name in _EXTRAS:
                if off := _detail(part, name, currency, rounding):
                    discount -= off
                    extras[name] = extras.get(name, 0) - off
        elif kind == "TAX":
            tax += amount
            # What is not on the goods is on their way to the buyer.
            detailed = bool(part.detailed_breakdowns)
            item_tax += _detail(part, "ITEM", currency, rounding) if detailed else amount
        else:
            sign = -1 if part.subtotal.text.startswith("-") else 1
            extras[_known(kind)] = extras.get(kind, 0) + sign * amount
    if not priced:
        item_minor = unit_of(item, currency, rounding) * quantity
    off_shipping = min(off_shipping, discount)
    return Parts(
        item_minor=item_minor,
        discount_minor=discount - off_shipping,
        shipping_minor=max(shipping - off_shipping, 0),
        item_tax_minor=item_tax,
        tax_minor=tax,
        extras={name: extras[name] for name in _EXTRAS if extras.get(name)} if extras else extras,
    )


def unit_of(item: Item, currency: str, rounding: Rounding) -> int:
    """Return the price of one piece; 0 where none is stated."""
    price = item.product.price
    return minor(price.unit_price, currency, rounding) if price is not None else 0


def totals_of(
    source: AmazonOrder, lines: list[Line], parts: Iterable[Parts], rounding: Rounding
) -> tuple[list[Line], Totals]:
    """Return the lines, with a line for each kind of extra, and totals around Amazon's own.

    Amazon states tax beside prices. A total that is not stated is the sum. The total is what the
    seller receives: where it proves that tax which Amazon remits is not in it, that tax is none of
    the order's.
    """
    currency, shipping, tax, remitted = currency_of(source), 0, 0, 0
    extras: dict[str, int] = {}
    by_amazon = {one.order_item_id for one in source.order_items if _is_remitted(one)}
    for line, one in zip(lines, parts, strict=True):
        shipping += one.shipping_minor
        tax += one.tax_minor
        remitted += one.tax_minor if line.line_id in by_amazon else 0
        for name, amount in one.extras.items():
            extras[name] = extras.get(name, 0) + amount
    if source.proceeds is not None:
        tip = 0
        for part in source.proceeds.breakdowns:
            if _known(part.type) == "DELIVERY_TIP":
                tip += minor(part.subtotal, currency, rounding)
        if tip:
            extras["DELIVERY_TIP"] = tip
    lines = [*lines, *(_extra(name, amount) for name, amount in extras.items() if amount > 0)]
    subtotal = sum(line.total_minor + line.discount_minor for line in lines)
    # No line costs less than nothing: a negative charge is taken off the order as a whole.
    given = -sum(amount for amount in extras.values() if amount < 0)
    discount = sum(line.discount_minor for line in lines) + given
    total = subtotal - discount + shipping + tax
    if source.proceeds is not None and source.proceeds.grand_total is not None:
        stated = minor(source.proceeds.grand_total, currency, rounding)
        if remitted and stated == total - remitted:
            tax -= remitted
            lines = [replace(x, tax_minor=0) if x.line_id in by_amazon else x for x in lines]
        total = stated
    return lines, Totals(
        subtotal_minor=subtotal,
        discount_minor=discount,
        shipping_minor=shipping,
        tax_minor=tax,
        total_minor=total,
    )


def _is_remitted(item: Item) -> bool:
    """Say whether Amazon withholds a line's tax and remits it."""
    told = item.tax.tax_collections if item.tax is not None else ()
    return any(one.model == FACILITATOR for one in told)


def _extra(name: str, amount: int) -> Line:
    line_id = EXTRA + name.lower().replace("_", "-")
    return Line(
        line_id=line_id,
        sku=line_id,
        title=_EXTRAS[name],
        quantity=1,
        unit_price_minor=amount,
        total_minor=amount,
        requires_shipping=False,
        kind=_SOLD[name],
    )


def _known(kind: str) -> str:
    """Return a type of proceeds that becomes a line of its own, or whose sum stands elsewhere."""
    if kind in _KNOWN:
        return kind
    raise refused(
        refusals.TOTAL_MISMATCH,
        f"The proceeds have a part of the type {kind[:40]!r}, which is not known here; ask for it "
        "to be added, and release the message then.",
    )


def _detail(part: Breakdown, subtype: str, currency: str, rounding: Rounding) -> int:
    found = 0
    for detail in part.detailed_breakdowns:
        if detail.subtype == subtype:
            found += minor(detail.value, currency, rounding)
    return found

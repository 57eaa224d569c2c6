"""What BigCommerce tells beside goods and totals, each in its place: taxes by name and rate, means
of payment, fees, gift messages of lines, and where it was sold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from adapters.channels.bigcommerce.money import currency_of, minor
from adapters.channels.bigcommerce.shapes import Bundle, Fee, Product
from adapters.channels.bigcommerce.shapes import Tax as StatedTax
from adapters.channels.bigcommerce.statuses import payment_of
from adapters.kit.rounding import Rounding
from adapters.kit.told import acquisition_of, ppm
from schemas.order import canonical
from schemas.order.canonical import Line, Tax, Tender, Totals
from schemas.order.shares import taxes_within

MAX_TAXES, MAX_FEES = 20, 50
"""What `order.v1` takes; what is beyond is in the totals all the same."""


def told(
    source: Bundle, lines: Sequence[Line], totals: Totals, rounding: Rounding
) -> tuple[tuple[Line, ...], dict[str, Any]]:
    """Return the lines with taxes and gift messages of their own, and the order's further
    fields."""
    currency = currency_of(source.order)
    taxes = _taxes(source, currency, rounding)
    gift_message, gifts = _gifts(source.products)
    found = tuple(
        replace(
            line,
            taxes=taxes_within(taxes.get(line.line_id, ()), line.tax_minor),
            gift_message=gifts.get(line.line_id, ""),
        )
        if line.line_id in taxes or line.line_id in gifts
        else line
        for line in lines
    )
    return found, {
        "gift_message": gift_message,
        "tenders": _tenders(source, totals, currency, rounding),
        "amount_due_minor": _due(source, totals, currency, rounding),
        "fees": _fees(source, found, currency, rounding),
        "shipping_taxes": taxes.get("shipping", ()),
        "acquisition": acquisition_of("", "", source.order.order_source or ""),
    }


def _taxes(source: Bundle, currency: str, rounding: Rounding) -> dict[str, tuple[Tax, ...]]:
    """Return the taxes by line id, and those of `shipping`. Amounts are estimates of four places,
    so a line's are brought to its tax; of a tax below nothing nothing is told."""
    found: dict[str, tuple[Tax, ...]] = {}
    for one in source.taxes:
        at = _taxed(one)
        amount = minor(one.line_amount, currency, rounding)
        if at and amount >= 0 and (one.name or one.rate):
            tax = Tax(
                amount_minor=amount,
                title=(one.name or "")[:256],
                rate_ppm=ppm(one.rate, percent=True),
            )
            found[at] = (*found.get(at, ()), tax)[:MAX_TAXES]
    return found


def _taxed(one: StatedTax) -> str:
    if one.line_item_type == "shipping":
        return "shipping"
    return str(one.order_product_id or "") if one.line_item_type in ("item", None) else ""


def _gifts(products: Sequence[Product]) -> tuple[str, dict[str, str]]:
    """Return the message that goes with all wrappings, or those of lines where they differ."""
    texts = {str(x.id): x.wrapping_message[:5000] for x in products if x.wrapping_message}
    if len(set(texts.values())) > 1:
        return "", texts
    return next(iter(texts.values()), ""), {}


def _tenders(
    source: Bundle, totals: Totals, currency: str, rounding: Rounding
) -> tuple[Tender, ...]:
    """Return store credit, gift certificates, and what is left for the payment method."""
    order = source.order
    credit, cards = _given(source, currency, rounding)
    left = totals.total_minor - credit - cards
    found = []
    if credit:
        found.append(Tender(amount_minor=credit, method="Store credit", kind="store_credit"))
    if cards:
        found.append(Tender(amount_minor=cards, method="Gift certificate", kind="gift_card"))
    if left > 0 and order.payment_method:
        found.append(Tender(amount_minor=left, method=order.payment_method[:256]))
    return tuple(found)


def _given(source: Bundle, currency: str, rounding: Rounding) -> tuple[int, int]:
    """Return what is paid with store credit, and with gift certificates."""
    order = source.order
    credit = max(minor(order.store_credit_amount, currency, rounding), 0)
    return credit, max(minor(order.gift_certificate_amount, currency, rounding), 0)


def _due(source: Bundle, totals: Totals, currency: str, rounding: Rounding) -> int | None:
    """Return what is left to pay of an order of which a part is paid with credit; None where the
    payment alone says whether all of it is."""
    given = sum(_given(source, currency, rounding))
    if not given or payment_of(source.order) != "pending":
        return None
    return max(totals.total_minor - given, 0)


def _fees(
    source: Bundle, lines: Sequence[Line], currency: str, rounding: Rounding
) -> tuple[canonical.Fee, ...]:
    """Return the lines that are fees, and the fees below nothing, which are discounts."""
    found = [
        canonical.Fee(
            amount_minor=line.total_minor,
            title=line.title,
            kind="handling" if line.line_id.endswith("handling") else "",
            line_id=line.line_id,
        )
        for line in lines
        if line.kind == "fee"
    ]
    with_tax = source.order.is_tax_inclusive_pricing
    stated: list[Fee] = source.order.fees if isinstance(source.order.fees, list) else []
    for fee in stated:
        amount = minor(fee.cost_inc_tax if with_tax else fee.cost_ex_tax, currency, rounding)
        if amount < 0:
            title = (fee.display_name_customer or "")[:256]
            found.append(canonical.Fee(amount_minor=amount, title=title))
    return tuple(found[:MAX_FEES])

"""From Shopify's order to the canonical one. Money by `shop_money`, quantities as they are now."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from adapters.channels.shopify.amounts import current_quantity, minor, share
from adapters.channels.shopify.imported import marketplace_ref
from adapters.channels.shopify.lines import RENEWALS, Ways, sku_of, sold_as
from adapters.channels.shopify.money import totals_of
from adapters.channels.shopify.prices import discounts_of, presentment_of
from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.shapes import (
    Attribute,
    LineItem,
    PostalAddress,
    ShopifyOrder,
)
from adapters.channels.shopify.told import further, taxes_of
from adapters.kit.addresses import MAX_EMAIL, MAX_LOCALE, address_of, phone_of, street_of
from adapters.kit.attributes import MAX_ATTRIBUTES, add_doubts, bounded
from adapters.kit.fitting import printable
from adapters.kit.rounding import EXACT, Rounding
from schemas.contracts import checks, published, refusals
from schemas.contracts.doubts import doubts_of
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.contracts.validation import accepts, require
from schemas.order.canonical import Address, Customer, Line, Order, Payment, Totals
from schemas.order.iso_codes import COUNTRIES

_PAYMENTS: dict[str | None, str] = {None: "pending", "": "pending", "expired": "voided"}
USUAL = ShopifyTranslation()
MAX_GRAMS = 100_000_000
"""What `order.v1` takes."""
_GIFT_NAMES = frozenset({"giftmessage", "giftnote"})


def order_ref(order: ShopifyOrder) -> str:
    """Return the digits of the order's GraphQL id; numeric ids lose digits on their way.

    Raises Refused(ref_missing).
    """
    return _digits(order.admin_graphql_api_id, "Order")


def canonical_order(
    source: ShopifyOrder, rounding: Rounding = EXACT, settings: ShopifyTranslation = USUAL
) -> Order:
    """Translate, validate against `order.v1`, and check totals, codes, dates and addresses.

    Raises Refused.
    """
    order = unchecked_order(source, rounding, settings)
    stated = msgspec.to_builtins(order)
    if not accepts(published.ORDER, stated):
        require(published.ORDER, stated)
    checks.refuse_order(order)
    return order


def unchecked_order(
    source: ShopifyOrder, rounding: Rounding = EXACT, settings: ShopifyTranslation = USUAL
) -> Order:
    """Translate and nothing else: what an order would be if it passed. Raises Refused for what
    can't be translated at all."""
    if not source.line_items:
        raise refused(refusals.NOTHING_TO_FULFIL, "The order has no line_items.")
    currency = source.currency
    ways = Ways(source, settings)
    lines = [
        _line(item, currency, rounding, ways)
        for item in source.line_items
        if current_quantity(item) > 0
    ]
    lines, totals = totals_of(source, lines, rounding)
    lines, presentment = presentment_of(source, lines, totals, rounding)
    attributes, gift_message = _attributes(source, settings)
    ship_to, bill_to, customer = _ship_to(source), _bill_to(source), _customer(source)
    if ship_to is not None and not any(map(checks.is_brought, lines)):
        ship_to = _whole(ship_to, attributes)
    placed_at = _utc(source.created_at)
    due = _amount_due(source, totals, rounding)
    add_doubts(attributes, doubts_of(ship_to, bill_to, customer))
    return Order(
        ref=order_ref(source),
        number=_number(source),
        placed_at=placed_at,
        # A new order bears one moment twice.
        updated_at=placed_at if source.updated_at == source.created_at else _utc(source.updated_at),
        currency=currency,
        payment=_payment(source.financial_status),
        lines=tuple(lines),
        totals=totals,
        customer=customer,
        ship_to=ship_to,
        bill_to=bill_to,
        shipping_method=", ".join(
            one.title or "" for one in source.shipping_lines if not one.is_removed
        )[:256],
        note=(source.note or "")[:5000],
        gift_message=gift_message,
        attributes=attributes,
        test=source.test,
        discounts=discounts_of(source, totals, rounding),
        presentment=presentment,
        shipping_tax_code=_shipping_tax(source),
        payment_method=_payment_method(source, settings),
        amount_due_minor=due,
        marketplace_ref=marketplace_ref(source),
        subscription_ref=(source.source_name or "") if source.source_name in RENEWALS else "",
        **further(source, lines, totals, due),
    )


def _number(source: ShopifyOrder) -> str:
    told = str(source.order_number or "")
    return printable(source.name or (f"#{told}" if told else ""))[:64] or order_ref(source)


def _line(item: LineItem, currency: str, rounding: Rounding, ways: Ways) -> Line:
    now = current_quantity(item)
    price = minor(item.price_set, item.price, currency, rounding)
    discount = 0
    tax_code = ""
    for part in item.discount_allocations:
        discount += minor(part.amount_set, part.amount, currency, rounding)
    amounts = []
    for paid in item.tax_lines:
        amounts.append(minor(paid.price_set, paid.price, currency, rounding))
        if paid.title:
            tax_code = f"{tax_code}+{paid.title}" if tax_code else paid.title
    tax = sum(amounts)
    if now != item.quantity:
        discount, tax = share(discount, now, item.quantity), share(tax, now, item.quantity)
    return Line(
        line_id=_digits(item.admin_graphql_api_id, "LineItem"),
        sku=sku_of(item),
        title=(item.name or item.title or "")[:256],
        quantity=now,
        unit_price_minor=price,
        total_minor=price * now - discount,
        discount_minor=discount,
        tax_minor=tax,
        requires_shipping=item.requires_shipping,
        weight_grams=_grams(item),
        tax_code=tax_code[:256],
        delivery=ways.of(item),
        kind=sold_as(item, ways.tips),
        taxes=taxes_of(item.tax_lines, amounts, tax),
    )


def _grams(item: LineItem) -> int:
    """Return a piece's weight; 0 for one that can't be."""
    grams = round(item.grams or 0)
    return grams if 0 <= grams <= MAX_GRAMS else 0


def _shipping_tax(source: ShopifyOrder) -> str:
    titles = [
        tax.title
        for one in source.shipping_lines
        if not one.is_removed
        for tax in one.tax_lines
        if tax.title
    ]
    return "+".join(dict.fromkeys(titles))[:256] if titles else ""


def _digits(gid: str, kind: str) -> str:
    prefix = f"gid://shopify/{kind}/"
    digits = gid[len(prefix) :]
    if gid.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) <= 20:
        return digits
    raise refused(
        refusals.REF_MISSING,
        f"The admin_graphql_api_id is {shown(gid)}; {prefix} and digits were expected.",
    )


def _payment(status: str | None) -> Payment:
    # An unknown status is refused by the schema, with the list of those it knows.
    found: Payment = _PAYMENTS.get(status, status)  # type: ignore[assignment]  # checked by schema
    return found


def _payment_method(source: ShopifyOrder, settings: ShopifyTranslation) -> str:
    """Return the gateways by name, and the terms: an order on terms is paid by them, whether or not
    a gateway is named as well (`manual`)."""
    names = [name for name in source.payment_gateway_names if name]
    terms = source.payment_terms.payment_terms_name if source.payment_terms is not None else None
    if terms:  # "Net 30", and NET_30 in some versions
        names.append(terms if terms in settings.payment_methods else terms.replace("_", " "))
    return settings.payment_method(*names)


def _amount_due(source: ShopifyOrder, totals: Totals, rounding: Rounding) -> int | None:
    if source.total_outstanding is None:
        return None
    due = minor(None, source.total_outstanding, source.currency, rounding)
    # Below zero the shop owes the customer; what cash is rounded up by is not part of the total.
    return min(max(due, 0), totals.total_minor)


def _utc(value: str) -> str:
    """Return an ISO time with offset as RFC 3339 in UTC; what is none is left for the schema."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return value
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return value


def _full_name(first: str | None, last: str | None) -> str:
    return f"{first or ''} {last or ''}".strip()


def _customer(source: ShopifyOrder) -> Customer:
    buyer = source.customer
    if buyer is None:
        return Customer(
            email=(source.email or "")[:MAX_EMAIL],
            phone=phone_of(source.phone),
            locale=(source.customer_locale or "")[:MAX_LOCALE],
        )
    return Customer(
        name=_full_name(buyer.first_name, buyer.last_name)[:256],
        email=(source.email or buyer.email or "")[:MAX_EMAIL],
        phone=phone_of(source.phone, buyer.phone),
        reference=(buyer.admin_graphql_api_id or "").rpartition("/")[2][:256],
        locale=(source.customer_locale or "")[:MAX_LOCALE],
    )


def _address(at: PostalAddress, fallback_name: str, lines: tuple[str, ...]) -> Address:
    return address_of(
        names=(at.name, _full_name(at.first_name, at.last_name), at.company, fallback_name),
        lines=lines,
        city=at.city,
        country=at.country_code,
        company=at.company,
        region=at.province_code or at.province or "",
        postal_code=at.zip,
        phone=at.phone,
    )


def _buyer_name(source: ShopifyOrder) -> str:
    buyer = source.customer
    return _full_name(buyer.first_name, buyer.last_name) if buyer else ""


def _ship_to(source: ShopifyOrder) -> Address | None:
    at = source.shipping_address
    if at is None:
        return None
    return _address(at, _buyer_name(source), street_of(at.address1, at.address2))


def _whole(at: Address, attributes: dict[str, str]) -> Address | None:
    """Return the address of an order of which nothing travels; of a part of one, such as a country
    alone, the words are kept as an attribute."""
    if at.name and at.lines and at.country:
        return at
    words = (at.name, at.company, *at.lines, at.postal_code, at.city, at.region, at.country)
    if len(attributes) < MAX_ATTRIBUTES and any(words):
        attributes["shopify.shipping_address"] = ", ".join(one for one in words if one)[:5000]
    return None


def _bill_to(source: ShopifyOrder) -> Address | None:
    """Return the billing address. Wallets give part of one; without a country that exists it is
    none."""
    at = source.billing_address
    if at is None or at.country_code not in COUNTRIES:
        return None
    lines = street_of(at.address1, at.address2) or ("",)
    return _address(at, _buyer_name(source) or "-", lines)


def _attributes(source: ShopifyOrder, settings: ShopifyTranslation) -> tuple[dict[str, str], str]:
    """Return what has no field of its own, and the gift message (a note attribute by custom).

    Our own names begin with `shopify.`; a line's properties with its line id.
    """
    found: dict[str, str] = {}
    gift_message = ""
    gifts = _GIFT_NAMES
    if settings.gift_message_attributes:
        gifts = gifts.union(map(_plain, settings.gift_message_attributes))
    for one in source.note_attributes:
        text = _text(one)
        if _plain(one.name) in gifts:
            gift_message = text
        else:
            found[one.name[:256]] = text
    for item in source.line_items:
        for one in item.properties:
            line_id = item.admin_graphql_api_id.rpartition("/")[2]
            found[f"line {line_id}: {one.name}"[:256]] = _text(one)
    if source.po_number:
        found["shopify.po_number"] = source.po_number[:5000]
    return bounded(found, "shopify"), gift_message


def _plain(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


def _text(one: Attribute) -> str:
    if one.value is None:
        return ""
    if isinstance(one.value, bool):
        return "true" if one.value else "false"
    return str(one.value)[:5000]

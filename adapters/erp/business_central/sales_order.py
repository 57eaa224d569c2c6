"""A canonical order as Business Central's salesOrder with its lines (a deep insert).

Fields: https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/resources/dynamics_salesorder
Lengths: the v1.0 OpenAPI description, and table Sales Header (names 100, address 100 + 50).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from actors.runtime.errors import Rejected
from adapters.erp.business_central.comments import comments
from adapters.kit.fitting import fill, fit, printable, utf16_length
from schemas.order.canonical import Address, Line, Order
from schemas.order.money import decimal_text, exponent_of, share_out

MAX_ITEM_NUMBER = 20
"""Business Central's No. fields; a longer SKU can't be an item there."""
MAX_DESCRIPTION = 100
"""Characters of a line's description, as Windows counts them."""

_encoder = msgspec.json.Encoder(decimal_format="number")


class SalesOrderLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A salesOrderLine: the fields we set."""

    lineType: str  # noqa: N815 — the partner's own spelling
    lineObjectNumber: str = ""  # noqa: N815 — the partner's own spelling
    description: str = ""
    quantity: int = 0
    unitPrice: Decimal | None = None  # noqa: N815 — the partner's own spelling
    discountAmount: Decimal = Decimal(0)  # noqa: N815 — the partner's own spelling


def sales_order(
    order: Order,
    *,
    external_number: str,
    customer_number: str,
    shipping_account: str,
    duty_account: str = "",
) -> bytes:
    """Return the body of `POST salesOrders`.

    The lines add up to the channel's totals to the cent: an order-level discount is shared out over
    the lines. Shipping becomes a line of its own on `shipping_account` (a G/L account), if one is
    given; so does duty on `duty_account`. What was written to the seller (note, gift message,
    attributes), the discounts by name and what the customer saw become comment lines. Raises
    Rejected for what Business Central can't hold, and for duty without its account.
    """
    body: dict[str, object] = {
        "externalDocumentNumber": external_number,
        "orderDate": order.placed_at[:10],
        "customerNumber": customer_number,
        "currencyCode": order.currency,
        **_ship_to(order.ship_to),
        **_reach(order),
        "salesOrderLines": [
            *_lines(order),
            *_account_lines(order, shipping_account, duty_account),
            *[SalesOrderLine(lineType="Comment", description=text) for text in comments(order)],
        ],
    }
    return _encoder.encode(body)


def _text(text: str, limit: int) -> str:
    return fit(printable(text), limit, length=utf16_length)


def _ship_to(address: Address | None) -> dict[str, str]:
    if address is None:
        return {}
    street = fill([printable(line) for line in address.lines], (100, 50), length=utf16_length)
    texts = {
        "shipToName": _text(address.company or address.name, 100),
        "shipToContact": _text(address.name, 100),
        "shipToAddressLine1": street[0] if street else "",
        "shipToAddressLine2": street[1] if len(street) > 1 else "",
        "shipToCity": _text(address.city, 30),
        "shipToState": _text(address.region, 30),
        "shipToPostCode": _text(address.postal_code, 20),
        "shipToCountry": address.country,
    }
    return {name: text for name, text in texts.items() if text}


def _reach(order: Order) -> dict[str, str]:
    """E-mail and telephone: left out where cutting would make another person's of them."""
    found = {}
    email = printable(order.customer.email)
    if email and len(email) <= 80:
        found["email"] = email
    phone = order.customer.phone or (order.ship_to.phone if order.ship_to else "")
    # Business Central refuses letters in a telephone number.
    digits = "".join(sign for sign in phone if sign in "+()-/ 0123456789").strip()
    if digits and len(digits) <= 30:
        found["phoneNumber"] = digits
    return found


def _lines(order: Order) -> list[SalesOrderLine]:
    totals = order.totals
    after_lines = sum(line.total_minor for line in order.lines)
    order_discount = after_lines - (totals.subtotal_minor - totals.discount_minor)
    if 0 < order_discount <= after_lines:
        shares = share_out(order_discount, [line.total_minor for line in order.lines])
    else:
        shares = [0] * len(order.lines)
    exponent = exponent_of(order.currency)
    return [
        _line(line, line.total_minor - share, exponent)
        for line, share in zip(order.lines, shares, strict=True)
    ]


def _account_lines(
    order: Order, shipping_account: str, duty_account: str
) -> Iterator[SalesOrderLine]:
    totals, exponent = order.totals, exponent_of(order.currency)
    if totals.duty_minor and not duty_account:
        raise Rejected(
            f"The customer paid {decimal_text(totals.duty_minor, order.currency)} "
            f"{order.currency} of duty, and no G/L account for duty is set. Set duty_account of "
            "the ERP in the settings and retry."
        )
    for account, minor, text in (
        (shipping_account, totals.shipping_minor, order.shipping_method or "Shipping"),
        (duty_account, totals.duty_minor, "Duty"),
    ):
        if account and minor:
            yield SalesOrderLine(
                lineType="Account",
                lineObjectNumber=account,
                description=_text(text, MAX_DESCRIPTION),
                quantity=1,
                unitPrice=Decimal(minor).scaleb(-exponent),
            )


def _line(line: Line, net_minor: int, exponent: int) -> SalesOrderLine:
    sku = printable(line.sku)
    if len(sku) > MAX_ITEM_NUMBER:
        raise Rejected(
            f"Business Central's item numbers have at most {MAX_ITEM_NUMBER} characters; the SKU "
            f"{sku[:40]!r} has {len(sku)}. Give the item an alias in the SKU table."
        )
    unit_minor = line.unit_price_minor
    if unit_minor * line.quantity < net_minor:
        # A channel may round per line: the unit price goes up a cent, the rest is discount.
        unit_minor = -(-net_minor // line.quantity)
    return SalesOrderLine(
        lineType="Item",
        lineObjectNumber=sku,
        description=_text(line.title, MAX_DESCRIPTION),
        quantity=line.quantity,
        unitPrice=Decimal(unit_minor).scaleb(-exponent),
        discountAmount=Decimal(unit_minor * line.quantity - net_minor).scaleb(-exponent),
    )

"""A canonical order as Business Central's salesOrder with its lines.

Fields: https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/resources/dynamics_salesorder
Lengths: the v1.0 OpenAPI description, and table Sales Header (names 100, address 100 + 50).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec

from actors.runtime.errors import Rejected
from adapters.erp.business_central.comments import comments
from adapters.erp.business_central.settings import MAX_ITEM_NUMBER, BusinessCentralSettings
from adapters.kit.fitting import fill, fit, printable, utf16_length
from schemas.messages.effects import Units
from schemas.order.canonical import Address, Order
from schemas.order.money import decimal_text, exponent_of
from schemas.order.phones import corrected, parted
from schemas.order.shares import Part, Sum, as_booked, comes_to

MAX_EXTERNAL = 35
"""Characters of an externalDocumentNumber."""
MAX_DESCRIPTION = 100
"""Characters of a line's description, as Windows counts them."""

ITEM, ACCOUNT, COMMENT = "Item", "Account", "Comment"

DELIVERY_DAY = "requestedDeliveryDate"
NO_DAY = "0001-01-01"
"""How Business Central writes that there is no day."""


class SalesOrderLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A salesOrderLine: the fields we set. What it comes to is quantity × unitPrice -
    discountAmount."""

    lineType: str  # noqa: N815 — the partner's own spelling
    lineObjectNumber: str = ""  # noqa: N815 — the partner's own spelling
    description: str = ""
    quantity: int = 0
    unitPrice: Decimal | None = None  # noqa: N815 — the partner's own spelling
    discountAmount: Decimal = Decimal(0)  # noqa: N815 — the partner's own spelling


class SalesOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A sales order as it should be. `header` has the fields that an amendment may change, `fixed`
    those that stay."""

    fixed: dict[str, str]
    header: dict[str, str]
    lines: tuple[SalesOrderLine, ...]

    def body(self) -> dict[str, object]:
        """Return the body of `POST salesOrders` (a deep insert); empty fields are left out."""
        header = {name: text for name, text in self.header.items() if text}
        return {**self.fixed, **header, "salesOrderLines": list(self.lines)}


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """Whose sales order it is: the channel's name, our reference of the document, and the time
    zone of the shop's days (None: the one in which the shop states its times)."""

    channel: str
    reference: str
    zone: ZoneInfo | None = None


def external_number(channel: str, number: str) -> str:
    """Return channel and shop's number as an externalDocumentNumber: a code of at most 35
    characters, which Business Central keeps in capitals. Where both are too long, the channel is
    cut before the number; whose document it is, our reference tells."""
    shown = fit(printable(number).upper(), MAX_EXTERNAL, length=utf16_length)
    room = MAX_EXTERNAL - utf16_length(shown) - 1
    return f"{fit(channel.upper(), max(room, 0))} {shown}".strip()


def sales_order(
    order: Order,
    units: Sequence[Units],
    *,
    booking: Booking,
    settings: BusinessCentralSettings,
) -> SalesOrder:
    """Return the sales order of these units.

    Its lines sum to what the units come to, shipping and duty included, to the smallest unit of
    money; tax that comes on top is Business Central's to add. What was written to the seller,
    discounts by name, the tax basis and what the customer saw become comment lines. Raises Rejected
    for what Business Central can't hold, and for shipping or duty without its account.
    """
    customer = settings.customer_of(
        booking.channel, gross=order.totals.taxes_included, currency=order.currency
    )
    try:
        amounts = comes_to(as_booked(order), units)
    except KeyError as missing:
        raise Rejected(
            f"The order has no line {missing} any more, so the sales order can't say what it comes "
            "to. Compare the order with its sales channel."
        ) from None
    day = _wanted_by(order, booking)
    wanted_on = {DELIVERY_DAY: day} if day else {}
    lines = (
        *_sold_lines(order, amounts.parts, settings),
        *_account_lines(order, amounts, settings),
        *[
            SalesOrderLine(lineType=COMMENT, description=text)
            for text in comments(order, booking.reference, day)
        ],
    )
    return SalesOrder(
        fixed={
            "externalDocumentNumber": external_number(booking.channel, order.number),
            "orderDate": _day(order.placed_at, booking.zone),
            "customerNumber": customer,
            "currencyCode": order.currency,
        },
        header={**_ship_to(order.ship_to), **_reach(order), **wanted_on},
        lines=lines,
    )


def _wanted_by(order: Order, booking: Booking) -> str:
    """Return the day by which the customer wants it, "" where he does not say so."""
    day = order.deliver_by
    if day is None:
        return ""
    return day if "T" not in day else _day(day, booking.zone)


def _day(at: str, zone: ZoneInfo | None) -> str:
    """Return the day of a time where the shop is: late in the evening it is tomorrow elsewhere."""
    if zone is None:
        return at[:10]
    try:
        return datetime.fromisoformat(at).astimezone(zone).date().isoformat()
    except OverflowError:  # the first and the last day of all calendars
        return at[:10]


def _text(text: str, limit: int) -> str:
    return fit(printable(text), limit, length=utf16_length)


def _ship_to(address: Address | None) -> dict[str, str]:
    """Return every field of the address, "" for what it lacks: an amendment empties it."""
    lines = address.lines if address is not None else ()
    street = fill([printable(line) for line in lines], (100, 50), length=utf16_length)
    name = _text(address.name, 100) if address is not None else ""
    company = _text(address.company, 100) if address is not None else ""
    return {
        "shipToName": company or name,
        "shipToContact": name,
        "shipToAddressLine1": street[0] if street else "",
        "shipToAddressLine2": street[1] if len(street) > 1 else "",
        "shipToCity": _text(address.city, 30) if address is not None else "",
        "shipToState": _text(address.region, 30) if address is not None else "",
        "shipToPostCode": _text(address.postal_code, 20) if address is not None else "",
        "shipToCountry": address.country if address is not None else "",
    }


def _reach(order: Order) -> dict[str, str]:
    """E-mail and telephone: left out where cutting would make another person's of them."""
    email = printable(order.customer.email)
    phone = corrected(order.customer.phone) or (order.ship_to.phone if order.ship_to else "")
    # Business Central refuses letters in a telephone number, and has no field for an extension.
    phone = parted(phone)[0]
    digits = "".join(sign for sign in phone if sign in "+()-/ 0123456789").strip()
    return {
        "email": email if len(email) <= 80 else "",
        "phoneNumber": digits if len(digits) <= 30 else "",
    }


def _sold_lines(
    order: Order, parts: Sequence[Part], settings: BusinessCentralSettings
) -> Iterator[SalesOrderLine]:
    """Yield goods as items; what else was sold on its account, unless a table of SKUs made it an
    item."""
    known = {line.line_id: line for line in order.lines}
    exponent = exponent_of(order.currency)
    for part in parts:
        line = known[part.line_id]
        thing, number = ITEM, ""
        if line.kind != "goods" and not line.channel_sku:
            thing, number = ACCOUNT, _account(line.kind, part.net_minor, order, settings)
        if thing == ITEM or number:
            yield _sold_line(part, line.title, line.unit_price_minor, exponent, number)


def _account_lines(
    order: Order, amounts: Sum, settings: BusinessCentralSettings
) -> Iterator[SalesOrderLine]:
    for what, minor, text in (
        ("shipping", amounts.shipping_minor, order.shipping_method or "Shipping"),
        ("duty", amounts.duty_minor, "Duty"),
    ):
        account = _account(what, minor, order, settings)
        if minor:
            yield SalesOrderLine(
                lineType=ACCOUNT,
                lineObjectNumber=account,
                description=_text(text, MAX_DESCRIPTION),
                quantity=1,
                unitPrice=Decimal(minor).scaleb(-exponent_of(order.currency)),
            )


def _account(what: str, minor: int, order: Order, settings: BusinessCentralSettings) -> str:
    """Return the account of a kind of money; "" where there is neither. Raises Rejected."""
    account: str = getattr(settings, f"{what}_account")
    if minor and not account:
        raise Rejected(
            f"The customer paid {decimal_text(minor, order.currency)} {order.currency} of "
            f"{what.replace('_', ' ')}, and no G/L account for it is set. Set {what}_account of "
            "the ERP in the settings and retry."
        )
    return account


def _sold_line(
    part: Part, title: str, unit_minor: int, exponent: int, account: str
) -> SalesOrderLine:
    sku = printable(part.sku)
    if not account and len(sku) > MAX_ITEM_NUMBER:
        raise Rejected(
            f"Business Central's item numbers have at most {MAX_ITEM_NUMBER} characters; the SKU "
            f"{sku[:40]!r} has {len(sku)}. Give the item an alias in the SKU table."
        )
    if unit_minor * part.quantity < part.net_minor:
        # A channel may round per line: the unit price goes up a cent, the rest is discount.
        unit_minor = -(-part.net_minor // part.quantity)
    return SalesOrderLine(
        lineType=ACCOUNT if account else ITEM,
        lineObjectNumber=account or sku,
        description=_text(title, MAX_DESCRIPTION),
        quantity=part.quantity,
        unitPrice=Decimal(unit_minor).scaleb(-exponent),
        discountAmount=Decimal(unit_minor * part.quantity - part.net_minor).scaleb(-exponent),
    )

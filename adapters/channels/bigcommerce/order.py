"""From BigCommerce's order and its sub-resources (V2) to our inputs: pure translation.

What may not be shipped as it stands waits, is cancelled, or is told to a person; goods that go to
several addresses are refused, never sent to the first.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from adapters.channels.bigcommerce.about import attributes_of
from adapters.channels.bigcommerce.money import (
    ROUNDING,
    currency_of,
    discounts_of,
    grams_in,
    lines_money,
    totals_of,
    wanted_of,
    weight_grams,
)
from adapters.channels.bigcommerce.settings import BigCommerceTranslation
from adapters.channels.bigcommerce.shapes import (
    BigCommerceOrder,
    Bundle,
    PostalAddress,
    Product,
    ShippingAddress,
    Tax,
)
from adapters.channels.bigcommerce.statuses import payment_of
from adapters.channels.bigcommerce.told import told
from adapters.kit.addresses import MAX_EMAIL, MAX_LOCALE, address_of, phone_of, street_of
from adapters.kit.attributes import add_doubts
from adapters.kit.moments import moment_of
from adapters.kit.rounding import Rounding
from adapters.kit.translation import unlisted
from schemas.contracts import checks, published, refusals
from schemas.contracts.doubts import doubts_of, stated_region
from schemas.contracts.refusals import refused
from schemas.contracts.validation import accepts, require
from schemas.messages.effects import Units
from schemas.messages.inputs import CancelOrder, Input, NoteReport, OutsideShipment, UpdateOrder
from schemas.order.canonical import Address, Customer, Line, Order
from schemas.order.iso_codes import COUNTRIES

SOURCE = "bigcommerce"
UNLISTED_SKU = "unlisted"
"""The SKU of a line that is not an article and needs no shipping, such as a gift certificate."""
CERTIFICATE = "giftcertificate"
"""The type of a line that is a gift certificate."""
GONE = frozenset({2, 10})
"""The statuses Shipped and Completed."""
PARTLY_SHIPPED = 3
MAX_SHIPMENTS = 500
"""What an input takes."""
UNTOLD_WORDS = (
    "The shop says that a part was shipped and shows no shipment: enter there what was sent, or "
    "set it to Awaiting Fulfillment if nothing was. This ends by itself then."
)
"""What is left to a person of an order of which all would be sent, and a part perhaps twice."""
TEST_GATEWAY = "Test Payment Gateway"
"""The payment method of an order that a shop places to try itself out."""
USUAL = BigCommerceTranslation()

_MONTHS = {
    f" {name} ": f"{number:02}"
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}


def travels(product: Product) -> bool:
    """Say whether a line is goods that someone gets into his hands: neither a download nor a
    certificate."""
    return product.type == "physical"


def is_picked_up(product: Product) -> bool:
    """Say whether a line is goods that the customer collects: they have no shipment."""
    return travels(product) and bool(product.order_pickup_method_id)


def input_of(
    source: Bundle, rounding: Rounding = ROUNDING, settings: BigCommerceTranslation = USUAL
) -> Input:
    """Make one of our inputs of how the order is now. Raises Refused."""
    order = source.order
    status = settings.status(order.status_id)
    if status is None:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"The status_id is {order.status_id}, which is not known here; 0 to 14 were expected.",
        )
    if status.way == "cancel":
        return _cancelled(order, status.words)
    if order.is_deleted:
        return _note(order, "archived", "The order was deleted in the shop: cancel it, or ship it.")
    if status.way == "wait":
        return _note(order, status.name, status.words, hold="", waits=True)
    if status.way == "hold":
        return _note(order, status.name, status.words, waits=True, ready=status.ready)
    if source.products and not any(map(wanted_of, source.products)):
        return _cancelled(order, "Every line was refunded.")
    fulfilled = fulfilled_of(source)
    if order.status_id == PARTLY_SHIPPED and not fulfilled and any(map(_is_to_go, source.products)):
        note = _note(order, status.name, UNTOLD_WORDS)
        return replace(note, at=moment_of(utc(order.date_modified)), unread=True)
    return UpdateOrder(
        order=canonical_order(source, rounding, settings),
        fulfilled=fulfilled,
        fulfilled_is_all=True,
    )


def _is_to_go(product: Product) -> bool:
    return travels(product) and wanted_of(product) > 0


def canonical_order(
    source: Bundle, rounding: Rounding = ROUNDING, settings: BigCommerceTranslation = USUAL
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
    source: Bundle, rounding: Rounding = ROUNDING, settings: BigCommerceTranslation = USUAL
) -> Order:
    """Translate and nothing else: what an order would be if it passed. Raises Refused for what
    can't be translated at all."""
    theirs = source.order
    if not source.products:
        raise refused(refusals.NOTHING_TO_FULFIL, "The order has no products.")
    currency = currency_of(theirs)
    taxes, shipping_tax = _taxes(source.taxes)
    unit_grams = grams_in(source.store.weight_units)
    found = [
        Line(
            line_id=str(product.id),
            sku=_sku(product),
            title=(product.name or "")[:256],
            quantity=wanted_of(product),
            unit_price_minor=money.unit_minor,
            total_minor=money.gross_minor - money.discount_minor,
            discount_minor=money.discount_minor,
            tax_minor=money.tax_minor,
            tax_code=taxes.get(str(product.id), ""),
            requires_shipping=travels(product),
            weight_grams=weight_grams(product, unit_grams),
            delivery=_way(product, source),
            kind="gift_card" if product.type == CERTIFICATE else "goods",
        )
        for product, money in zip(
            source.products, lines_money(source, currency, rounding), strict=True
        )
        if wanted_of(product) > 0
    ]
    priced, totals = totals_of(source, found, rounding)
    lines, further = told(source, priced, totals, rounding)
    there = ship_to_of(source)
    ship_to = _address(there) if there is not None else None
    bill_to, customer = _bill_to(theirs), _customer(theirs)
    attributes = attributes_of(source)
    add_doubts(attributes, doubts_of(ship_to, bill_to, customer))
    return Order(
        ref=str(theirs.id),
        number=str(theirs.id),
        placed_at=utc(theirs.date_created),
        updated_at=utc(theirs.date_modified),
        currency=currency,
        payment=payment_of(theirs),
        lines=lines,
        totals=totals,
        customer=customer,
        ship_to=ship_to,
        bill_to=bill_to,
        shipping_method=(there.shipping_method or "")[:256] if there is not None else "",
        note=(theirs.customer_message or "")[:5000],
        attributes=attributes,
        test=theirs.payment_method == TEST_GATEWAY,
        discounts=discounts_of(source, totals, rounding),
        shipping_tax_code=shipping_tax,
        payment_method=settings.payment_method(theirs.payment_method or ""),
        **further,
    )


def ship_to_of(source: Bundle) -> ShippingAddress | None:
    """Return the one address that parcels go to; None when there are none, because nothing travels
    or the customer collects all of it. Raises Refused(ship_to_several)."""
    wanted = {x.order_address_id for x in source.products if travels(x) and not _way(x, source)}
    if len(wanted) > 1:
        raise refused(
            refusals.SHIP_TO_SEVERAL,
            f"The goods of this order don't go to one address ({len(wanted)} addresses). Split it "
            "in the shop into an order for each, or ship it from there by hand and discard this.",
        )
    return next((one for one in source.shipping_addresses if one.id in wanted), None)


def utc(value: str) -> str:
    """Return BigCommerce's time (RFC 2822) as RFC 3339 in UTC; what is none is left for the
    schema, and what is on no calendar for the check of dates."""
    # BigCommerce always writes it so; the general way costs four times as much.
    if len(value) == 31 and value[25:] == " +0000" and (month := _MONTHS.get(value[7:12])):
        return f"{value[12:16]}-{month}-{value[5:7]}T{value[17:25]}Z"
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a year or zone of many digits
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
    if moment.tzinfo is None:
        return value
    try:
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return value


def fulfilled_of(source: Bundle) -> tuple[OutsideShipment, ...]:
    """Return the shop's shipments, by whomever, under their ids. Of a line of which it counts more
    pieces as shipped than they hold, all of these are one without an id, which states sums. An
    order that is Shipped or Completed counts
    whole, because people set that by hand. Only what travels counts."""
    lines = {one.id: one for one in source.products if travels(one)}
    told: Counter[int] = Counter()
    found = []
    for shipment in source.shipments:
        counts: Counter[int] = Counter()
        for item in shipment.items:
            if item.order_product_id in lines and item.quantity > 0:
                counts[item.order_product_id] += item.quantity
        if counts:
            told += counts
            number = (shipment.tracking_number or "")[:256]
            found.append(
                OutsideShipment(
                    outside_id=str(shipment.id),
                    units=tuple(Units(str(x), _sku(lines[x]), q) for x, q in counts.items()),
                    tracking_numbers=(number,) if number else (),
                )
            )
    rest = []
    for line in lines.values():
        gone = int(line.quantity_shipped or 0)
        if source.order.status_id in GONE:
            gone = max(gone, wanted_of(line))
        if gone > told[line.id]:
            rest.append(Units(str(line.id), _sku(line), gone))
    if rest:
        found.append(OutsideShipment(outside_id="", units=tuple(rest)))
    if len(found) > MAX_SHIPMENTS:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"The order has {len(found)} shipments; at most {MAX_SHIPMENTS} are taken. Enter what "
            "is left of it by hand.",
        )
    return tuple(found)


def _way(product: Product, source: Bundle) -> Literal["", "pickup", "elsewhere"]:
    """Return how a line reaches the customer. What an order that is done shows no address for went
    over a counter."""
    if is_picked_up(product):
        return "pickup"
    has_address = any(one.id == product.order_address_id for one in source.shipping_addresses)
    is_done = source.order.status_id in GONE
    return "elsewhere" if travels(product) and is_done and not has_address else ""


def _cancelled(order: BigCommerceOrder, reason: str) -> CancelOrder:
    at = moment_of(utc(order.date_modified))
    return CancelOrder(ref=str(order.id), reason=reason, whole=True, at=at)


def _note(
    order: BigCommerceOrder,
    topic: str,
    words: str,
    *,
    hold: Literal["", "before_hand_over"] = "before_hand_over",
    waits: bool = False,
    ready: bool = False,
) -> NoteReport:
    return NoteReport(
        ref=str(order.id),
        source=SOURCE,
        topic=topic,
        words=words,
        hold=hold,
        waits=waits,
        ready=ready,
    )


def _sku(product: Product) -> str:
    if product.sku and product.sku.strip():
        return product.sku.strip()
    if product.variant_id:
        return f"variant:{product.variant_id}"
    if product.product_id:
        return f"product:{product.product_id}"
    if not travels(product):
        return UNLISTED_SKU
    if sku := unlisted(product.name or ""):
        return sku
    raise refused(
        refusals.SKU_MISSING,
        f"The product {product.id} must be shipped and has neither SKU nor name, and is in no "
        "catalogue; give it a SKU in the shop's order.",
    )


def _taxes(taxes: list[Tax]) -> tuple[dict[str, str], str]:
    """Return the names of each line's taxes, and those of shipping."""
    lines: dict[str, dict[str, None]] = {}
    shipping: dict[str, None] = {}
    for tax in taxes:
        name = tax.name or ""
        if not name:
            continue
        if tax.line_item_type == "shipping":
            shipping[name] = None
        elif tax.line_item_type in ("item", None) and tax.order_product_id:
            lines.setdefault(str(tax.order_product_id), {})[name] = None
    return {key: "+".join(names)[:256] for key, names in lines.items()}, "+".join(shipping)[:256]


def _name(at: PostalAddress) -> str:
    full = f"{at.first_name or ''} {at.last_name or ''}".strip()
    return full or (at.company or "").strip()


def _customer(order: BigCommerceOrder) -> Customer:
    at = order.billing_address or PostalAddress()
    return Customer(
        name=_name(at)[:256],
        email=(at.email or "")[:MAX_EMAIL],
        phone=phone_of(at.phone),
        reference=str(int(order.customer_id)) if order.customer_id else "",
        locale=(order.customer_locale or "")[:MAX_LOCALE],
    )


def _address(at: PostalAddress, lines: tuple[str, ...] = ()) -> Address:
    return address_of(
        names=(_name(at),),
        lines=street_of(at.street_1, at.street_2) or lines,
        city=at.city,
        country=at.country_iso2,
        company=at.company,
        region=stated_region(at.country_iso2 or "", at.state or ""),
        postal_code=at.zip,
        phone=at.phone,
    )


def _bill_to(order: BigCommerceOrder) -> Address | None:
    """Return the billing address; without a country that exists or a name it is none."""
    at = order.billing_address
    if at is None or at.country_iso2 not in COUNTRIES or not _name(at):
        return None
    return _address(at, ("",))

"""From Amazon's order (`getOrder`, Orders API 2026-01-01) to our inputs: pure translation.

Amazon lets no one ship an order that is pending: it waits. What Amazon ships itself is not ours.
Packages that are confirmed, by us or by somebody else, are stated with the order.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import msgspec

from adapters.channels.amazon.about import (
    COLLECTED,
    PICKUP_POINT,
    SUBSCRIBED,
    TRANSPARENCY,
    attributes_of,
    further,
    gifts_of,
    payments_of,
    vat_id_of,
)
from adapters.channels.amazon.money import (
    currency_of,
    minor,
    parts_of,
    stated_currency,
    totals_of,
    unit_of,
)
from adapters.channels.amazon.shapes import (
    AmazonOrder,
    DeliveryAddress,
    Item,
    ItemFulfillment,
    Package,
)
from adapters.kit.addresses import address_of, phone_of, street_of
from adapters.kit.attributes import add_doubts, bounded
from adapters.kit.moments import moment_of
from adapters.kit.rounding import EXACT, Rounding
from adapters.kit.translation import Translation, unlisted
from schemas.contracts import checks, published, refusals
from schemas.contracts.doubts import doubts_of, stated_region
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.contracts.validation import accepts, require
from schemas.messages.effects import Units
from schemas.messages.inputs import CancelOrder, Input, NoteReport, OutsideShipment, UpdateOrder
from schemas.order.canonical import Address, Customer, Line, Order, Payment, Totals

SOURCE = "amazon"
STATUSES = frozenset(
    {"PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"}
)
"""The states of orders that a merchant ships."""
PENDING = frozenset({"PENDING_AVAILABILITY", "PENDING"})
PENDING_WORDS = "Amazon has not confirmed the payment yet and tells no address; it must wait."
UNTOLD_WORDS = (
    "Amazon says that a part was shipped, and neither shows a package nor counts a piece: look in "
    "Seller Central what was sent. This ends by itself once Amazon shows it."
)
"""What is left to a person of an order of which all would be sent, and a part perhaps twice. Amazon
may show the package a moment later than the status."""
ON_DELIVERY = "CashOnDelivery"
MAX_SHIPMENTS = 500
"""What an input takes."""
USUAL = Translation()
_ORDER_ID = re.compile(r"[0-9A-Z]{3}-[0-9]{7}-[0-9]{7}")


def is_order_id(text: str) -> bool:
    """Say whether it has the form of Amazon's order ids, 3-7-7."""
    return _ORDER_ID.fullmatch(text) is not None


def input_of(
    source: AmazonOrder, rounding: Rounding = EXACT, settings: Translation = USUAL
) -> Input:
    """Make one of our inputs of how the order is now. Raises Refused."""
    ref = _ref(source)
    how = source.fulfillment
    if how is None:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            "The order lacks fulfillment; fetch it again with includedData FULFILLMENT.",
        )
    if how.fulfilled_by == "AMAZON" or how.fulfillment_status == "UNFULFILLABLE":
        raise refused(
            refusals.TOPIC_NOT_OURS,
            "Amazon ships this order from its own warehouse (FBA); it is not for us to ship.",
        )
    status = how.fulfillment_status
    if status not in STATUSES:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"The fulfillmentStatus is {shown(status)}, which is not known here.",
        )
    if status == "CANCELLED":
        return _cancelled(source, _cancel_reason(source))
    if source.order_items and not any(map(current_quantity, source.order_items)):
        return _cancelled(source, "Every item was cancelled.")
    if status in PENDING and not _complete(source):
        return NoteReport(ref=ref, source=SOURCE, topic=status, words=PENDING_WORDS, waits=True)
    if status == "SHIPPED" and _ship_to(source) is None:
        words = "Amazon shows the order as shipped, and tells its address no more."
        return NoteReport(ref=ref, source=SOURCE, topic=status, words=words)
    fulfilled = fulfilled_of(source)
    if status == "PARTIALLY_SHIPPED" and not fulfilled:
        return NoteReport(
            ref=ref,
            source=SOURCE,
            topic=status,
            words=UNTOLD_WORDS,
            hold="before_hand_over",
            at=moment_of(source.last_updated_time),
            unread=True,
        )
    return UpdateOrder(
        order=canonical_order(source, rounding, settings),
        fulfilled=fulfilled,
        fulfilled_is_all=True,
    )


def _cancelled(source: AmazonOrder, reason: str) -> CancelOrder:
    at = moment_of(source.last_updated_time)
    return CancelOrder(ref=_ref(source), reason=reason, whole=True, at=at)


def fulfilled_of(source: AmazonOrder) -> tuple[OutsideShipment, ...]:
    """Return the packages that stand, by whomever, under their numbers. Of a line of which Amazon
    counts more pieces as shipped than they hold, all of these are one without a number, which
    states sums. Of an order that is shipped whole, all that is wanted counts."""
    lines = {one.order_item_id: one for one in source.order_items}
    told: Counter[str] = Counter()
    found = []
    for package in source.packages:
        counts: Counter[str] = Counter()
        for item in () if _is_dead(package) else package.package_items:
            if item.order_item_id in lines and item.quantity > 0:
                counts[item.order_item_id] += item.quantity
        if counts:
            told += counts
            number = package.tracking_number[:256]
            found.append(
                OutsideShipment(
                    outside_id=package.package_reference_id[:256],
                    units=tuple(Units(x, _sku(lines[x]), q) for x, q in counts.items()),
                    tracking_numbers=(number,) if number else (),
                )
            )
    is_whole = source.fulfillment is not None and source.fulfillment.fulfillment_status == "SHIPPED"
    rest = []
    for name, line in lines.items():
        gone = current_quantity(line) if is_whole else shipped_quantity(line)
        if gone > told[name]:
            rest.append(Units(name, _sku(line), gone))
    if rest:
        found.append(OutsideShipment(outside_id="", units=tuple(rest)))
    if len(found) > MAX_SHIPMENTS:
        raise refused(
            refusals.SCHEMA_MISMATCH,
            f"The order has {len(found)} packages; at most {MAX_SHIPMENTS} are taken. Enter what "
            "is left of it by hand.",
        )
    return tuple(found)


def canonical_order(
    source: AmazonOrder, rounding: Rounding = EXACT, settings: Translation = USUAL
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
    source: AmazonOrder, rounding: Rounding = EXACT, settings: Translation = USUAL
) -> Order:
    """Translate and nothing else: what an order would be if it passed. Raises Refused for what
    can't be translated at all."""
    if not source.order_items:
        raise refused(refusals.NOTHING_TO_FULFIL, "The order has no orderItems.")
    ship_to = _ship_to(source)
    if ship_to is None:
        raise refused(
            refusals.SHIP_TO_MISSING,
            "Amazon told no delivery address, or only a part of one. It may tell the rest later, "
            "and the order then comes by itself; if not, give the application the role for "
            "shipping to customers in Seller Central, and fetch the order again.",
        )
    currency = currency_of(source)
    gift_message, gifts = gifts_of(source)
    lines, parts = [], []
    for item in source.order_items:
        quantity = current_quantity(item)
        if quantity > 0:
            part = parts_of(item, quantity, currency, rounding)
            unit = unit_of(item, currency, rounding) or part.item_minor // quantity
            # A price that fell after it was put in the cart shows as a discount of the line.
            discount = part.discount_minor + max(unit * quantity - part.item_minor, 0)
            parts.append(part)
            lines.append(
                Line(
                    line_id=item.order_item_id,
                    sku=_sku(item),
                    title=item.product.title[:256],
                    quantity=quantity,
                    unit_price_minor=unit,
                    total_minor=unit * quantity - discount,
                    discount_minor=discount,
                    tax_minor=part.item_tax_minor,
                    tax_code=_tax_code(item),
                    gift_message=gifts.get(item.order_item_id, ""),
                    unit_codes="transparency" if TRANSPARENCY in item.programs else "",
                    delivery="pickup" if COLLECTED in source.programs else "",
                )
            )
    lines, totals = totals_of(source, lines, parts, rounding)
    attributes, customer = bounded(attributes_of(source), SOURCE), _customer(source)
    add_doubts(attributes, doubts_of(ship_to, None, customer))
    how = source.fulfillment
    return Order(
        ref=_ref(source),
        number=source.order_id,
        placed_at=_utc(source.created_time),
        updated_at=_utc(source.last_updated_time),
        currency=currency,
        payment=_payment(source),
        lines=tuple(lines),
        totals=totals,
        customer=customer,
        ship_to=ship_to,
        shipping_method=how.fulfillment_service_level[:256] if how is not None else "",
        note=_note(source),
        gift_message=gift_message,
        attributes=attributes,
        payment_method=settings.payment_method(
            *(one.payment_method for one in payments_of(source))
        ),
        amount_due_minor=_amount_due(source, totals, currency, rounding),
        marketplace_ref=f"{SOURCE}:{source.order_id}",
        subscription_ref=SUBSCRIBED if _is_subscribed(source) else "",
        **further(source, currency, rounding),
    )


def _is_subscribed(source: AmazonOrder) -> bool:
    return any(SUBSCRIBED in one.programs for one in source.order_items)


def shipped_quantity(item: Item) -> int:
    """Return how much of a line Amazon counts as shipped."""
    return (item.fulfillment.quantity_fulfilled or 0) if item.fulfillment is not None else 0


def current_quantity(item: Item) -> int:
    """Return how much of a line is or will be shipped: without what was cancelled of it."""
    how = item.fulfillment or ItemFulfillment()
    if how.quantity_fulfilled is None and how.quantity_unfulfilled is None:
        return item.quantity_ordered
    return (how.quantity_fulfilled or 0) + (how.quantity_unfulfilled or 0)


def _ref(source: AmazonOrder) -> str:
    if is_order_id(source.order_id):
        return source.order_id
    raise refused(
        refusals.REF_MISSING,
        f"The orderId is {shown(source.order_id)}; three groups of 3, 7 and 7 were expected.",
    )


def _complete(source: AmazonOrder) -> bool:
    """Say whether a pending order tells price and address; Amazon mostly keeps them back."""
    return _ship_to(source) is not None and stated_currency(source) != ""


def _is_dead(package: Package) -> bool:
    return package.package_status is not None and package.package_status.status == "CANCELLED"


def _cancel_reason(source: AmazonOrder) -> str:
    for item in source.order_items:
        if item.cancellation is not None and item.cancellation.cancellation_execution is not None:
            told = item.cancellation.cancellation_execution
            return f"{told.cancelled_by}: {told.cancel_reason}".strip(": ")[:256]
    return ""


def _sku(item: Item) -> str:
    if sku := item.product.seller_sku.strip() or unlisted(item.product.title):
        return sku
    raise refused(
        refusals.SKU_MISSING,
        f"The item {shown(item.order_item_id)} has neither sellerSku nor title; look at its "
        "listing in Seller Central.",
    )


def _payment(source: AmazonOrder) -> Payment:
    """Amazon collects the money and lets ship only what is paid; cash on delivery is promised."""
    how = source.fulfillment
    if how is None or how.fulfillment_status in PENDING:
        return "pending"
    on_delivery = any(one.payment_method == ON_DELIVERY for one in payments_of(source))
    return "authorized" if on_delivery else "paid"


def _amount_due(
    source: AmazonOrder, totals: Totals, currency: str, rounding: Rounding
) -> int | None:
    """Return what is paid on delivery; None where Amazon does not say how much."""
    on_delivery = [one for one in payments_of(source) if one.payment_method == ON_DELIVERY]
    if not on_delivery or any(one.payment_amount is None for one in on_delivery):
        return None
    due = sum(minor(one.payment_amount, currency, rounding) for one in on_delivery)
    return min(due, totals.total_minor)


def _tax_code(item: Item) -> str:
    schemes = item.tax.tax_calculation_breakdowns if item.tax is not None else []
    names = dict.fromkeys(one.reporting_scheme for one in schemes if one.reporting_scheme)
    return "+".join(names)[:256]


def _utc(value: str) -> str:
    """Return an ISO time with offset as RFC 3339 in UTC; what is none is left for the schema."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return value
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return value


def _customer(source: AmazonOrder) -> Customer:
    """Return the buyer without an address to write to: Amazon confirms orders and shipments to its
    buyers itself, and forbids sellers to. https://sellercentral.amazon.com/help/hub/reference/G1701
    """
    at = source.recipient.delivery_address if source.recipient is not None else None
    phone = phone_of(at.phone) if at is not None else ""
    name = source.buyer.buyer_name[:256] if source.buyer is not None else ""
    return Customer(name=name, phone=phone, vat_id=vat_id_of(source))


def _ship_to(source: AmazonOrder) -> Address | None:
    at = source.recipient.delivery_address if source.recipient is not None else None
    if at is None or not at.country_code or not any(_street(at)):
        return None
    buyer = source.buyer.buyer_name if source.buyer is not None else ""
    return address_of(
        names=(at.name, at.company_name, buyer, "-"),
        lines=_street(at),
        city=at.city or at.municipality or at.district_or_county,
        country=at.country_code,
        company=at.company_name,
        region=stated_region(at.country_code, at.state_or_region),
        postal_code=at.postal_code,
        phone=at.phone,
        pickup_point=at.address_type == PICKUP_POINT,
    )


def _street(at: DeliveryAddress) -> tuple[str, ...]:
    """Return the street; a district is a line of its own where the city doesn't stand for it."""
    lines = [at.address_line1, at.address_line2, at.address_line3]
    if at.city and at.district_or_county and at.country_code != "US":
        lines.append(at.district_or_county)
    return street_of(*lines) or ("",)


def _note(source: AmazonOrder) -> str:
    told = source.recipient.delivery_preference if source.recipient is not None else None
    if told is None:
        return ""
    both = (told.drop_off_location, told.address_instruction)
    return "\n".join(one for one in both if one)[:5000]

"""From Amazon's order (`getOrder`, Orders API 2026-01-01) to our inputs: pure translation.

Amazon lets no one ship an order that is pending: it waits. What Amazon ships itself is not ours.
An order that somebody else confirmed as shipped is told to a person, and not shipped twice.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

import msgspec

from adapters.channels.amazon.money import currency_of, parts_of, totals_of, unit_of
from adapters.channels.amazon.shapes import (
    AmazonOrder,
    DeliveryAddress,
    GiftOption,
    Item,
    ItemFulfillment,
    Package,
)
from adapters.kit.rounding import EXACT, Rounding
from schemas.contracts import checks, published, refusals
from schemas.contracts.doubts import doubts_of
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.contracts.validation import accepts, require
from schemas.messages.inputs import CancelOrder, Input, NoteReport, UpdateOrder
from schemas.order.canonical import DOUBT, Address, Customer, Line, Order, Payment

MAX_ATTRIBUTES = 100
"""What `order.v1` takes."""
SOURCE = "amazon"
STATUSES = frozenset(
    {"PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"}
)
"""The states of orders that a merchant ships."""
PENDING = frozenset({"PENDING_AVAILABILITY", "PENDING"})
SHIPPED = frozenset({"PARTIALLY_SHIPPED", "SHIPPED"})
_ORDER_ID = re.compile(r"[0-9A-Z]{3}-[0-9]{7}-[0-9]{7}")


def is_order_id(text: str) -> bool:
    """Say whether it has the form of Amazon's order ids, 3-7-7."""
    return _ORDER_ID.fullmatch(text) is not None


def package_reference(order_id: str, tracking_number: str) -> str:
    """Return the number of our package in an order: 12 digits, always the same for a tracking
    number, so that confirming it again edits it. Amazon takes positive numbers only."""
    digest = hashlib.sha256(f"{order_id}\n{tracking_number}".encode()).digest()
    return str(100_000_000_000 + int.from_bytes(digest[:8], "big") % 900_000_000_000)


def is_ours(order_id: str, package: Package) -> bool:
    """Say whether a package is one that we confirmed."""
    wanted = package_reference(order_id, package.tracking_number)
    return package.package_reference_id == wanted


def input_of(source: AmazonOrder, rounding: Rounding = EXACT) -> Input:
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
        return CancelOrder(ref=ref, reason=_cancel_reason(source), whole=True)
    if source.order_items and not any(map(current_quantity, source.order_items)):
        return CancelOrder(ref=ref, reason="Every item was cancelled.", whole=True)
    if status in PENDING and not _complete(source):
        words = "Amazon has not confirmed the payment yet and tells no address; it must wait."
        return NoteReport(ref=ref, source=SOURCE, topic=status, words=words, waits=True)
    standing = [one for one in source.packages if not _is_dead(one)]
    if status in SHIPPED and not any(is_ours(source.order_id, one) for one in standing):
        words = "Amazon shows the order as shipped, at least in part, and not by us."
        return NoteReport(
            ref=ref, source=SOURCE, topic=status, words=words, hold="before_hand_over"
        )
    return UpdateOrder(order=canonical_order(source, rounding))


def canonical_order(source: AmazonOrder, rounding: Rounding = EXACT) -> Order:
    """Translate, validate against `order.v1`, and check totals, codes, dates and addresses.

    Raises Refused.
    """
    order = unchecked_order(source, rounding)
    stated = msgspec.to_builtins(order)
    if not accepts(published.ORDER, stated):
        require(published.ORDER, stated)
    checks.refuse_order(order)
    return order


def unchecked_order(source: AmazonOrder, rounding: Rounding = EXACT) -> Order:
    """Translate and nothing else: what an order would be if it passed. Raises Refused for what
    can't be translated at all."""
    if not source.order_items:
        raise refused(refusals.NOTHING_TO_FULFIL, "The order has no orderItems.")
    ship_to = _ship_to(source)
    if ship_to is None:
        raise refused(
            refusals.SHIP_TO_MISSING,
            "Amazon told no delivery address. Give the application the role for shipping to "
            "customers in Seller Central, and look at the order again.",
        )
    currency = currency_of(source)
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
                )
            )
    lines, totals = totals_of(source, lines, parts, rounding)
    attributes, customer = _attributes(source), _customer(source)
    for doubt in doubts_of(ship_to, None, customer):
        if len(attributes) < MAX_ATTRIBUTES:
            name = DOUBT + doubt.reason
            attributes[name] = f"{attributes.get(name, '')} {doubt.sentence}".strip()
    if len(attributes) > MAX_ATTRIBUTES:
        why = f"The order has {len(attributes)} attributes; at most {MAX_ATTRIBUTES} are taken."
        raise refused(refusals.SCHEMA_MISMATCH, why)
    how = source.fulfillment
    gifts = [gift.gift_message for gift in map(_gift, source.order_items) if gift is not None]
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
        gift_message="\n".join(dict.fromkeys(text for text in gifts if text))[:5000],
        attributes=attributes,
    )


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
    return _ship_to(source) is not None and currency_of(source) != ""


def _is_dead(package: Package) -> bool:
    return package.package_status is not None and package.package_status.status == "CANCELLED"


def _cancel_reason(source: AmazonOrder) -> str:
    for item in source.order_items:
        if item.cancellation is not None and item.cancellation.cancellation_execution is not None:
            told = item.cancellation.cancellation_execution
            return f"{told.cancelled_by}: {told.cancel_reason}".strip(": ")[:256]
    return ""


def _sku(item: Item) -> str:
    if sku := item.product.seller_sku.strip():
        return sku
    raise refused(
        refusals.SKU_MISSING,
        f"The item {shown(item.product.title)} has no sellerSku; look at its listing in Seller "
        "Central.",
    )


def _payment(source: AmazonOrder) -> Payment:
    """Amazon collects the money and lets ship only what is paid; cash on delivery is promised."""
    how = source.fulfillment
    if how is None or how.fulfillment_status in PENDING:
        return "pending"
    paid = source.payment.payment_executions if source.payment is not None else []
    on_delivery = any(one.payment_method == "CashOnDelivery" for one in paid)
    return "authorized" if on_delivery else "paid"


def _tax_code(item: Item) -> str:
    schemes = item.tax.tax_calculation_breakdowns if item.tax is not None else []
    names = dict.fromkeys(one.reporting_scheme for one in schemes if one.reporting_scheme)
    return "+".join(names)[:256]


def _gift(item: Item) -> GiftOption | None:
    how = item.fulfillment
    return how.packing.gift_option if how is not None and how.packing is not None else None


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
    phone = at.phone if at is not None else ""
    if source.buyer is None:
        return Customer(phone=phone)
    return Customer(name=source.buyer.buyer_name[:256], phone=phone)


def _ship_to(source: AmazonOrder) -> Address | None:
    at = source.recipient.delivery_address if source.recipient is not None else None
    if at is None or not at.country_code:
        return None
    buyer = source.buyer.buyer_name if source.buyer is not None else ""
    return Address(
        name=(at.name or at.company_name or buyer or "-").strip(),
        lines=_street(at),
        city=at.city or at.municipality or at.district_or_county,
        country=at.country_code,
        company=at.company_name,
        region=at.state_or_region,
        postal_code=at.postal_code,
        phone=at.phone,
    )


def _street(at: DeliveryAddress) -> tuple[str, ...]:
    """Return the street; a district is a line of its own where the city doesn't stand for it."""
    lines = [at.address_line1, at.address_line2, at.address_line3]
    if at.city and at.district_or_county and at.country_code != "US":
        lines.append(at.district_or_county)
    return tuple(line for line in lines if line.strip()) or ("",)


def _note(source: AmazonOrder) -> str:
    told = source.recipient.delivery_preference if source.recipient is not None else None
    if told is None:
        return ""
    both = (told.drop_off_location, told.address_instruction)
    return "\n".join(one for one in both if one)[:5000]


def _attributes(source: AmazonOrder) -> dict[str, str]:
    """Return what has no field of its own; names begin with `amazon.`, a line's with its id."""
    how, buyer, to = source.fulfillment, source.buyer, source.recipient
    at = to.delivery_address if to is not None else None
    by = how.ship_by_window if how is not None else None
    until = how.deliver_by_window if how is not None else None
    replaced = (f"{one.association_type} {one.order_id}" for one in source.associated_orders)
    paid = source.payment.payment_executions if source.payment is not None else []
    found = {
        "marketplace_id": source.sales_channel.marketplace_id,
        "marketplace": source.sales_channel.marketplace_name,
        "programs": ", ".join(source.programs),
        "aliases": ", ".join(f"{one.alias_type} {one.alias_id}" for one in source.order_aliases),
        "associated_orders": ", ".join(replaced),
        "ship_by": by.latest_date_time if by is not None else "",
        "deliver_by": until.latest_date_time if until is not None else "",
        "address_type": at.address_type if at is not None else "",
        "company": buyer.buyer_company_name if buyer is not None else "",
        "buyer_email": buyer.buyer_email if buyer is not None else "",
        "po_number": buyer.buyer_purchase_order_number if buyer is not None else "",
        "payment_methods": ", ".join(one.payment_method for one in paid),
    }
    lines = {f"line {one.order_item_id}": _about(one) for one in source.order_items}
    return {f"amazon.{name}"[:256]: text[:5000] for name, text in (found | lines).items() if text}


def _about(item: Item) -> str:
    """Return what a line says of itself beyond our fields, such as its IOSS number."""
    product, how = item.product, item.fulfillment
    told = [("asin", product.asin)]
    if product.price is not None:
        told.append(("price", product.price.price_designation))
    told.append(("programs", "+".join(item.programs)))
    if (gift := _gift(item)) is not None:
        told.append(("gift wrap", gift.gift_wrap_level))
    if product.customization is not None:
        told.append(("customized", product.customization.customized_url))
    if item.promotion is not None:
        names = [one.promotion_id for one in item.promotion.breakdowns]
        told.append(("promotions", "+".join(names)))
    if item.tax is not None and item.tax.tax_collections:
        by = [f"{one.model} by {one.responsible_party}" for one in item.tax.tax_collections]
        told.append(("tax collected", "+".join(by)))
    if how is not None and how.shipping is not None:
        if how.shipping.international_shipping is not None:
            told.append(("IOSS number", how.shipping.international_shipping.ioss_number))
        told.append(("constraints", "+".join(how.shipping.shipping_constraints)))
    if item.cancellation is not None and item.cancellation.cancellation_request is not None:
        asked = item.cancellation.cancellation_request
        told.append(("cancel asked", f"{asked.requester} {asked.cancel_reason}"))
    return "; ".join([f"{name}: {text}" for name, text in told if text])

"""A fetched order as a webhook states it: snake case, ids as digits, enums in small letters,
weights in grams.

Three things a webhook has and GraphQL doesn't, and what stands for them:

- what each code of an order without applications took off (`discount_codes.amount`): nothing, and
  the amount stays in the lines it was shared out to;
- variant and product of a line that has a SKU: nothing, for a line's SKU goes before them;
- `fulfillable_quantity`, deprecated there: what is not fulfilled of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from msgspec import structs

from adapters.channels.shopify.fetched_shapes import (
    Address,
    Allocation,
    Application,
    Article,
    Attribute,
    Buyer,
    Line,
    MoneySet,
    Node,
    Order,
    Way,
    Weight,
)
from adapters.channels.shopify.goods_shapes import Fulfilment

_GRAMS = {
    "GRAMS": Decimal(1),
    "KILOGRAMS": Decimal(1000),
    "OUNCES": Decimal("28.349523125"),
    "POUNDS": Decimal("453.59237"),
}
MAX_GRAMS = 100_000_000
"""What `order.v1` takes."""
MAX_INDEX = 200
"""Places of discounts; Shopify counts them from 0, and an order has about thirty at most."""

# Any: a webhook's payload is free-form JSON that is written here and read by `shopify_shapes`.
_Json = dict[str, Any]


def as_webhook(order: Order, lines: Sequence[Line], articles: Mapping[str, Article]) -> _Json:
    """Return the order with all its lines as `orders/updated` carries it; `articles` says by line
    what those without SKU are."""
    buyer = order.customer
    return {
        "admin_graphql_api_id": order.id,
        "name": order.name,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "cancelled_at": order.cancelled_at,
        "cancel_reason": _small(order.cancel_reason),
        "financial_status": _small(order.display_financial_status),
        "source_name": order.source_name,
        "source_identifier": order.source_identifier,
        "source_url": order.registered_source_url,
        "tags": ", ".join(order.tags),
        "currency": order.currency_code,
        "presentment_currency": order.presentment_currency_code,
        "taxes_included": order.taxes_included,
        "duties_included": order.duties_included,
        "test": order.test,
        "email": order.email,
        "phone": order.phone,
        "note": order.note,
        "note_attributes": _attributes(order.custom_attributes),
        "po_number": order.po_number,
        "customer_locale": order.customer_locale,
        "customer": None if buyer is None else _buyer(buyer),
        "shipping_address": _address(order.shipping_address),
        "billing_address": _address(order.billing_address),
        "total_price": order.total_price_set.shop_money.amount,
        "current_total_price_set": _money(order.current_total_price_set),
        "current_subtotal_price_set": _money(order.current_subtotal_price_set),
        "total_tax": _shop_amount(order.total_tax_set),
        "current_total_tax_set": _money(order.current_total_tax_set),
        "current_shipping_price_set": _money(order.current_shipping_price_set),
        "current_total_duties_set": _money(order.current_total_duties_set),
        "current_total_additional_fees_set": _money(order.current_total_additional_fees_set),
        "total_tip_received": order.total_tip_received_set.shop_money.amount,
        "total_outstanding": _shop_amount(order.total_outstanding_set),
        "payment_gateway_names": order.payment_gateway_names,
        "refunds": [{"created_at": one.created_at} for one in order.refunds],
        "discount_codes": [{"code": code} for code in order.discount_codes],
        "discount_applications": _applications(order.discount_applications.nodes),
        "shipping_lines": [_way(one) for one in order.shipping_lines.nodes],
        "line_items": [_line(one, articles.get(one.id)) for one in lines],
    }


def fulfilment_as_told(one: Fulfilment, contents: Mapping[str, int]) -> _Json:
    """Return a fulfilment as a webhook's `fulfillments` carry it; `contents` are by line number."""
    return {
        "admin_graphql_api_id": one.id,
        "status": one.status.lower(),
        "tracking_numbers": sorted(one.numbers),
        "line_items": [
            {"admin_graphql_api_id": f"gid://shopify/LineItem/{line}", "quantity": quantity}
            for line, quantity in contents.items()
        ],
    }


def _line(line: Line, article: Article | None) -> _Json:
    service = line.fulfillment_service
    return {
        "admin_graphql_api_id": line.id,
        "name": line.name,
        "title": line.title,
        "sku": line.sku,
        "variant_id": _number(article.variant) if article else None,
        "product_id": _number(article.product) if article else None,
        "quantity": line.quantity,
        "current_quantity": line.current_quantity,
        "fulfillable_quantity": line.unfulfilled_quantity,
        "requires_shipping": line.requires_shipping,
        "gift_card": line.is_gift_card,
        "fulfillment_service": service.handle if service is not None else None,
        "grams": _grams(line.weight),
        "price": line.original_unit_price_set.shop_money.amount,
        "price_set": _money(line.original_unit_price_set),
        "properties": _attributes(line.custom_attributes),
        "discount_allocations": [_allocation(one) for one in line.discount_allocations],
        "tax_lines": [
            {"title": one.title, "rate": one.rate, "price_set": _money(one.price_set)}
            for one in line.tax_lines
        ],
    }


def _way(way: Way) -> _Json:
    return {
        "title": way.title,
        "code": way.code,
        "is_removed": way.is_removed,
        "discounted_price_set": _money(way.discounted_price_set),
        "current_discounted_price_set": _money(way.current_discounted_price_set),
        "tax_lines": [{"title": one.title} for one in way.tax_lines],
        "discount_allocations": [_allocation(one) for one in way.discount_allocations],
    }


def _buyer(buyer: Buyer) -> _Json:
    email, phone = buyer.default_email_address, buyer.default_phone_number
    return {
        "admin_graphql_api_id": buyer.id,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "email": email.email_address if email else None,
        "phone": phone.phone_number if phone else None,
    }


def _applications(found: Sequence[Application]) -> list[_Json]:
    """Return them so that each stands where its allocations look for it: at its index."""
    by_index = {one.index: one for one in found if 0 <= one.index < MAX_INDEX}
    places = range(max(by_index, default=-1) + 1)
    listed = [by_index.get(at) or Application(at) for at in places]
    return [
        {"code": one.code, "title": one.title, "description": one.description} for one in listed
    ]


def _allocation(part: Allocation) -> _Json:
    return {
        "amount_set": _money(part.allocated_amount_set),
        "discount_application_index": part.discount_application.index,
    }


def _address(at: Address | None) -> _Json | None:
    return None if at is None else structs.asdict(at)


def _attributes(found: Sequence[Attribute]) -> list[_Json]:
    return [{"name": one.key, "value": one.value} for one in found]


def _money(both: MoneySet | None) -> _Json | None:
    if both is None:
        return None
    return {
        "shop_money": structs.asdict(both.shop_money),
        "presentment_money": structs.asdict(both.presentment_money),
    }


def _shop_amount(both: MoneySet | None) -> str | None:
    return None if both is None else both.shop_money.amount


def _grams(weight: Weight | None) -> int:
    """Return whole grams, rounded half up; 0 where it isn't known."""
    if weight is None:
        return 0
    grams = Decimal(str(weight.value)) * _GRAMS.get(weight.unit, Decimal(0))
    return min(int(grams.to_integral_value(ROUND_HALF_UP)), MAX_GRAMS)


def _number(node: Node | None) -> int | None:
    """Return an id's digits; they are Shopify's own numbers and fit."""
    digits = node.id.rpartition("/")[2] if node else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None


def _small(name: str | None) -> str | None:
    return name.lower() if name else None

"""What Admin GraphQL says of an order (`shopify_fetched.ORDER_QUERY`), and the same as a webhook
says it: snake case, ids as digits, enums in small letters, weights in grams.

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

from msgspec import Struct, field, structs

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


class Money(Struct, frozen=True, rename="camel"):
    """An amount as decimal text."""

    amount: str
    currency_code: str


class MoneySet(Struct, frozen=True, rename="camel"):
    """The same amount in the shop's and the customer's currency."""

    shop_money: Money
    presentment_money: Money


class PageInfo(Struct, frozen=True, rename="camel"):
    """Whether and where a list goes on."""

    has_next_page: bool = False
    end_cursor: str | None = None


class Attribute(Struct, frozen=True):
    """Something a storefront's form added."""

    key: str
    value: str | None = None


class _Index(Struct, frozen=True):
    index: int = 0


class _Allocation(Struct, frozen=True, rename="camel"):
    allocated_amount_set: MoneySet
    discount_application: _Index


class _Tax(Struct, frozen=True, rename="camel"):
    title: str
    price_set: MoneySet | None = None


class _Weight(Struct, frozen=True):
    unit: str
    value: float


class Line(Struct, frozen=True, rename="camel"):
    """One line; quantities are pieces."""

    id: str
    name: str
    title: str
    quantity: int
    current_quantity: int
    unfulfilled_quantity: int
    requires_shipping: bool
    original_unit_price_set: MoneySet
    sku: str | None = None
    is_gift_card: bool = False
    weight: _Weight | None = None
    custom_attributes: list[Attribute] = []
    discount_allocations: list[_Allocation] = []
    tax_lines: list[_Tax] = []

    def has_sku(self) -> bool:
        """Say whether it is known what it is without its article."""
        return bool(self.sku and self.sku.strip())


class Lines(Struct, frozen=True, rename="camel"):
    """A page of lines."""

    nodes: list[Line]
    page_info: PageInfo


class _Way(Struct, frozen=True, rename="camel"):
    title: str
    is_removed: bool
    discounted_price_set: MoneySet
    current_discounted_price_set: MoneySet
    tax_lines: list[_Tax] = []
    discount_allocations: list[_Allocation] = []


class _Ways(Struct, frozen=True, rename="camel"):
    nodes: list[_Way]
    page_info: PageInfo


class _Application(Struct, frozen=True):
    index: int
    code: str | None = None
    title: str | None = None
    description: str | None = None


class _Applications(Struct, frozen=True):
    nodes: list[_Application] = []


class Address(Struct, frozen=True, rename="camel"):
    """A postal address."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    zip: str | None = None
    province: str | None = None
    province_code: str | None = None
    country_code: str | None = field(default=None, name="countryCodeV2")
    phone: str | None = None


class _Email(Struct, frozen=True, rename="camel"):
    email_address: str


class _Phone(Struct, frozen=True, rename="camel"):
    phone_number: str


class _Buyer(Struct, frozen=True, rename="camel"):
    id: str
    first_name: str | None = None
    last_name: str | None = None
    default_email_address: _Email | None = None
    default_phone_number: _Phone | None = None


class _Refund(Struct, frozen=True, rename="camel"):
    created_at: str | None = None


class Order(Struct, frozen=True, rename="camel"):
    """An order as it is at `updated_at`, with its first lines."""

    id: str
    name: str
    created_at: str
    updated_at: str
    currency_code: str
    presentment_currency_code: str
    total_price_set: MoneySet
    current_total_price_set: MoneySet
    current_shipping_price_set: MoneySet
    total_tip_received_set: MoneySet
    shipping_lines: _Ways
    line_items: Lines
    taxes_included: bool
    duties_included: bool
    test: bool
    cancelled_at: str | None = None
    cancel_reason: str | None = None
    display_financial_status: str | None = None
    total_tax_set: MoneySet | None = None
    current_total_tax_set: MoneySet | None = None
    current_total_duties_set: MoneySet | None = None
    current_total_additional_fees_set: MoneySet | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    po_number: str | None = None
    customer_locale: str | None = None
    custom_attributes: list[Attribute] = []
    customer: _Buyer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    refunds: list[_Refund] = []
    discount_codes: list[str] = []
    discount_applications: _Applications = _Applications()


class OrderAnswer(Struct, frozen=True):
    """The answer to ORDER_QUERY; None: there is no such order, or it is not shown."""

    order: Order | None = None


class _MoreOfOrder(Struct, frozen=True, rename="camel"):
    updated_at: str
    line_items: Lines


class LinesAnswer(Struct, frozen=True):
    """The answer to LINES_QUERY."""

    order: _MoreOfOrder | None = None


class _Node(Struct, frozen=True):
    id: str


class Article(Struct, frozen=True):
    """What a line is; its id is the line's. Both are None for what was deleted, or never was an
    article."""

    id: str
    variant: _Node | None = None
    product: _Node | None = None


class ArticlesAnswer(Struct, frozen=True):
    """The answer to ARTICLES_QUERY."""

    nodes: list[Article | None] = []


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
        "total_tax": order.total_tax_set.shop_money.amount if order.total_tax_set else None,
        "current_total_tax_set": _money(order.current_total_tax_set),
        "current_shipping_price_set": _money(order.current_shipping_price_set),
        "current_total_duties_set": _money(order.current_total_duties_set),
        "current_total_additional_fees_set": _money(order.current_total_additional_fees_set),
        "total_tip_received": order.total_tip_received_set.shop_money.amount,
        "refunds": [{"created_at": one.created_at} for one in order.refunds],
        "discount_codes": [{"code": code} for code in order.discount_codes],
        "discount_applications": _applications(order.discount_applications.nodes),
        "shipping_lines": [_way(one) for one in order.shipping_lines.nodes],
        "line_items": [_line(one, articles.get(one.id)) for one in lines],
    }


def _line(line: Line, article: Article | None) -> _Json:
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
        "grams": _grams(line.weight),
        "price": line.original_unit_price_set.shop_money.amount,
        "price_set": _money(line.original_unit_price_set),
        "properties": _attributes(line.custom_attributes),
        "discount_allocations": [_allocation(one) for one in line.discount_allocations],
        "tax_lines": [
            {"title": one.title, "price_set": _money(one.price_set)} for one in line.tax_lines
        ],
    }


def _way(way: _Way) -> _Json:
    return {
        "title": way.title,
        "is_removed": way.is_removed,
        "discounted_price_set": _money(way.discounted_price_set),
        "current_discounted_price_set": _money(way.current_discounted_price_set),
        "tax_lines": [{"title": one.title} for one in way.tax_lines],
        "discount_allocations": [_allocation(one) for one in way.discount_allocations],
    }


def _buyer(buyer: _Buyer) -> _Json:
    email, phone = buyer.default_email_address, buyer.default_phone_number
    return {
        "admin_graphql_api_id": buyer.id,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "email": email.email_address if email else None,
        "phone": phone.phone_number if phone else None,
    }


def _applications(found: Sequence[_Application]) -> list[_Json]:
    """Return them so that each stands where its allocations look for it: at its index."""
    by_index = {one.index: one for one in found if 0 <= one.index < MAX_INDEX}
    places = range(max(by_index, default=-1) + 1)
    listed = [by_index.get(at) or _Application(at) for at in places]
    return [
        {"code": one.code, "title": one.title, "description": one.description} for one in listed
    ]


def _allocation(part: _Allocation) -> _Json:
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


def _grams(weight: _Weight | None) -> int:
    """Return whole grams, rounded half up; 0 where it isn't known."""
    if weight is None:
        return 0
    grams = Decimal(str(weight.value)) * _GRAMS.get(weight.unit, Decimal(0))
    return min(int(grams.to_integral_value(ROUND_HALF_UP)), MAX_GRAMS)


def _number(node: _Node | None) -> int | None:
    """Return an id's digits; they are Shopify's own numbers and fit."""
    digits = node.id.rpartition("/")[2] if node else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None


def _small(name: str | None) -> str | None:
    return name.lower() if name else None

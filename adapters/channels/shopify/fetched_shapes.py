"""What Admin GraphQL says of an order (`fetched.ORDER_QUERY`)."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct, field

from adapters.channels.shopify.goods_shapes import Assigned, PageInfo


class Money(Struct, frozen=True, rename="camel"):
    """An amount as decimal text."""

    amount: str
    currency_code: str


class MoneySet(Struct, frozen=True, rename="camel"):
    """The same amount in the shop's and the customer's currency."""

    shop_money: Money
    presentment_money: Money


class Attribute(Struct, frozen=True):
    """Something a storefront's form added."""

    key: str
    value: str | None = None


class _Index(Struct, frozen=True):
    index: int = 0


class Allocation(Struct, frozen=True, rename="camel"):
    """A part of a discount."""

    allocated_amount_set: MoneySet
    discount_application: _Index


class _Tax(Struct, frozen=True, rename="camel"):
    title: str
    rate: float | None = None
    price_set: MoneySet | None = None


class _Service(Struct, frozen=True):
    handle: str | None = None


class Weight(Struct, frozen=True):
    """A weight in a unit of its own."""

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
    fulfillment_service: _Service | None = None
    weight: Weight | None = None
    custom_attributes: list[Attribute] = []
    discount_allocations: list[Allocation] = []
    tax_lines: list[_Tax] = []

    def has_sku(self) -> bool:
        """Say whether it is known what it is without its article."""
        return bool(self.sku and self.sku.strip())


class Lines(Struct, frozen=True, rename="camel"):
    """A page of lines."""

    nodes: list[Line]
    page_info: PageInfo


class Way(Struct, frozen=True, rename="camel"):
    """A way of shipping."""

    title: str
    is_removed: bool
    discounted_price_set: MoneySet
    current_discounted_price_set: MoneySet
    code: str | None = None
    tax_lines: list[_Tax] = []
    discount_allocations: list[Allocation] = []


class _Ways(Struct, frozen=True, rename="camel"):
    nodes: list[Way]
    page_info: PageInfo


class Application(Struct, frozen=True):
    """A discount by name."""

    index: int
    code: str | None = None
    title: str | None = None
    description: str | None = None


class _Applications(Struct, frozen=True):
    nodes: list[Application] = []


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


class Buyer(Struct, frozen=True, rename="camel"):
    """Who ordered."""

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
    source_name: str | None = None
    source_identifier: str | None = None
    registered_source_url: str | None = None
    tags: list[str] = []
    display_fulfillment_status: str | None = None
    payment_gateway_names: list[str] = []
    total_outstanding_set: MoneySet | None = None
    current_subtotal_price_set: MoneySet | None = None
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
    customer: Buyer | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    refunds: list[_Refund] = []
    discount_codes: list[str] = []
    discount_applications: _Applications = _Applications()


class _Terms(Struct, frozen=True, rename="camel"):
    payment_terms_name: str | None = None


class _TermsOfOrder(Struct, frozen=True, rename="camel"):
    payment_terms: _Terms | None = None


class TermsAnswer(Struct, frozen=True):
    """The answer to TERMS_QUERY."""

    order: _TermsOfOrder | None = None


class OrderAnswer(Struct, frozen=True):
    """The answer to ORDER_QUERY; None: there is no such order, or it is not shown."""

    order: Order | None = None


class _MoreOfOrder(Struct, frozen=True, rename="camel"):
    updated_at: str
    line_items: Lines


class LinesAnswer(Struct, frozen=True):
    """The answer to LINES_QUERY."""

    order: _MoreOfOrder | None = None


class Node(Struct, frozen=True):
    """Something by its id."""

    id: str


class Article(Struct, frozen=True):
    """What a line is; its id is the line's. Both are None for what was deleted, or never was an
    article."""

    id: str
    variant: Node | None = None
    product: Node | None = None


class ArticlesAnswer(Struct, frozen=True):
    """The answer to ARTICLES_QUERY."""

    nodes: list[Article | None] = []


_UNASKED = frozenset({"UNSUBMITTED", "REJECTED", "CANCELLATION_ACCEPTED"})
"""Statuses of a request in which a fulfilment service is asked for nothing."""


class Requested(Struct, frozen=True, rename="camel"):
    """A fulfilment order, and what its fulfilment service is asked.

    https://shopify.dev/docs/api/admin-graphql/latest/enums/FulfillmentOrderRequestStatus
    """

    id: str
    request_status: str = ""
    assigned_location: Assigned = Assigned()

    def waits_for(self, services: Collection[str]) -> bool:
        """Whether one of these services has it, and is not asked to take it on."""
        return self.assigned_location.service in services and self.request_status in _UNASKED


class _AllRequested(Struct, frozen=True, rename="camel"):
    nodes: list[Requested]
    page_info: PageInfo


class _OrderRequested(Struct, frozen=True, rename="camel"):
    fulfillment_orders: _AllRequested


class RequestsAnswer(Struct, frozen=True):
    """What the fulfilment services of an order are asked; None for an order that is gone."""

    order: _OrderRequested | None = None

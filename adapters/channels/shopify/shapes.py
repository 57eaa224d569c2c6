"""The fields we read of Shopify's order webhooks, API version 2026-10.

https://shopify.dev/docs/api/webhooks/latest?reference=toml (orders/*). What isn't named here is
not read; the original bytes are kept by the stream, or in quarantine.
"""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType


class Money(Struct, gc=False):
    """An amount as decimal text."""

    amount: str
    currency_code: str = ""


class MoneySet(Struct, gc=False):
    """The same amount in the shop's and the customer's currency."""

    shop_money: Money
    presentment_money: Money | None = None


class Allocation(Struct, gc=False):
    """A part of a discount that a line got; `discount_application_index` says of which."""

    amount: str = "0"
    amount_set: MoneySet | None = None
    discount_application_index: int = 0


class TaxLine(Struct, gc=False):
    """One tax of a line."""

    price: str = "0"
    price_set: MoneySet | None = None
    title: str | None = None
    rate: float | str | None = None


class TaxTitle(Struct, gc=False):
    """One tax of a shipping line: its name; the amount is in the order's tax."""

    title: str | None = None


class Attribute(Struct, gc=False):
    """A note attribute or a line's property, as the storefront's own form made it."""

    name: str = ""
    value: str | int | float | bool | None = None


class LineItem(Struct, gc=False):
    """One line. `current_quantity` is what is left after edits and refunds; what of it is not
    `fulfillable_quantity` any more, somebody has fulfilled or is about to. `by_location`: that is
    counted from the fulfilment orders of our locations alone (`routing`), and `unasked` what of
    it no fulfilment service of ours is asked to send yet, and `way` how it goes (a
    DeliveryMethodType, where the order goes several ways); no webhook says so. A tip is known by
    `tip_payment_gateway`, which no other line has; it may hold nothing."""

    admin_graphql_api_id: str
    quantity: int
    price: str | None = None
    current_quantity: int | None = None
    fulfillable_quantity: int | None = None
    price_set: MoneySet | None = None
    title: str | None = None
    name: str | None = None
    sku: str | None = None
    variant_id: int | str | None = None
    product_id: int | str | None = None
    grams: int | float | None = 0
    requires_shipping: bool = True
    gift_card: bool = False
    fulfillment_service: str | None = None
    by_location: bool = False
    unasked: int | None = None
    way: str | None = None
    tip_payment_gateway: str | UnsetType | None = UNSET
    discount_allocations: list[Allocation] = []
    tax_lines: list[TaxLine] = []
    properties: list[Attribute] = []


class ShippingLine(Struct, gc=False):
    """A way of shipping that was chosen, or taken back (`is_removed`). `price` is before discounts,
    and read only where no discounted one is told."""

    title: str | None = None
    code: str | None = None
    is_removed: bool = False
    price: str | None = None
    price_set: MoneySet | None = None
    discounted_price: str | None = None
    discounted_price_set: MoneySet | None = None
    current_discounted_price_set: MoneySet | None = None
    tax_lines: list[TaxTitle] = []
    discount_allocations: list[Allocation] = []


class PostalAddress(Struct, gc=False):
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
    country_code: str | None = None
    phone: str | None = None


class Buyer(Struct, gc=False):
    """Who ordered."""

    admin_graphql_api_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None


class DiscountCode(Struct, gc=False):
    """A code the buyer typed, and what it took off by Shopify's sum. `type` may be `shipping`."""

    code: str = ""
    amount: str = "0"
    type: str | None = None


class DiscountApplication(Struct, gc=False):
    """A discount by name: a typed code, or the title of an automatic or a manual one."""

    code: str | None = None
    title: str | None = None
    description: str | None = None


class FulfilledLine(Struct, gc=False):
    """How many pieces of a line a fulfilment holds."""

    admin_graphql_api_id: str
    quantity: int


class Fulfilment(Struct, gc=False):
    """Pieces that somebody fulfilled, at least in part; us among them."""

    admin_graphql_api_id: str
    status: str | None = None
    tracking_number: str | None = None
    tracking_numbers: list[str] = []
    line_items: list[FulfilledLine] = []


class PaymentTerms(Struct, gc=False):
    """When a buyer on terms has to pay, such as "Net 30"."""

    payment_terms_name: str | None = None


class Refund(Struct, gc=False):
    """Money given back. Only whether there was any is of interest here."""

    created_at: str | None = None


class ShopifyOrder(Struct, gc=False):
    """An order as it looks at `updated_at`. Flat amounts are in the shop's currency."""

    admin_graphql_api_id: str
    created_at: str
    updated_at: str
    currency: str
    line_items: list[LineItem]
    name: str | None = None
    order_number: int | str | None = None
    total_price: str | None = None
    current_total_price: str | None = None
    current_total_price_set: MoneySet | None = None
    current_subtotal_price_set: MoneySet | None = None
    total_tax: str | None = None
    current_total_tax: str | None = None
    current_total_tax_set: MoneySet | None = None
    current_shipping_price_set: MoneySet | None = None
    current_total_duties_set: MoneySet | None = None
    current_total_additional_fees_set: MoneySet | None = None
    total_tip_received: str | None = None
    taxes_included: bool = False
    duties_included: bool = False
    financial_status: str | None = None
    source_name: str | None = None
    source_identifier: str | None = None
    source_url: str | None = None
    tags: str | None = None
    landing_site: str | None = None
    referring_site: str | None = None
    cancelled_at: str | None = None
    cancel_reason: str | None = None
    presentment_currency: str | None = None
    shipping_lines: list[ShippingLine] = []
    shipping_address: PostalAddress | None = None
    billing_address: PostalAddress | None = None
    customer: Buyer | None = None
    customer_locale: str | None = None
    email: str | None = None
    phone: str | None = None
    note: str | None = None
    note_attributes: list[Attribute] = []
    discount_codes: list[DiscountCode] = []
    discount_applications: list[DiscountApplication] = []
    po_number: str | None = None
    refunds: list[Refund] = []
    fulfillments: list[Fulfilment] | None = None
    payment_gateway_names: list[str] = []
    payment_terms: PaymentTerms | None = None
    total_outstanding: str | None = None
    test: bool = False

"""The fields we read of BigCommerce's webhooks and of its orders, V2 API.

https://developer.bigcommerce.com/docs/rest-management/orders. V2 says of no field that it is always
there; what an order can't be without is required here, all else is optional. Amounts are decimal
texts of four places, and sometimes numbers. What isn't named here is not read, and not kept when
an order is fetched.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

Amount = str | float | None
"""BigCommerce's "Float, Float-As-String, Integer"."""


class FormField(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the shop asked for beside the address. An answer may be anything that JSON can say
    (Any)."""

    name: str = ""
    value: Any = None


class PostalAddress(Struct, frozen=True, gc=False, omit_defaults=True):
    """A postal address, in the billing and the shipping place."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    street_1: str | None = None
    street_2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country_iso2: str | None = None
    phone: str | None = None
    email: str | None = None
    form_fields: list[FormField] | None = None


class ShippingAddress(PostalAddress, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Where lines go to, and how. Lines name it by `order_address_id`."""

    id: int
    shipping_method: str | None = None
    shipping_zone_name: str | None = None


class AppliedDiscount(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a discount took off a line, also its share of one on the whole order."""

    id: str | None = None
    name: str | None = None
    code: str | None = None
    amount: Amount = None


class Option(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the customer chose of a product."""

    display_name: str = ""
    display_value: str | None = None


class Product(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A line. `quantity` is what was ordered; `total_*` is before discounts. One that the customer
    picks up has an `order_pickup_method_id` above 0."""

    id: int
    quantity: int
    product_id: int | None = None
    variant_id: int | None = None
    order_address_id: int | None = None
    order_pickup_method_id: int | None = None
    name: str | None = None
    sku: str | None = None
    type: str = "physical"
    price_ex_tax: Amount = None
    price_inc_tax: Amount = None
    total_ex_tax: Amount = None
    total_inc_tax: Amount = None
    total_tax: Amount = None
    weight: Amount = None
    quantity_refunded: float | None = None
    quantity_shipped: float | None = None
    wrapping_name: str | None = None
    wrapping_message: str | None = None
    event_name: str | None = None
    event_date: str | None = None
    bin_picking_number: str | None = None
    parent_order_product_id: int | None = None
    applied_discounts: list[AppliedDiscount] = []
    product_options: list[Option] = []
    configurable_fields: list[FormField] = []


class Fee(Struct, frozen=True, gc=False, omit_defaults=True):
    """A fee on the whole order, such as an insurance of the parcel."""

    id: int
    display_name_customer: str | None = None
    cost_ex_tax: Amount = None
    cost_inc_tax: Amount = None


class Coupon(Struct, frozen=True, gc=False, omit_defaults=True):
    """A coupon the customer typed. `type` 3 and 4 are on shipping."""

    code: str | None = None
    type: int | None = None
    discount: Amount = None


class Tax(Struct, frozen=True, gc=False, omit_defaults=True):
    """A tax on one line (`line_item_type` item), on shipping, handling or wrapping."""

    name: str | None = None
    rate: Amount = None
    line_amount: Amount = None
    order_product_id: str | int | None = None
    line_item_type: str | None = None


class ShippedItem(Struct, frozen=True, gc=False, omit_defaults=True):
    """How many pieces of a line a shipment holds."""

    order_product_id: int
    quantity: int


class Shipment(Struct, frozen=True, gc=False, omit_defaults=True):
    """A shipment as the shop knows it."""

    id: int
    tracking_number: str | None = None
    comments: str | None = None
    items: list[ShippedItem] = []


class Store(Struct, frozen=True, gc=False, omit_defaults=True):
    """What the shop says of itself."""

    weight_units: str | None = None


class BigCommerceOrder(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order without its sub-resources.

    `default_currency_code` is the currency that the amounts are in and the shopper pays in,
    `currency_code` the one that prices were shown in, `store_default_currency_code` the shop's.
    """

    id: int
    status_id: int
    date_created: str
    date_modified: str
    total_inc_tax: str | float
    total_tax: Amount = None
    is_tax_inclusive_pricing: bool = False
    shipping_cost_ex_tax: Amount = None
    shipping_cost_inc_tax: Amount = None
    handling_cost_ex_tax: Amount = None
    handling_cost_inc_tax: Amount = None
    wrapping_cost_ex_tax: Amount = None
    wrapping_cost_inc_tax: Amount = None
    discount_amount: Amount = None
    coupon_discount: Amount = None
    store_credit_amount: Amount = None
    gift_certificate_amount: Amount = None
    refunded_amount: Amount = None
    payment_method: str | None = None
    payment_provider_id: str | float | None = None
    payment_status: str | None = None
    default_currency_code: str | None = None
    currency_code: str | None = None
    currency_exchange_rate: Amount = None
    store_default_currency_code: str | None = None
    store_default_to_transactional_exchange_rate: Amount = None
    customer_id: float | None = None
    customer_locale: str | None = None
    customer_message: str | None = None
    staff_notes: str | None = None
    billing_address: PostalAddress | None = None
    channel_id: int | None = None
    order_source: str | None = None
    external_source: str | None = None
    external_id: str | None = None
    external_order_id: str | None = None
    is_deleted: bool = False
    fees: list[Fee] | dict[str, str] | None = None


class Bundle(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What `BigCommerceStorefront.bundle` brings: the order and its sub-resources."""

    order: BigCommerceOrder
    products: list[Product] = []
    shipping_addresses: list[ShippingAddress] = []
    coupons: list[Coupon] = []
    taxes: list[Tax] = []
    shipments: list[Shipment] = []
    store: Store = Store()


class Named(Struct, frozen=True, gc=False):
    """What a webhook is about. A shipment names its order as `orderId`, a transaction as text."""

    id: int | str | None = None
    order_id: int | str | None = None
    orderId: int | str | None = None  # noqa: N815 — BigCommerce's own spelling


class Hook(Struct, frozen=True, gc=False):
    """A light webhook: it names what changed, and tells nothing of it."""

    scope: str
    producer: str = ""
    hash: str = ""
    created_at: int = 0
    data: Named = Named()

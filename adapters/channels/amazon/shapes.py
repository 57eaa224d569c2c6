"""The fields we read of Amazon's orders, Orders API version 2026-01-01 (`getOrder`).

https://developer-docs.amazon.com/sp-api/reference/getorder. What isn't named here is not read; the
original bytes are kept by the stream, or in quarantine.
"""

from __future__ import annotations

from msgspec import Struct

API_VERSION = "2026-01-01"
ORDER_CHANGE = "ORDER_CHANGE"
PAYLOAD_VERSION = "1.0"
"""The notification that we want, and its version."""


class Money(Struct, frozen=True, gc=False, rename="camel"):
    """An amount as decimal text; programs between Amazon and us write it as a number."""

    amount: str | float
    currency_code: str

    @property
    def text(self) -> str:
        """The amount."""
        return self.amount if isinstance(self.amount, str) else str(self.amount)


class Detail(Struct, frozen=True, rename="camel"):
    """A part of a line's tax or discount, by what it is on."""

    subtype: str = ""
    value: Money | None = None


class Breakdown(Struct, frozen=True, rename="camel"):
    """A part of the proceeds: ITEM, SHIPPING, GIFT_WRAP, COD_FEE, OTHER, TAX, DISCOUNT or, of an
    order, DELIVERY_TIP."""

    type: str
    subtotal: Money
    detailed_breakdowns: list[Detail] = []


class OrderProceeds(Struct, frozen=True, rename="camel"):
    """What the order brings."""

    grand_total: Money | None = None
    breakdowns: list[Breakdown] = []


class ItemProceeds(Struct, frozen=True, rename="camel"):
    """What a line brings."""

    proceeds_total: Money | None = None
    breakdowns: list[Breakdown] = []


class Price(Struct, frozen=True, rename="camel"):
    """The price of one piece."""

    unit_price: Money | None = None
    price_designation: str = ""


class Customization(Struct, frozen=True, rename="camel"):
    """Where the buyer's personal wishes for an article are kept."""

    customized_url: str = ""


class Product(Struct, frozen=True, rename="camel"):
    """The article of a line."""

    asin: str = ""
    title: str = ""
    seller_sku: str = ""
    price: Price | None = None
    customization: Customization | None = None


class Promotion(Struct, frozen=True, rename="camel"):
    """A promotion by its id."""

    promotion_id: str = ""


class Promotions(Struct, frozen=True, rename="camel"):
    """The promotions of a line."""

    breakdowns: list[Promotion] = []


class Cancelled(Struct, frozen=True, rename="camel"):
    """Who cancelled a line, and why."""

    cancelled_by: str = ""
    cancel_reason: str = ""


class CancelAsked(Struct, frozen=True, rename="camel"):
    """Who asked to cancel a line, and why."""

    requester: str = ""
    cancel_reason: str = ""


class Cancellation(Struct, frozen=True, rename="camel"):
    """What is said about cancelling a line."""

    cancellation_request: CancelAsked | None = None
    cancellation_execution: Cancelled | None = None


class GiftOption(Struct, frozen=True, rename="camel"):
    """How a line is wrapped, and what the giver writes."""

    gift_message: str = ""
    gift_wrap_level: str = ""


class Packing(Struct, frozen=True, rename="camel"):
    """How a line is packed."""

    gift_option: GiftOption | None = None


class International(Struct, frozen=True, rename="camel"):
    """What customs must know."""

    ioss_number: str = ""


class Shipping(Struct, frozen=True, rename="camel"):
    """How a line is shipped. Of the constraints only names and values are read."""

    shipping_constraints: dict[str, str] = {}
    international_shipping: International | None = None


class ItemFulfillment(Struct, frozen=True, rename="camel"):
    """How much of a line is shipped, and what to mind."""

    quantity_fulfilled: int | None = None
    quantity_unfulfilled: int | None = None
    packing: Packing | None = None
    shipping: Shipping | None = None


class TaxScheme(Struct, frozen=True, rename="camel"):
    """IOSS or UOSS."""

    reporting_scheme: str = ""


class TaxCollection(Struct, frozen=True, rename="camel"):
    """Who remits the tax: `MARKETPLACE_FACILITATOR` says that Amazon does, as deemed reseller."""

    model: str = ""
    responsible_party: str = ""


class ItemTax(Struct, frozen=True, rename="camel"):
    """How a line is taxed."""

    tax_calculation_breakdowns: list[TaxScheme] = []
    tax_collections: list[TaxCollection] = []


class Item(Struct, frozen=True, rename="camel"):
    """A line."""

    order_item_id: str
    quantity_ordered: int
    product: Product
    programs: list[str] = []
    proceeds: ItemProceeds | None = None
    promotion: Promotions | None = None
    cancellation: Cancellation | None = None
    fulfillment: ItemFulfillment | None = None
    tax: ItemTax | None = None


class Alias(Struct, frozen=True, rename="camel"):
    """Another name of the order."""

    alias_id: str
    alias_type: str


class Associated(Struct, frozen=True, rename="camel"):
    """Another order that this one replaces, or was exchanged for."""

    order_id: str = ""
    association_type: str = ""


class SalesChannel(Struct, frozen=True, rename="camel"):
    """Where it was bought."""

    channel_name: str = ""
    marketplace_id: str = ""
    marketplace_name: str = ""


class Buyer(Struct, frozen=True, rename="camel"):
    """Who bought it. The e-mail address is one of Amazon's that forwards."""

    buyer_name: str = ""
    buyer_email: str = ""
    buyer_company_name: str = ""
    buyer_purchase_order_number: str = ""


class DeliveryAddress(Struct, frozen=True, rename="camel"):
    """Where it goes."""

    name: str = ""
    company_name: str = ""
    address_line1: str = ""
    address_line2: str = ""
    address_line3: str = ""
    city: str = ""
    district_or_county: str = ""
    state_or_region: str = ""
    municipality: str = ""
    postal_code: str = ""
    country_code: str = ""
    phone: str = ""
    address_type: str = ""


class Preference(Struct, frozen=True, rename="camel"):
    """Where the courier may leave it."""

    drop_off_location: str = ""
    address_instruction: str = ""


class Recipient(Struct, frozen=True, rename="camel"):
    """Who gets it."""

    delivery_address: DeliveryAddress | None = None
    delivery_preference: Preference | None = None


class Window(Struct, frozen=True, rename="camel"):
    """A stretch of time."""

    earliest_date_time: str = ""
    latest_date_time: str = ""


class Fulfillment(Struct, frozen=True, rename="camel"):
    """How far the order is, and who ships it."""

    fulfillment_status: str
    fulfilled_by: str = ""
    fulfillment_service_level: str = ""
    ship_by_window: Window | None = None
    deliver_by_window: Window | None = None


class PackageStatus(Struct, frozen=True, rename="camel"):
    """How far a package is."""

    status: str = ""


class PackageItem(Struct, frozen=True, rename="camel"):
    """How many pieces of a line a package holds."""

    order_item_id: str
    quantity: int


class Package(Struct, frozen=True, rename="camel"):
    """A package that somebody confirmed."""

    package_reference_id: str
    package_status: PackageStatus | None = None
    tracking_number: str = ""
    package_items: list[PackageItem] = []


class PaymentExecution(Struct, frozen=True, rename="camel"):
    """How it was paid."""

    payment_method: str = ""
    payment_amount: Money | None = None


class OrderPayment(Struct, frozen=True, rename="camel"):
    """How it was paid."""

    payment_executions: list[PaymentExecution] = []


class TaxRegistration(Struct, frozen=True, rename="camel"):
    """Under what number somebody is registered for taxes: the `BUYER`, the seller or Amazon."""

    entity_type: str = ""
    tax_registration_type: str = ""
    tax_registration_number: str = ""


class OrderTax(Struct, frozen=True, rename="camel"):
    """Who is registered for taxes."""

    tax_registrations: list[TaxRegistration] = []


class AmazonOrder(Struct, frozen=True, rename="camel"):
    """An order as `getOrder` tells it, with every dataset we ask for."""

    order_id: str
    created_time: str
    last_updated_time: str
    order_items: list[Item]
    sales_channel: SalesChannel = SalesChannel()
    order_aliases: list[Alias] = []
    programs: list[str] = []
    associated_orders: list[Associated] = []
    buyer: Buyer | None = None
    recipient: Recipient | None = None
    proceeds: OrderProceeds | None = None
    payment: OrderPayment | None = None
    tax: OrderTax | None = None
    fulfillment: Fulfillment | None = None
    packages: list[Package] = []


class Fetched(Struct, frozen=True):
    """What `getOrder` answers, and what the stream keeps of it."""

    order: AmazonOrder

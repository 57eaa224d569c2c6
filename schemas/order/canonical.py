"""The canonical order, version 1: one shape for every channel.

Amounts are integers in minor units of the order's currency. Texts are bounded, so that no
partner, page or row is surprised by their size. The published JSON Schema
(`schemas/contracts/json/order.v1.json`) says the same; a test holds the two against each other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.order.money import MAX_MINOR

ORDER_SCHEMA = "orderwright.order.v1"
DOUBT = "orderwright.doubt."
"""Attributes of this prefix tell what looks wrong and stopped nothing; then follows its reason."""

UNLISTED = "unlisted:"
"""An SKU of this prefix is none: a title follows, of goods that no catalogue has."""

# Patterns end in `(?![\s\S])` where `$` would let a line break follow in Python and not elsewhere,
# and say [0-9], because `\d` means more digits in Python than in ECMAScript.
Ref = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+(?![\s\S])")]
ShortText = Annotated[str, Meta(max_length=256)]
SkuText = Annotated[str, Meta(min_length=1, max_length=255)]
LongText = Annotated[str, Meta(max_length=5000)]
CountryCode = Annotated[str, Meta(max_length=2, pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, Meta(max_length=3, pattern=r"^[A-Z]{3}$")]
Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})(?![\s\S])",
        max_length=40,
    ),
]
DayOrTime = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2}))?(?![\s\S])",
        max_length=40,
    ),
]
"""A day where the shop is, or a moment."""
MarketplaceRef = Annotated[
    str, Meta(max_length=160, pattern=r"^([a-z][a-z0-9_]{0,31}:[!-~]{1,127})?(?![\s\S])")
]
"""A marketplace's name, a colon and its id of an order; or nothing."""
Minor = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
SignedMinor = Annotated[int, Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Grams = Annotated[int, Meta(ge=0, le=100_000_000)]

Sold = Literal["goods", "gift_card", "tip", "fee", "service"]

Payment = Literal[
    "pending", "authorized", "partially_paid", "paid", "partially_refunded", "refunded", "voided"
]


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A postal address as people write it: up to four lines, then place and country.
    `pickup_point`: a locker, a counter or a shop, where the customer collects it."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    lines: Annotated[tuple[ShortText, ...], Meta(min_length=1, max_length=4)]
    city: ShortText
    country: CountryCode
    company: ShortText = ""
    region: ShortText = ""
    postal_code: Annotated[str, Meta(max_length=32)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    pickup_point: bool = False


class Customer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who ordered. `reference` is the channel's own id of the customer, `vat_id` the number under
    which he is registered for value-added tax."""

    name: ShortText = ""
    email: Annotated[str, Meta(max_length=320)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    reference: ShortText = ""
    locale: Annotated[str, Meta(max_length=35)] = ""
    vat_id: Annotated[str, Meta(max_length=64)] = ""


class Tax(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One tax of a line or of shipping. `rate_ppm` is its rate in millionths (6 % is 60,000; None
    where the channel does not say); `jurisdiction` is who levies it, where that is told apart."""

    amount_minor: Minor
    title: ShortText = ""
    rate_ppm: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None
    jurisdiction: ShortText = ""


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line. `total_minor` is what the line costs after its discount, before tax.

    `quantity` is what is still wanted now, not what was once ordered. `tax_minor` is the line's
    tax, whether or not prices include it; `tax_code` names it (several taxes joined with "+").
    `channel_sku` is the SKU as the channel states it, when ours differs; `bundle_line_id` and
    `bundle_sku` are the line and SKU of the channel that this component came from.
    `presentment_total_minor` is what the customer saw for `total_minor`, in
    `Order.presentment`'s currency. `delivery` is how the goods reach the customer ("": a parcel
    where it requires shipping, else nothing has to travel); `elsewhere` is somebody else's to
    fulfil, such as a dropshipper that the channel itself tells. `kind` is what was sold: goods,
    or money taken for something that no warehouse has and no customs asks for. `taxes`, where
    they are told apart, sum to `tax_minor`. `gift_message` belongs with this line alone.
    `unit_codes` names the codes that the channel wants of each piece when it is told what left.
    """

    line_id: Ref
    sku: SkuText
    title: ShortText
    quantity: Quantity
    unit_price_minor: Minor
    total_minor: Minor
    discount_minor: Minor = 0
    tax_minor: Minor = 0
    requires_shipping: bool = True
    weight_grams: Grams = 0
    channel_sku: ShortText = ""
    tax_code: ShortText = ""
    bundle_line_id: ShortText = ""
    bundle_sku: ShortText = ""
    presentment_total_minor: Minor | None = None
    delivery: Literal["", "parcel", "local_delivery", "pickup", "digital", "elsewhere"] = ""
    kind: Sold = "goods"
    taxes: Annotated[tuple[Tax, ...], Meta(max_length=20)] = ()
    gift_message: LongText = ""
    unit_codes: Literal["", "transparency"] = ""


class Totals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The channel's own totals: subtotal - discount + shipping + tax + duty = total.

    With `taxes_included` the tax is part of the prices and is not added again.
    """

    subtotal_minor: Minor
    discount_minor: Minor
    shipping_minor: Minor
    tax_minor: Minor
    total_minor: Minor
    duty_minor: Minor = 0
    taxes_included: bool = False


class Discount(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A discount by name: the code the customer typed, the title the shop gave it, or both.

    `amount_minor` is what it took off. Off the goods it is part of `totals.discount_minor`; off
    shipping it isn't, for `totals.shipping_minor` is what is left to pay.
    """

    amount_minor: Minor
    code: ShortText = ""
    title: ShortText = ""
    applies_to: Literal["goods", "shipping"] = "goods"


class Tender(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A means with which a part of the order is or will be paid. `method` is the channel's name of
    it, `reference` what finds it again there, such as the last digits of a gift card."""

    amount_minor: Minor
    method: ShortText = ""
    kind: Literal["", "card", "gift_card", "store_credit", "cash", "on_delivery", "terms"] = ""
    reference: ShortText = ""


class Fee(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A fee by name; below zero it is one that is given back.

    `paid_by` the customer it is in the totals: one of `line_id`'s line, which is of the kind fee,
    one below zero of `totals.discount_minor`. One that the seller pays to the channel, such as a
    commission, is in no total.
    """

    amount_minor: SignedMinor
    title: ShortText = ""
    kind: Literal["", "handling", "wrapping", "payment", "insurance", "commission", "duty"] = ""
    paid_by: Literal["customer", "seller"] = "customer"
    line_id: ShortText = ""


class Acquisition(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """How the customer came to the shop: where he was before, the page on which he arrived, the
    campaign that the link named (`utm_*`), and the point of sale."""

    landing_page: LongText = ""
    referrer: LongText = ""
    point_of_sale: ShortText = ""
    utm_source: ShortText = ""
    utm_medium: ShortText = ""
    utm_campaign: ShortText = ""
    utm_term: ShortText = ""
    utm_content: ShortText = ""


class Presentment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer saw and pays, in the currency that the shop showed."""

    currency: CurrencyCode
    totals: Totals


class Order(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="schema",
    tag=ORDER_SCHEMA,
):
    """A whole order as a channel states it at one moment (`updated_at`).

    `presentment` is there when the customer saw another currency than the shop's.
    `channel_shipping_method` is the method as the channel states it, when ours differs.
    `payment_method` is how the customer pays, as the channel names it (several joined with ", ").
    `amount_due_minor` is what of the total is not paid yet; None where the channel does not say.
    `tenders` say with what it is paid, `fees` name what is in lines and discounts as well.
    `ship_by` is when it has to be handed over at the latest, `deliver_from` and `deliver_by` when
    the customer wants it, `pickup_at` when he collects it. `parent_ref` is the order of the channel
    that this one continues (an exchange, a replacement, a part), `subscription_ref` the
    subscription that it is of. `shipping_taxes` are told apart as a line's are. `labels_from` says
    that the channel takes only labels that were bought from it. `marketplace_ref` is set where the
    order was made on a marketplace: its name and its own id of the order, such as
    `amazon:902-3159896-1390916`. Orders of several channels that say the same are one order.
    """

    ref: Ref
    number: Annotated[str, Meta(min_length=1, max_length=64)]
    placed_at: Timestamp
    updated_at: Timestamp
    currency: CurrencyCode
    payment: Payment
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=600)]
    totals: Totals
    customer: Customer = Customer()
    ship_to: Address | None = None
    bill_to: Address | None = None
    shipping_method: ShortText = ""
    note: LongText = ""
    gift_message: LongText = ""
    attributes: Annotated[dict[ShortText, LongText], Meta(max_length=100)] = {}
    test: bool = False
    discounts: Annotated[tuple[Discount, ...], Meta(max_length=100)] = ()
    presentment: Presentment | None = None
    channel_shipping_method: ShortText = ""
    shipping_tax_code: ShortText = ""
    payment_method: ShortText = ""
    amount_due_minor: Minor | None = None
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=20)] = ()
    fees: Annotated[tuple[Fee, ...], Meta(max_length=50)] = ()
    shipping_taxes: Annotated[tuple[Tax, ...], Meta(max_length=20)] = ()
    ship_by: Timestamp | None = None
    deliver_from: DayOrTime | None = None
    deliver_by: DayOrTime | None = None
    pickup_at: DayOrTime | None = None
    parent_ref: ShortText = ""
    subscription_ref: ShortText = ""
    acquisition: Acquisition | None = None
    labels_from: Literal["", "channel"] = ""
    marketplace_ref: MarketplaceRef = ""

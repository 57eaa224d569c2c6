"""What a line of Shopify's is, and how it reaches the customer: goods or money, ours or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET

from adapters.channels.shopify.settings import ShopifyTranslation
from adapters.channels.shopify.shapes import LineItem, ShippingLine, ShopifyOrder
from adapters.kit.translation import unlisted
from schemas.contracts import refusals
from schemas.contracts.refusals import refused
from schemas.contracts.strict_json import shown
from schemas.order.canonical import Sold

UNLISTED_SKU = "unlisted"
"""The SKU of a line that is not an article and needs no shipping, such as a wrapping."""

POINT_OF_SALE = "pos"
"""The source of what is sold over a counter."""
RENEWALS = frozenset({"subscription_contract", "subscription_contract_checkout_one"})
"""Sources of orders that a subscription made by itself."""
CHECKOUTS = frozenset({"web", "mobile_app", "iphone", "android", POINT_OF_SALE, *RENEWALS})
"""Sources whose checkout leaves the address out only where nothing is sent to one; renewals of a
subscription go as its checkout said."""
OWN_SERVICE = frozenset({"", "manual"})
"""Fulfilment services that are the shop itself."""
LOCAL_DELIVERY = frozenset({"local delivery"})
"""What Shopify calls a delivery by the shop's own hands."""

Way = Literal["", "local_delivery", "pickup", "elsewhere"]

_METHODS: dict[str, Way] = {"LOCAL": "local_delivery", "PICK_UP": "pickup", "RETAIL": "elsewhere"}
"""What a delivery method type of GraphQL is here; any other one is a parcel.

https://shopify.dev/docs/api/admin-graphql/latest/enums/DeliveryMethodType
"""


def sku_of(item: LineItem) -> str:
    """Return the SKU of a line, or what stands for one. A custom line of goods is named by its
    title, for a table or a person to say what it is. Raises Refused(sku_missing)."""
    if item.sku and item.sku.strip():
        return item.sku.strip()
    if item.variant_id is not None:
        return f"variant:{item.variant_id}"
    if item.product_id is not None:
        return f"product:{item.product_id}"
    if not item.requires_shipping:
        return UNLISTED_SKU
    if sku := unlisted(item.name or item.title or ""):
        return sku
    raise refused(
        refusals.SKU_MISSING,
        f"The line {shown(item.admin_graphql_api_id)} must be shipped and has neither SKU nor "
        "variant, product or title; give it a SKU in Shopify, or mark it as not shipped.",
    )


def sold_as(item: LineItem, tips: str | None = None) -> Sold:
    """Return what a line is: a gift card, a tip, a service (a custom line that needs no shipping),
    or goods. `tips` are all tips of the order."""
    if item.gift_card:
        return "gift_card"
    is_article = item.sku or item.variant_id is not None or item.product_id is not None
    if is_article or item.requires_shipping:
        return "goods"
    return "tip" if _is_tip(item, tips) else "service"


def _is_tip(item: LineItem, tips: str | None) -> bool:
    """Say whether a custom line is a tip, whose title is in the shop's language. A webhook marks
    it; over GraphQL only the order says how much was tipped.
    https://shopify.dev/docs/api/admin-rest/latest/resources/order (tip_payment_gateway)"""
    named = (item.title or item.name or "").strip().casefold()
    if item.tip_payment_gateway is not UNSET or named == "tip":
        return True
    try:
        return 0 < float(item.price or 0) * item.quantity == float(tips or 0)
    except ValueError:  # the amount itself is refused, in its own words
        return False


class Ways:
    """How the lines of one order reach the customer."""

    __slots__ = ("_ours", "_whole", "tips")

    def __init__(self, source: ShopifyOrder, settings: ShopifyTranslation) -> None:
        self._ours = OWN_SERVICE.union(x.casefold() for x in settings.fulfillment_services)
        self._whole = _whole(source, settings)
        self.tips = source.total_tip_received

    def of(self, item: LineItem) -> Way:
        """Return how a line reaches the customer; "" for a parcel, or for what does not travel."""
        if not item.requires_shipping:
            return ""
        if (item.fulfillment_service or "").casefold() not in self._ours:
            return "elsewhere"
        if item.way is not None:
            return _METHODS.get(item.way, "")
        return self._whole


def goes_several_ways(source: ShopifyOrder, settings: ShopifyTranslation) -> bool:
    """Say whether some of an order's goods are sent and others brought or collected, so that only
    its fulfilment orders know which, and they were not asked yet."""
    if len(source.shipping_lines) < 2:
        return False
    travelling = [one for one in source.line_items if one.requires_shipping]
    if not travelling or any(one.way is not None for one in travelling):
        return False
    ways = {_way_of([one], settings) for one in source.shipping_lines if not one.is_removed}
    return len(ways) > 1


def _whole(source: ShopifyOrder, settings: ShopifyTranslation) -> Way:
    """Return how all goods of an order go: by the name of its way of shipping, and without an
    address by what is there instead of it."""
    if source.shipping_address is not None and not source.shipping_lines:
        return ""  # the usual order of a shop that ships for nothing
    ways = [one for one in source.shipping_lines if not one.is_removed]
    if named := _way_of(ways, settings):
        return named
    if source.shipping_address is not None:
        return ""
    if ways and source.source_name in CHECKOUTS:
        return "pickup"  # the way of shipping is the store's name
    travelling = [one for one in source.line_items if one.requires_shipping]
    if source.source_name == POINT_OF_SALE or all(x.fulfillable_quantity == 0 for x in travelling):
        return "elsewhere"  # it went over the counter, or is gone already
    return ""


def _way_of(ways: Sequence[ShippingLine], settings: ShopifyTranslation) -> Way:
    """Return what the names of ways of shipping say; "" for a parcel, or nothing."""
    names = {text.strip().casefold() for one in ways for text in (one.title, one.code) if text}
    if names & LOCAL_DELIVERY.union(x.casefold() for x in settings.local_delivery_methods):
        return "local_delivery"
    if names & {x.casefold() for x in settings.pickup_methods}:
        return "pickup"
    return ""

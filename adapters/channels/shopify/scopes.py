"""What the app must be allowed in a shop, feature by feature, and what of it is missing.

Of a scope that writes Shopify lists that one alone; it allows reading, too.
https://shopify.dev/docs/api/usage/access-scopes
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from adapters.channels.shopify.settings import ShopifySettings


def _always(_: ShopifySettings) -> bool:
    return True


class Feature(Struct, frozen=True, kw_only=True):
    """One thing that is done in a shop. One of `scopes` is enough, the first is what we name;
    `words` say what is not done without it. `wanted` says whether a shop's settings ask for it.
    Without a feature that is `spare` orders are processed all the same."""

    words: str
    scopes: tuple[str, ...]
    wanted: Callable[[ShopifySettings], bool] = _always
    spare: bool = False


FEATURES: Sequence[Feature] = (
    Feature(
        words="no order comes, by webhook or fetched, and none is compared",
        scopes=("read_orders",),
    ),
    Feature(
        words="goods that left are not shown as shipped, pickups not as ready, and news of "
        "fulfilment orders is missing",
        scopes=("write_merchant_managed_fulfillment_orders",),
    ),
    Feature(
        words="it is not known from which location goods are shown as shipped",
        scopes=("read_locations",),
    ),
    Feature(
        words="goods of `fulfillment_services` are not shown as shipped",
        scopes=("write_third_party_fulfillment_orders", "write_assigned_fulfillment_orders"),
        wanted=lambda settings: bool(settings.translation.fulfillment_services),
    ),
    Feature(
        words="requests to fulfil, or to cancel, goods of `fulfillment_services` are not answered",
        scopes=("write_assigned_fulfillment_orders",),
        wanted=lambda settings: bool(settings.translation.fulfillment_services),
    ),
    Feature(
        words="what is cancelled here is not cancelled in the shop, and no payment is captured or "
        "given back",
        scopes=("write_orders",),
    ),
    Feature(
        words="orders can't be fetched, because their customers are not shown",
        scopes=("read_customers",),
    ),
    Feature(
        words="what somebody else fulfilled is only heard of with the whole order",
        scopes=("read_fulfillments",),
    ),
    Feature(
        words="returns at the shop are not heard of",
        scopes=("read_returns",),
    ),
    Feature(
        words="lines without SKU can't be fetched",
        scopes=("read_products",),
    ),
    Feature(
        words="the shop is not told what is free at our places",
        scopes=("write_inventory",),
        wanted=lambda settings: bool(settings.stock_locations),
    ),
    Feature(
        words="orders on terms can't be fetched",
        scopes=("read_payment_terms",),
        spare=True,
    ),
    Feature(
        words="a disputed payment does not hold its order",
        scopes=("read_shopify_payments_disputes",),
        spare=True,
    ),
    Feature(
        words="what Shopify Payments took and paid out is not compared",
        scopes=("read_shopify_payments_payouts", "read_shopify_payments"),
        spare=True,
    ),
    Feature(
        words="orders older than 60 days are not found",
        scopes=("read_all_orders",),
        spare=True,
    ),
)
"""Everything that is asked of a shop; a test compares it with the calls and the topics."""


def missing(granted: Collection[str], settings: ShopifySettings) -> list[Feature]:
    """Return the features whose scopes were not granted, in the order of FEATURES."""
    held = set(granted)
    held |= {f"read_{one.removeprefix('write_')}" for one in granted if one.startswith("write_")}
    return [one for one in FEATURES if one.wanted(settings) and not held & set(one.scopes)]


def named(features: Sequence[Feature]) -> str:
    """Return what is missing by name, with its consequence, as the part of a sentence."""
    return "; ".join(f"{one.scopes[0]} ({one.words})" for one in features)

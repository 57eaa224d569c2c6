"""The kind `shopify`: what a shop of Shopify is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from actors.kernel.setup import Hears
from adapters.channels.shopify.settings import ShopifySettings
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Bookkeeping, Channel, Kind
from adapters.kit.lineage import Carried, Example, Stated, one_parcel

if TYPE_CHECKING:
    from adapters.channels.shopify.books import ShopifyBooks
    from adapters.channels.shopify.offering import ShopifyOffering
    from adapters.channels.shopify.source import Shopify
    from adapters.channels.shopify.storefront import ShopifyStorefront
    from adapters.channels.shopify.sync import ShopifySync
    from adapters.kit.inbound import Translator
    from adapters.kit.offering import Offers
    from schemas.messages.privacy import Read
    from schemas.order.canonical import Order


def _answers(order: Order) -> Mapping[str, object]:
    """Return an order of which nothing has left yet, and a fulfilment that was made."""
    page = {"hasNextPage": False, "endCursor": None}
    lines = dict.fromkeys(line.bundle_line_id or line.line_id for line in order.lines)
    waiting = {
        "id": "gid://shopify/FulfillmentOrder/1",
        "status": "OPEN",
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
        "lineItems": {
            "nodes": [
                {
                    "id": f"gid://shopify/FulfillmentOrderLineItem/{line}",
                    "remainingQuantity": 1_000_000,
                    "lineItem": {"id": f"gid://shopify/LineItem/{line}", "currentQuantity": 1},
                }
                for line in lines
            ],
            "pageInfo": page,
        },
    }
    told = {
        "id": "gid://shopify/Order/1",
        "fulfillmentOrders": {"nodes": [waiting], "pageInfo": page},
    }
    made = {"fulfillment": {"id": "gid://shopify/Fulfillment/1"}, "userErrors": []}
    return {"/admin/api": {"data": {"order": told, "fulfillmentCreate": made}}}


def _webhooks(settings: ShopifySettings, instance: Instance) -> Shopify:
    from adapters.channels.shopify.source import Shopify
    from adapters.kit.rounding import Rounding

    return Shopify(
        instance.name,
        shop_domain=settings.shop_domain,
        secrets=tuple(one.reveal() for one in settings.webhook_secrets),
        api_version=settings.api_version,
        rounding=Rounding(mode=settings.rounding, level=settings.rounding_level),
        translation=settings.translation,
        routed=settings.routing == "channel",
    )


def _storefront(settings: ShopifySettings, kit: Kit) -> ShopifyStorefront:
    from adapters.channels.shopify.storefront import ShopifyStorefront

    return ShopifyStorefront(kit.client, settings, name=kit.name)


def _sync(settings: ShopifySettings, kit: Kit) -> ShopifySync:
    from adapters.channels.shopify.graphql import ShopifyGraphql
    from adapters.channels.shopify.sync import ShopifySync

    return ShopifySync(ShopifyGraphql(kit.client, settings, name=kit.name))


def _books(settings: ShopifySettings, kit: Kit) -> ShopifyBooks:
    from adapters.channels.shopify.books import ShopifyBooks
    from adapters.channels.shopify.graphql import ShopifyGraphql

    return ShopifyBooks(ShopifyGraphql(kit.client, settings, name=kit.name), kit.clock)


def _hears(settings: ShopifySettings) -> frozenset[Hears]:
    found: set[Hears] = {"ready"}
    if settings.place_locations:
        found.add("place")
    if settings.translation.fulfillment_services:
        found |= {"request", "stop"}
    return frozenset(found)


def _offers(settings: ShopifySettings) -> Offers | None:
    from adapters.kit.offering import offers_from

    return offers_from(settings.stock_locations, settings)


def _teller(settings: ShopifySettings, kit: Kit) -> ShopifyOffering:
    from adapters.channels.shopify.graphql import ShopifyGraphql
    from adapters.channels.shopify.offering import ShopifyOffering

    graphql = ShopifyGraphql(kit.client, settings, name=kit.name)
    return ShopifyOffering(graphql, kit.clock, settings.stock_locations)


async def _probe(settings: ShopifySettings, kit: Kit) -> str:
    from adapters.channels.shopify.probe import probe

    return await probe(settings, kit)


def _examples() -> Sequence[Example]:
    from adapters.channels.shopify.example import examples

    return examples()


def _read(reader: Translator, raw: bytes) -> Read:
    from adapters.channels.shopify.example import read

    return read(reader, raw)


KIND = Kind(
    name="shopify",
    title="Shopify",
    words="Orders come as whole webhooks; fulfilments are made by the GraphQL Admin API 2026-10.",
    roles=("storefront",),
    settings=ShopifySettings,
    example={
        "shop_domain": "example.myshopify.com",
        "api_base_url": "https://partner.invalid",
        "access_token": "an example's token",
        "webhook_secrets": ["an example's secret"],
    },
    partner=_storefront,
    probe=_probe,
    carried=Carried(effect=one_parcel, answers=_answers),
    books=Bookkeeping(sources={"orders": "shop", "balance": "gateway"}, reader=_books),
    channel=Channel(
        transports=("webhook",),
        webhooks=_webhooks,
        translator=None,
        sync=_sync,
        fetches=True,
        statuses={
            "pending": "waits for its payment, unless its method is a promise to pay",
            "authorized": "is taken: the money is reserved",
            "partially_paid": "waits for the rest of its payment",
            "paid": "is taken",
            "partially_refunded": "is taken: what is left of it is paid",
            "refunded": "has no money left",
            "voided": "has no money left",
            "expired": "waits: the authorisation ended",
            "cancelled": "is cancelled",
        },
        mapped=("skus", "bundles", "tax_codes", "shipping_methods"),
        speaks=lambda settings: settings.api_version,
        imports=True,
        stated=Stated(examples=_examples, read=_read, own_names=("shopify.",)),
        hears=_hears,
        captures="parts",
        voids=True,
        offers=_offers,
        teller=_teller,
        refunds=True,
    ),
)

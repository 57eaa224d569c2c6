"""The kind `bigcommerce`: what a store of BigCommerce is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.channels.bigcommerce.settings import BigCommerceSettings
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Channel, Kind
from adapters.kit.lineage import Carried, Example, Stated, one_parcel

if TYPE_CHECKING:
    from adapters.channels.bigcommerce.offering import BigCommerceOffering
    from adapters.channels.bigcommerce.source import BigCommerce
    from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
    from adapters.channels.bigcommerce.sync import BigCommerceSync
    from adapters.kit.inbound import Translator
    from adapters.kit.offering import Offers
    from schemas.messages.privacy import Read

_LINES = [{"id": line, "quantity": 1_000_000, "order_address_id": 31} for line in (70, 71, 72)]


def _webhooks(settings: BigCommerceSettings, instance: Instance) -> BigCommerce:
    from adapters.channels.bigcommerce.source import BigCommerce
    from adapters.kit.rounding import Rounding

    return BigCommerce(
        instance.name,
        store_hash=settings.store_hash,
        secrets=tuple(one.reveal() for one in settings.webhook_secrets),
        rounding=Rounding(mode=settings.rounding, level=settings.rounding_level),
        translation=settings.translation,
    )


def _storefront(settings: BigCommerceSettings, kit: Kit) -> BigCommerceStorefront:
    from adapters.channels.bigcommerce.api import BigCommerceApi
    from adapters.channels.bigcommerce.storefront import BigCommerceStorefront

    return BigCommerceStorefront(BigCommerceApi(kit.client, settings, name=kit.name))


def _sync(settings: BigCommerceSettings, kit: Kit) -> BigCommerceSync:
    from adapters.channels.bigcommerce.api import BigCommerceApi
    from adapters.channels.bigcommerce.sync import KEEP, BigCommerceSync

    return BigCommerceSync(
        BigCommerceApi(kit.client, settings, name=kit.name, keep=KEEP),
        secret=settings.webhook_secrets[0].reveal(),
    )


def _offers(settings: BigCommerceSettings) -> Offers | None:
    from adapters.kit.offering import offers_from

    return offers_from(settings.stock_locations, settings)


def _teller(settings: BigCommerceSettings, kit: Kit) -> BigCommerceOffering:
    from adapters.channels.bigcommerce.api import BigCommerceApi
    from adapters.channels.bigcommerce.offering import BigCommerceOffering
    from adapters.channels.bigcommerce.sync import KEEP

    api = BigCommerceApi(kit.client, settings, name=kit.name, keep=KEEP)
    return BigCommerceOffering(api, settings.stock_locations)


async def _probe(settings: BigCommerceSettings, kit: Kit) -> str:
    from adapters.channels.bigcommerce.api import BigCommerceApi

    await BigCommerceApi(kit.client, settings, name=kit.name).ask("GET", "/v2/store")
    return f"the store {settings.store_hash} answers."


def _examples() -> Sequence[Example]:
    from adapters.channels.bigcommerce.example import examples

    return examples()


def _read(reader: Translator, raw: bytes) -> Read:
    from adapters.channels.bigcommerce.example import read

    return read(reader, raw)


KIND = Kind(
    name="bigcommerce",
    title="BigCommerce",
    words="Webhooks name the order, which is then fetched; shipments are made by the V2 API.",
    roles=("storefront",),
    settings=BigCommerceSettings,
    example={
        "store_hash": "example",
        "api_base_url": "https://partner.invalid",
        "access_token": "an example's token",
        "webhook_secrets": ["an example's secret"],
    },
    partner=_storefront,
    probe=_probe,
    carried=Carried(
        effect=one_parcel,
        answers=lambda order: {
            "/shipments": [],
            "/products": _LINES,
            "/v2/orders/": {"status_id": 11},
        },
    ),
    channel=Channel(
        transports=("webhook",),
        webhooks=_webhooks,
        translator=None,
        sync=_sync,
        fetches=True,
        statuses={
            "Incomplete": "waits: the checkout is not completed",
            "Pending": "waits: the checkout is not completed, or its payment is pending",
            "Shipped": "says that all of it has left",
            "Partially Shipped": "says that a part has left; held where the shop shows no shipment",
            "Refunded": "has no money left",
            "Cancelled": "is cancelled",
            "Declined": "is held: cancel it, or wait for another payment",
            "Awaiting Payment": "waits for its payment",
            "Awaiting Pickup": "is held, unless it is ready here as well: the customer picks it up",
            "Awaiting Shipment": "is taken",
            "Completed": "says that all of it has left",
            "Awaiting Fulfillment": "is taken",
            "Manual Verification Required": "is held until it is verified in the shop",
            "Disputed": "is held: the customer disputes the payment",
            "Partially Refunded": "is taken: what is left of it is paid",
        },
        mapped=("skus", "bundles", "tax_codes", "shipping_methods"),
        speaks=lambda settings: "",
        hears=lambda settings: frozenset({"ready"}),
        stated=Stated(examples=_examples, read=_read, own_names=("bigcommerce.",)),
        offers=_offers,
        teller=_teller,
        refunds=True,
    ),
)

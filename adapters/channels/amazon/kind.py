"""The kind `amazon`: what a seller account at Amazon is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.channels.amazon.settings import AmazonSettings
from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Channel, Kind
from adapters.kit.lineage import Carried, Example, Stated, one_parcel

if TYPE_CHECKING:
    from adapters.channels.amazon.offering import AmazonOffering
    from adapters.channels.amazon.queue import AmazonQueue
    from adapters.channels.amazon.source import Amazon
    from adapters.channels.amazon.storefront import AmazonStorefront
    from adapters.channels.amazon.sync import AmazonSync
    from adapters.kit.inbound import Translator
    from adapters.kit.offering import Offers
    from schemas.messages.privacy import Read

_API_VERSION = "2026-01-01"
_ORDER = {
    "orderId": "1",
    "createdTime": "",
    "lastUpdatedTime": "",
    "orderItems": [{"orderItemId": "70", "quantityOrdered": 1, "product": {}}],
}

_UPLOAD = "/upload"
_DOCUMENT = {"feedDocumentId": "1", "url": f"https://partner.invalid{_UPLOAD}"}


def _webhooks(settings: AmazonSettings, instance: Instance) -> Amazon:
    from adapters.channels.amazon.source import Amazon
    from adapters.kit.rounding import Rounding

    return Amazon(
        instance.name,
        secrets=tuple(one.reveal() for one in settings.webhook_secrets),
        seller_id=settings.seller_id,
        marketplace_ids=settings.marketplace_ids,
        rounding=Rounding(mode=settings.rounding, level=settings.rounding_level),
        translation=settings.translation,
    )


def _storefront(settings: AmazonSettings, kit: Kit) -> AmazonStorefront:
    from adapters.channels.amazon.api import AmazonApi
    from adapters.channels.amazon.storefront import AmazonStorefront

    return AmazonStorefront(
        AmazonApi(kit.client, settings, name=kit.name),
        kit.clock,
        marketplace_ids=settings.marketplace_ids,
        seller_id=settings.seller_id,
    )


def _sync(settings: AmazonSettings, kit: Kit) -> AmazonSync:
    from adapters.channels.amazon.api import AmazonApi
    from adapters.channels.amazon.sync import AmazonSync

    return AmazonSync(
        AmazonApi(kit.client, settings, name=kit.name),
        AmazonApi(kit.client, settings, name=kit.name, grantless=True),
        kit.clock,
        queue_arn=settings.queue_arn,
        marketplace_ids=settings.marketplace_ids,
    )


def _queue(settings: AmazonSettings, kit: Kit) -> AmazonQueue | None:
    secret = settings.aws_secret_access_key
    if not settings.aws_access_key_id or not settings.queue_arn or secret is None:
        return None
    from adapters.channels.amazon.queue import AmazonQueue

    return AmazonQueue(
        kit.client,
        _webhooks(settings, kit),
        queue_arn=settings.queue_arn,
        key_id=settings.aws_access_key_id,
        secret=secret.reveal(),
        endpoint=settings.queue_endpoint or "",
    )


def _offers(settings: AmazonSettings) -> Offers | None:
    from adapters.kit.offering import offers_from

    return offers_from(filter(None, (settings.stock_place,)), settings)


def _teller(settings: AmazonSettings, kit: Kit) -> AmazonOffering:
    from adapters.channels.amazon.api import AmazonApi
    from adapters.channels.amazon.offering import AmazonOffering

    return AmazonOffering(
        AmazonApi(kit.client, settings, name=kit.name),
        seller_id=settings.seller_id,
        marketplace_ids=settings.marketplace_ids,
    )


async def _probe(settings: AmazonSettings, kit: Kit) -> str:
    from adapters.channels.amazon.api import NOTIFICATIONS, AmazonApi
    from adapters.channels.amazon.shapes import ORDER_CHANGE

    api = AmazonApi(kit.client, settings, name=kit.name)
    path = f"/notifications/v1/subscriptions/{ORDER_CHANGE}"
    answer = await api.ask("getSubscription", NOTIFICATIONS, "GET", path)
    there = "there is a subscription" if answer.status < 300 else "there is no subscription yet"
    return f"the seller's authorisation is good; {there} to {ORDER_CHANGE}."


def _examples() -> Sequence[Example]:
    from adapters.channels.amazon.example import examples

    return examples()


def _read(reader: Translator, raw: bytes) -> Read:
    from adapters.channels.amazon.example import read

    return read(reader, raw)


def order_id(ref: str) -> str:
    """Return a reference as Amazon writes its order ids, another one for another reference."""
    digits = ref.zfill(14)
    return f"902-{digits[:7]}-{digits[7:14]}"


KIND = Kind(
    name="amazon",
    title="Amazon",
    words="Notifications name the order, which is fetched; each package is confirmed (SP-API).",
    roles=("storefront",),
    settings=AmazonSettings,
    example={
        "client_id": "example",
        "client_secret": "an example's secret",
        "refresh_token": "an example's token",
        "region": "eu",
        "marketplace_ids": ["A1PA6795UKMFR9"],
        "webhook_secrets": ["an example's secret"],
        "api_base_url": "https://partner.invalid",
        "token_url": "https://partner.invalid/token",
    },
    partner=_storefront,
    probe=_probe,
    carried=Carried(
        effect=one_parcel,
        ref=order_id,
        answers=lambda order: {
            f"/orders/{_API_VERSION}": {"order": _ORDER},
            "/feeds/2021-06-30/documents": _DOCUMENT,
            _UPLOAD: {},
        },
    ),
    channel=Channel(
        transports=("webhook", "poll"),
        webhooks=_webhooks,
        translator=None,
        sync=_sync,
        fetches=True,
        queue=_queue,
        statuses={
            "PENDING_AVAILABILITY": "waits at Amazon until its goods are released",
            "PENDING": "waits at Amazon until its payment is confirmed",
            "UNSHIPPED": "is taken",
            "PARTIALLY_SHIPPED": "says that a part has left; held where Amazon shows no package",
            "SHIPPED": "says that all of it has left",
            "CANCELLED": "is cancelled",
        },
        mapped=("skus", "bundles", "shipping_methods"),
        # The versions are spoken by name, so no setting changes them.
        speaks=lambda settings: f"Orders {_API_VERSION}, notifications 1.0",
        marketplace="amazon",
        stated=Stated(examples=_examples, read=_read, own_names=("amazon.",)),
        hears=lambda settings: frozenset({"ready"}),
        offers=_offers,
        teller=_teller,
    ),
)

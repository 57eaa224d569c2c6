"""The kind `bigcommerce`: what a store of BigCommerce is made of."""

from __future__ import annotations

import msgspec

from adapters.channels.bigcommerce.api import PARTNER, BigCommerceApi, BigCommerceStore
from adapters.channels.bigcommerce.example import examples
from adapters.channels.bigcommerce.order import unchecked_order
from adapters.channels.bigcommerce.settings import BigCommerceSettings
from adapters.channels.bigcommerce.shapes import Bundle
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.bigcommerce.statuses import STATUSES
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.bigcommerce.sync import KEEP, BigCommerceUpkeep
from adapters.kit.http_client import decoded
from adapters.kit.inbound import Translator
from adapters.kit.kind import Channel, Instance, Kind, Kit
from adapters.kit.lineage import Carried, Stated, one_parcel
from adapters.kit.rounding import Rounding
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import parse
from schemas.contracts.validation import read_foreign
from schemas.messages.inputs import UpdateOrder
from schemas.messages.privacy import Read

_LINES = [{"id": line, "quantity": 1_000_000, "order_address_id": 31} for line in (70, 71, 72)]


class _Store(msgspec.Struct, frozen=True):
    name: str = ""


_store = msgspec.json.Decoder(_Store)


def _of(settings: BigCommerceSettings) -> BigCommerceStore:
    return BigCommerceStore(
        store_hash=settings.store_hash,
        access_token=settings.access_token.reveal(),
        base_url=settings.api_base_url,
        timeout_seconds=settings.calls.timeout_seconds,
    )


def _webhooks(settings: BigCommerceSettings, instance: Instance) -> BigCommerce:
    return BigCommerce(
        instance.name,
        store_hash=settings.store_hash,
        secrets=tuple(one.reveal() for one in settings.webhook_secrets),
        rounding=Rounding(mode=settings.rounding, level=settings.rounding_level),
    )


def _storefront(settings: BigCommerceSettings, kit: Kit) -> BigCommerceStorefront:
    return BigCommerceStorefront(BigCommerceApi(kit.client, _of(settings)))


def _sync(settings: BigCommerceSettings, kit: Kit) -> BigCommerceUpkeep:
    return BigCommerceUpkeep(
        BigCommerceApi(kit.client, _of(settings), keep=KEEP),
        secret=settings.webhook_secrets[0].reveal(),
    )


async def _probe(settings: BigCommerceSettings, kit: Kit) -> str:
    answer = await BigCommerceApi(kit.client, _of(settings)).ask("GET", "/v2/store")
    return f"the store {decoded(_store, answer, partner=PARTNER, writes=False).name!r} answers."


def _read(reader: Translator, raw: bytes) -> Read:
    try:
        return reader.translate("update", "", raw)
    except Refused:
        return UpdateOrder(order=unchecked_order(read_foreign(parse(raw), Bundle)))


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
        answers={"/shipments": [], "/products": _LINES, "/v2/orders/": {"status_id": 11}},
    ),
    channel=Channel(
        transports=("webhook",),
        webhooks=_webhooks,
        translator=None,
        sync=_sync,
        fetches=True,
        statuses={one.name: one.words or one.way for one in STATUSES.values()},
        mapped=("skus", "bundles", "tax_codes", "shipping_methods"),
        speaks=lambda settings: "",
        stated=Stated(examples=examples, read=_read, own_names=("bigcommerce.",)),
    ),
)

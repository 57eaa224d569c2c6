"""The part of the composition root that knows the sales channels: one entry a kind in each table.

Adding a channel touches this file, its settings, and its own modules in `adapters/channels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.runtime.ports import Message, Partner
from adapters.channels.bigcommerce.api import API_URL, BigCommerceApi, BigCommerceStore
from adapters.channels.bigcommerce.money import ROUNDING as BIGCOMMERCE_ROUNDING
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.bigcommerce.storefront import BigCommerceStorefront
from adapters.channels.bigcommerce.sync import KEEP, BigCommerceSync
from adapters.channels.canonical.source import Canonical
from adapters.channels.canonical.storefront import CanonicalStorefront
from adapters.channels.shopify.fulfilment import ShopifyFulfilment, ShopifyFulfilmentSettings
from adapters.channels.shopify.source import Shopify
from adapters.channels.shopify.sync import ShopifySync
from adapters.kit.fetching import Fetching, IntakeStream
from adapters.kit.http_client import HttpClient
from adapters.kit.inbound import SignatureRefused, Source
from adapters.kit.rounding import EXACT, Rounding
from adapters.kit.sync import ChannelSync
from adapters.nats.events import EventPublisher
from adapters.warehouses.http.callbacks import WarehouseCallbacks
from schemas.contracts.refusals import Refused
from schemas.messages.privacy import Read
from service.app.clock import SystemClock
from service.settings import Channel, Settings
from service.wiring import amazon as wiring_amazon

__all__ = [
    "Canonical",
    "SignatureRefused",
    "Source",
    "api_version",
    "channel_sync",
    "sources",
    "storefront",
    "translator",
]


def _shopify(name: str, channel: Channel) -> Source:
    return Shopify(
        name,
        shop_domain=channel.shop_domain,
        secrets=tuple(s.reveal() for s in channel.webhook_secrets),
        api_version=channel.api_version,
        rounding=rounding_of(channel),
    )


def _amazon(name: str, channel: Channel) -> Source:
    return wiring_amazon.source(name, channel, rounding_of(channel))


_VERSIONS: Mapping[str, str] = {"amazon": wiring_amazon.SPEAKS, "bigcommerce": ""}


def api_version(channel: Channel) -> str:
    """Return the API version that a channel is spoken to in: its kind's own, or what is set; ""
    for one whose webhooks name none."""
    return _VERSIONS.get(channel.kind, channel.api_version)


def _bigcommerce(name: str, channel: Channel) -> Source:
    return BigCommerce(
        name,
        store_hash=_store_of(channel).store_hash,
        secrets=tuple(s.reveal() for s in channel.webhook_secrets),
        rounding=rounding_of(channel),
    )


_ROUNDINGS: Mapping[str, Rounding] = {"bigcommerce": BIGCOMMERCE_ROUNDING}
"""How a kind of channel rounds unless its settings say otherwise; each line, and only what is
exact, if it isn't here."""


def rounding_of(channel: Channel) -> Rounding:
    """Return a channel's rule: what its settings say, or what its kind does."""
    usual = _ROUNDINGS.get(channel.kind, EXACT)
    return Rounding(
        mode=channel.rounding or usual.mode, level=channel.rounding_level or usual.level
    )


_SOURCES: Mapping[str, Callable[[str, Channel], Source]] = {
    "shopify": _shopify,
    "bigcommerce": _bigcommerce,
    "amazon": _amazon,
}
"""Who reads the webhooks of a kind of channel. Orders of a kind that is missing here come by
`POST /api/v1/orders` or NATS."""


def sources(settings: Settings, keys: Mapping[str, bytes]) -> dict[str, Source]:
    """Who may send webhooks, by the name in `POST /hooks/{name}`."""
    found: dict[str, Source] = {}
    for name, channel in settings.channels.items():
        make = _SOURCES.get(channel.kind)
        if make is not None:
            found[name] = make(name, channel)
    warehouse = settings.warehouse
    if warehouse is not None:
        secrets = tuple(s.reveal() for s in warehouse.callback_secrets)
        found[warehouse.name] = WarehouseCallbacks(warehouse.name, secrets=secrets, keys=keys)
    return found


def translator(known: Mapping[str, Source]) -> Callable[[Message], Read]:
    """Return what reads a message: its channel's own source, else one of the kind its bytes have.

    `known` has the sources by channel; each knows its channel's rounding rule. A channel that is
    no longer configured is read by another of its kind.
    """
    by_kind: dict[str, Source | Canonical] = {"canonical": Canonical()}
    by_kind.update({source.kind: source for source in known.values()})

    def translate(message: Message) -> Read:
        own = known.get(message.channel)
        reader = own if own and own.kind == message.source else by_kind.get(message.source)
        if reader is None:
            why = f"No one here reads messages of the kind {message.source[:40]!r}."
            raise Refused("kind_unknown", (why,))
        return reader.translate(message.kind, message.topic, message.raw)

    return translate


def storefront(
    name: str,
    channel: Channel,
    client: HttpClient,
    events: EventPublisher,
    messages: IntakeStream,
    clock: SystemClock,
) -> Partner:
    """Make the adapter that speaks to one channel's storefront. What it fetches is published to
    `messages`."""
    if channel.kind == "shopify":
        return Fetching(_shopify_storefront(channel, client), messages, source=channel.kind)
    if channel.kind == "bigcommerce":
        store = BigCommerceStorefront(BigCommerceApi(client, _store_of(channel)))
        return Fetching(store, messages, source=channel.kind)
    if channel.kind == "amazon":
        shop = wiring_amazon.storefront(channel, client, clock)
        return Fetching(shop, messages, source=channel.kind)
    return CanonicalStorefront(name, events, clock)


def _shopify_storefront(channel: Channel, client: HttpClient) -> ShopifyFulfilment:
    return ShopifyFulfilment(
        client,
        ShopifyFulfilmentSettings(
            base_url=channel.api_base_url or f"https://{channel.shop_domain}",
            access_token=channel.access_token.reveal() if channel.access_token else "",
            notify_customer=channel.notify_customer,
            timeout_seconds=channel.calls.timeout_seconds,
        ),
    )


def _store_of(channel: Channel) -> BigCommerceStore:
    table, token = channel.bigcommerce, channel.access_token
    if table is None or token is None:
        raise AssertionError("the settings of a BigCommerce channel were not checked")
    return BigCommerceStore(
        store_hash=table.store_hash,
        access_token=token.reveal(),
        base_url=channel.api_base_url or API_URL,
        timeout_seconds=channel.calls.timeout_seconds,
    )


def _bigcommerce_sync(
    name: str, channel: Channel, client: HttpClient, clock: SystemClock
) -> ChannelSync:
    return BigCommerceSync(
        BigCommerceApi(client, _store_of(channel), keep=KEEP),
        secret=channel.webhook_secrets[0].reveal(),
    )


def _shopify_sync(
    name: str, channel: Channel, client: HttpClient, clock: SystemClock
) -> ChannelSync:
    return ShopifySync(
        client,
        base_url=channel.api_base_url or f"https://{channel.shop_domain}",
        access_token=channel.access_token.reveal() if channel.access_token else "",
        timeout_seconds=channel.calls.timeout_seconds,
    )


def _amazon_sync(
    name: str, channel: Channel, client: HttpClient, clock: SystemClock
) -> ChannelSync:
    return wiring_amazon.channel_sync(channel, client, clock)


_SYNCS: Mapping[str, Callable[[str, Channel, HttpClient, SystemClock], ChannelSync]] = {
    "shopify": _shopify_sync,
    "amazon": _amazon_sync,
    "bigcommerce": _bigcommerce_sync,
}
"""Who lists the orders of a kind of channel and keeps its subscriptions. A kind that is missing
here has no API to ask."""


def channel_sync(
    name: str, channel: Channel, client: HttpClient, clock: SystemClock
) -> ChannelSync | None:
    """Make what keeps a channel whole; None for a kind that can't be asked."""
    make = _SYNCS.get(channel.kind)
    return None if make is None else make(name, channel, client, clock)

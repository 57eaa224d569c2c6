"""The part of the composition root that knows Amazon: what one channel of that kind is made of."""

from __future__ import annotations

from collections.abc import Mapping

from actors.runtime.ports import Clock
from adapters.channels.amazon.api import AmazonAccount, AmazonApi
from adapters.channels.amazon.shapes import API_VERSION, PAYLOAD_VERSION
from adapters.channels.amazon.source import Amazon
from adapters.channels.amazon.storefront import AmazonStorefront
from adapters.channels.amazon.sync import AmazonSync
from adapters.kit.http_client import HttpClient
from adapters.kit.inbound import Source
from adapters.kit.rounding import Rounding
from adapters.kit.sync import ChannelSync
from service.settings import Channel
from service.settings.amazon import Amazon as AmazonSettings

SPEAKS = f"Orders {API_VERSION}, notifications {PAYLOAD_VERSION}"
"""The versions that are spoken: they are read by name, so no setting changes them."""

_ENDPOINTS: Mapping[str, str] = {
    region: f"https://sellingpartnerapi-{region}.amazon.com" for region in ("na", "eu", "fe")
}


def source(name: str, channel: Channel, rounding: Rounding) -> Source:
    """Make what reads the notifications and the fetched orders."""
    amazon = _settings(channel)
    return Amazon(
        name,
        secrets=tuple(one.reveal() for one in channel.webhook_secrets),
        seller_id=amazon.seller_id,
        marketplace_ids=amazon.marketplace_ids,
        rounding=rounding,
    )


def storefront(channel: Channel, client: HttpClient, clock: Clock) -> AmazonStorefront:
    """Make what fetches orders and confirms shipments."""
    api = AmazonApi(client, _account(channel))
    return AmazonStorefront(api, clock, marketplace_id=_settings(channel).marketplace_ids[0])


def channel_sync(channel: Channel, client: HttpClient, clock: Clock) -> ChannelSync:
    """Make what lists changed orders and keeps the subscription."""
    amazon, account = _settings(channel), _account(channel)
    return AmazonSync(
        AmazonApi(client, account),
        AmazonApi(client, account, grantless=True),
        clock,
        queue_arn=amazon.queue_arn,
        marketplace_ids=amazon.marketplace_ids,
    )


def _settings(channel: Channel) -> AmazonSettings:
    assert channel.amazon is not None, "the settings of this kind demand its table"
    return channel.amazon


def _account(channel: Channel) -> AmazonAccount:
    amazon = _settings(channel)
    return AmazonAccount(
        base_url=amazon.base_url or _ENDPOINTS[amazon.region],
        client_id=amazon.client_id,
        client_secret=amazon.client_secret.reveal(),
        refresh_token=amazon.refresh_token.reveal(),
        token_url=amazon.token_url,
        timeout_seconds=channel.calls.timeout_seconds,
    )

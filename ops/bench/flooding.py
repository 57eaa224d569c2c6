"""`python -m ops.bench.flooding nats|http ADDRESS COUNT`: one channel's flood, in a process of its
own, so that whoever measures another channel is not slowed down by it.

By NATS a publisher sends orders of our own contract at full speed, without waiting for
acknowledgements; by HTTP a shop sends webhooks, AT_ONCE at a time, and repeats what is answered
503. The shop's secret comes on the input.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import sys
from collections.abc import Iterator

import aiohttp
import msgspec
import nats

from adapters.channels.shopify.source import Shopify
from ops.bench.processes import BenchFailed
from ops.simulators.shop_template import Moment, Recipe, payload
from schemas.messages.codec import encode
from schemas.messages.inputs import PlaceOrder

LOUD_NATS, LOUD_SHOP = "loud", "loud-shop"
FLUSH_EVERY = 500
AT_ONCE = 256
REFUSED_PAUSE_SECONDS = 0.2


async def by_nats(url: str, count: int) -> None:
    """Publish orders at full speed."""
    shop = Shopify(LOUD_NATS, shop_domain="loud.example", secrets=("-",), api_version="2026-10")
    placed = shop.translate("place", "orders/create", payload(Recipe(), 1, Moment()))
    if not isinstance(placed, PlaceOrder):
        raise BenchFailed("The bench's own order was refused.")
    client = await nats.connect(url)
    try:
        for number in range(count):
            ref = f"L-{number}"
            one = msgspec.structs.replace(placed.order, ref=ref, number=ref)
            body = b'{"type":"order.place.v2","order":' + encode(one) + b"}"
            await client.publish(f"orders.in.{LOUD_NATS}.place.{ref}", body)
            if number % FLUSH_EVERY == 0:
                await client.flush(timeout=30)
        await client.flush(timeout=30)
    finally:
        await client.close()


async def by_http(url: str, secret: str, count: int) -> None:
    """Send webhooks, AT_ONCE at a time, each until it is accepted."""
    numbers = iter(range(1, count + 1))
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_send(session, url, secret, numbers))


async def _send(
    session: aiohttp.ClientSession, url: str, secret: str, numbers: Iterator[int]
) -> None:
    for number in numbers:
        raw, headers = webhook(LOUD_SHOP, secret, number)
        while True:
            async with session.post(url, data=raw, headers=headers) as answer:
                if answer.status == 200:
                    break
                if answer.status != 503:
                    raise BenchFailed(f"The flood's webhook was answered {answer.status}.")
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)


def webhook(shop: str, secret: str, number: int) -> tuple[bytes, dict[str, str]]:
    """Return the bytes and the headers of the webhook of a shop's order."""
    domain = f"{shop}.myshopify.com"
    raw = payload(Recipe(shop=domain), number, Moment())
    digest = hmac.digest(secret.encode(), raw, "sha256")
    return raw, {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Webhook-Id": f"{shop}-{number}",
    }


def main(arguments: list[str]) -> int:
    """Flood as the arguments say."""
    way, url, count = arguments
    if way == "nats":
        asyncio.run(by_nats(url, int(count)))
    else:
        asyncio.run(by_http(url, sys.stdin.readline().strip(), int(count)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m ops.bench.fairness`: a quiet shop under another channel's flood.

A publisher puts messages of one channel into NATS at full speed, without waiting for
acknowledgements, while a shop sends a few orders a second. It prints the shop's 99th percentiles:
how long a webhook takes to be answered, and how long an order takes from its webhook to its
acceptance. How much of the flood was left says that it was still being worked off.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import secrets
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
import nats

from adapters.channels.shopify.source import Shopify
from adapters.nats.streams import stream_of
from ops.bench.load import SHOP, partners
from ops.bench.processes import BenchFailed, answers, say, started
from ops.bench.sides import configure, free_port
from ops.simulators.shop_template import Moment, Recipe, payload
from schemas.messages.codec import encode
from schemas.messages.effects import tag_of
from schemas.messages.events import Accepted
from schemas.messages.inputs import PlaceOrder
from service.app import running

LOUD = "loud"
FLUSH_EVERY = 500
WANTED_WEBHOOK_MS, WANTED_ACCEPTED_MS = 100.0, 1_000.0
LONGEST_SECONDS = 120.0
ACCEPTED = """
SELECT o.ref, min(extract(epoch FROM e.at))::float8 AS at
FROM events e JOIN orders o ON o.order_id = e.order_id
WHERE o.channel = $1 AND e.type = $2 GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds at the 99th percentile; `left` is what was left of the flood at the end."""

    webhook_ms: float
    accepted_ms: float
    left: int


async def measure(home: Path, flood: int, orders: int, rate: float) -> Figures:
    """Run the service on fresh servers, flood one channel, and send the other's orders."""
    async with partners(home, secrets.token_urlsafe(24)) as world:
        port, secret = free_port(), secrets.token_urlsafe(24)
        file = configure(home, world, port, secret)
        channel = f'"channels" = {{"{LOUD}" = {{"kind" = "canonical"}}, '
        file.write_text(file.read_text("utf-8").replace('"channels" = {', channel, 1), "utf-8")
        async with started(
            ["service.cli", "serve", "--config", str(file)], home / "side.log"
        ) as process:
            await answers(f"http://127.0.0.1:{port}/readyz", process)
            servers = running.read(home / "data")
            flooding = asyncio.create_task(publish(servers.nats_url, flood))
            url = f"http://127.0.0.1:{port}/hooks/{SHOP}"
            sent, webhook_ms = await send(url, secret, orders, rate)
            accepted = await until_accepted(servers.postgres_dsn, sent)
            left = await backlog(servers.nats_url)
            await flooding
    waited = [(accepted[ref] - at) * 1_000 for ref, at in sent.items()]
    return Figures(percentile(webhook_ms), percentile(waited), left)


async def publish(url: str, count: int) -> None:
    """Publish orders at full speed."""
    shop = Shopify(LOUD, shop_domain=f"{SHOP}.myshopify.com", secrets=("-",), api_version="2026-10")
    placed = shop.translate("place", "orders/create", payload(Recipe(), 1, Moment()))
    if not isinstance(placed, PlaceOrder):
        raise BenchFailed("The bench's own order was refused.")
    client = await nats.connect(url)
    try:
        for number in range(count):
            ref = f"L-{number}"
            one = msgspec.structs.replace(placed.order, ref=ref, number=ref)
            body = b'{"type":"order.place.v2","order":' + encode(one) + b"}"
            await client.publish(f"orders.in.{LOUD}.place.{ref}", body)
            if number % FLUSH_EVERY == 0:
                await client.flush(timeout=30)
        await client.flush(timeout=30)
    finally:
        await client.close()


async def send(
    url: str, secret: str, orders: int, rate: float
) -> tuple[dict[str, float], list[float]]:
    """Send the shop's orders; return when each was sent, by reference, and how long each webhook
    took, in milliseconds."""
    shop = f"{SHOP}.myshopify.com"
    recipe = Recipe(shop=shop)
    sent: dict[str, float] = {}
    took: list[float] = []

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        raw = payload(recipe, number, Moment())
        digest = hmac.digest(secret.encode(), raw, "sha256")
        headers = {
            "X-Shopify-Topic": "orders/create",
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": shop,
            "X-Shopify-Webhook-Id": f"quiet-{number}",
        }
        sent[str(recipe.order_id(number))] = time.time()
        began = time.perf_counter()
        async with session.post(url, data=raw, headers=headers) as answer:
            if answer.status != 200:
                raise BenchFailed(f"The quiet shop's webhook was answered {answer.status}.")
        took.append((time.perf_counter() - began) * 1_000)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number in range(1, orders + 1):
            group.create_task(one(session, number))
            await asyncio.sleep(1 / rate)
    return sent, took


async def until_accepted(dsn: str, sent: dict[str, float]) -> dict[str, float]:
    """Wait until each order is accepted; return when that was decided, by reference."""
    connection = await asyncpg.connect(dsn)
    give_up = time.monotonic() + LONGEST_SECONDS
    try:
        while True:
            rows = await connection.fetch(ACCEPTED, SHOP, tag_of(Accepted))
            found = {row["ref"]: row["at"] for row in rows}
            if sent.keys() <= found.keys():
                return found
            if time.monotonic() > give_up:
                raise BenchFailed(f"Only {len(found)} of {len(sent)} orders were accepted in time.")
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def backlog(url: str) -> int:
    """Return how many messages the flooded channel's stream holds."""
    client = await nats.connect(url)
    try:
        return int((await client.jetstream().stream_info(stream_of(LOUD))).state.messages)
    finally:
        await client.close()


def percentile(times: list[float]) -> float:
    """Return the 99th percentile."""
    return round(statistics.quantiles(times, n=100, method="inclusive")[-1], 1)


def main(arguments: list[str]) -> int:
    """Measure and print; return 1 when a figure is above its target."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.fairness", description=__doc__)
    parser.add_argument("--flood", type=int, default=20_000, help="messages of the loud channel")
    parser.add_argument("--orders", type=int, default=200, help="orders of the quiet shop")
    parser.add_argument("--rate", type=float, default=10.0, help="of these, a second")
    parser.add_argument("--json", type=Path, help="add the figures to this file, as `fairness`")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fairness-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        figures = asyncio.run(measure(home, wanted.flood, wanted.orders, wanted.rate))
    if wanted.json is not None:
        kept = json.loads(wanted.json.read_text()) if wanted.json.exists() else {}
        kept["fairness"] = {name: getattr(figures, name) for name in figures.__slots__}
        wanted.json.write_text(json.dumps(kept, indent=2) + "\n")
    say(f"{figures.left} messages of the flood were left when the last order was accepted.")
    say(f"quiet_webhook_p99_ms={figures.webhook_ms} (wanted: {WANTED_WEBHOOK_MS:g})")
    say(f"quiet_accepted_p99_ms={figures.accepted_ms} (wanted: {WANTED_ACCEPTED_MS:g})")
    met = figures.webhook_ms <= WANTED_WEBHOOK_MS and figures.accepted_ms <= WANTED_ACCEPTED_MS
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m ops.bench.fairness`: a quiet shop under another channel's flood.

A shop sends a few orders a second, first by itself and then while another channel is flooded, by
NATS at full speed or by HTTP. It prints the shop's 99th percentiles of both: how long a webhook
takes to be answered, and how long an order takes from its webhook to its acceptance. How much of
the flood was left says that it was still being worked off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
import asyncpg
import nats

from adapters.nats.streams import stream_of
from ops.bench.flooding import LOUD_NATS, LOUD_SHOP, webhook
from ops.bench.load import SHOP, partners
from ops.bench.processes import BenchFailed, answers, say, started
from ops.bench.sides import configure, free_port
from ops.simulators.shop_template import Recipe
from schemas.messages.effects import tag_of
from schemas.messages.events import Accepted
from service.app import running
from service.demo.world import toml

WANTED_WEBHOOK_MS, WANTED_ACCEPTED_MS = 100.0, 1_000.0
LONGEST_SECONDS = 120.0
FLOODED = {"nats": LOUD_NATS, "http": LOUD_SHOP}
ACCEPTED = """
SELECT o.ref, min(extract(epoch FROM e.at))::float8 AS at
FROM events e JOIN orders o ON o.order_id = e.order_id
WHERE o.channel = $1 AND e.type = $2 GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds at the median and at the 99th percentile, of the shop by itself and under the
    flood; `left` is what was left of the flood at the end."""

    alone_webhook_ms: tuple[float, float]
    alone_accepted_ms: tuple[float, float]
    webhook_ms: tuple[float, float]
    accepted_ms: tuple[float, float]
    left: int


@dataclass(frozen=True, slots=True)
class Load:
    """The flood (`way`: nats or http), and the quiet shop's orders, `rate` a second."""

    way: str
    flood: int
    orders: int
    rate: float


async def measure(home: Path, load: Load, arguments: list[str]) -> Figures:
    """Run the service on fresh servers, send the shop's orders, flood the other channel, and send
    more."""
    async with partners(home, secrets.token_urlsafe(24)) as world:
        port, secret = free_port(), secrets.token_urlsafe(24)
        file = configure(home, world, port, secret)
        loud = {
            LOUD_NATS: {"kind": "canonical"},
            LOUD_SHOP: {
                "kind": "shopify",
                "shop_domain": f"{LOUD_SHOP}.myshopify.com",
                "api_base_url": f"{world.url}/shopify/{LOUD_SHOP}.myshopify.com",
                "webhook_secrets": [secret],
                "access_token": secrets.token_urlsafe(24),
            },
        }
        channels = toml({"channels": loud}).rstrip().removesuffix("}") + ", "
        file.write_text(file.read_text("utf-8").replace('"channels" = {', channels, 1), "utf-8")
        words = ["service.cli", "serve", "--config", str(file), *arguments]
        async with started(words, home / "side.log") as process:
            base = f"http://127.0.0.1:{port}"
            await answers(f"{base}/readyz", process)
            servers = await until_running(home / "data")
            alone = await send(base, secret, range(1, load.orders + 1), load.rate)
            accepted = await until_accepted(servers.postgres_dsn, alone)
            at = servers.nats_url if load.way == "nats" else f"{base}/hooks/{LOUD_SHOP}"
            with flooding(load, at, secret):
                numbers = range(load.orders + 1, 2 * load.orders + 1)
                sent = await send(base, secret, numbers, load.rate)
                accepted |= await until_accepted(servers.postgres_dsn, sent)
                left = await backlog(servers.nats_url, FLOODED[load.way])
    by_itself, flooded = figures(alone, accepted), figures(sent, accepted)
    return Figures(*by_itself, *flooded, left)


async def until_running(data: Path) -> running.Running:
    """Wait until the data directory says where the servers are: of several workers the parent
    writes it once all are ready."""
    while True:
        try:
            return running.read(data)
        except running.NotRunning:
            await asyncio.sleep(0.1)


@contextmanager
def flooding(load: Load, url: str, secret: str) -> Iterator[None]:
    """Flood meanwhile, from a process of its own."""
    words = [sys.executable, "-m", "ops.bench.flooding", load.way, url, str(load.flood)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ) as flood:
        assert flood.stdin is not None
        flood.stdin.write(secret.encode() + b"\n")
        flood.stdin.flush()
        try:
            yield
            if flood.poll():
                raise BenchFailed("The flood ended with an error.")
        finally:
            flood.kill()


Sent = dict[str, tuple[float, float]]
"""When each order's webhook was sent, by reference, and how many milliseconds its answer took."""


def figures(
    sent: Sent, accepted: dict[str, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the percentiles of the answers and of the acceptances."""
    waited = [(accepted[ref] - at) * 1_000 for ref, (at, _) in sent.items()]
    return percentiles([took for _, took in sent.values()]), percentiles(waited)


async def send(base: str, secret: str, numbers: range, rate: float) -> Sent:
    """Send the shop's orders, and return when, and how long each was answered."""
    recipe = Recipe(shop=f"{SHOP}.myshopify.com")
    sent: Sent = {}

    async def one(session: aiohttp.ClientSession, number: int) -> None:
        raw, headers = webhook(SHOP, secret, number)
        at, began = time.time(), time.perf_counter()
        async with session.post(f"{base}/hooks/{SHOP}", data=raw, headers=headers) as answer:
            if answer.status != 200:
                raise BenchFailed(f"The quiet shop's webhook was answered {answer.status}.")
        sent[str(recipe.order_id(number))] = at, (time.perf_counter() - began) * 1_000

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number in numbers:
            group.create_task(one(session, number))
            await asyncio.sleep(1 / rate)
    return sent


async def until_accepted(dsn: str, sent: Sent) -> dict[str, float]:
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


async def backlog(url: str, channel: str) -> int:
    """Return how many messages the flooded channel's stream holds."""
    client = await nats.connect(url)
    try:
        return int((await client.jetstream().stream_info(stream_of(channel))).state.messages)
    finally:
        await client.close()


def percentiles(times: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    parts = statistics.quantiles(times, n=100, method="inclusive")
    return round(parts[49], 1), round(parts[-1], 1)


def main(arguments: list[str]) -> int:
    """Measure and print; return 1 when a figure is above its target."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.fairness", description=__doc__)
    parser.add_argument("--by", choices=FLOODED, default="nats", help="how the flood comes")
    parser.add_argument("--flood", type=int, default=20_000, help="messages of the loud channel")
    parser.add_argument("--orders", type=int, default=200, help="orders of the quiet shop, twice")
    parser.add_argument("--rate", type=float, default=10.0, help="of these, a second")
    parser.add_argument("--json", type=Path, help="add the figures to this file, as `fairness`")
    parser.add_argument("--front", action="store_true", help="serve with a front process")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the orders")
    wanted = parser.parse_args(arguments)
    load = Load(wanted.by, wanted.flood, wanted.orders, wanted.rate)
    more = ["--workers", str(wanted.workers), *(["--front"] if wanted.front else [])]
    with tempfile.TemporaryDirectory(prefix="fairness-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        found = asyncio.run(measure(home, load, more))
    if wanted.json is not None:
        kept = json.loads(wanted.json.read_text()) if wanted.json.exists() else {}
        kept["fairness"] = asdict(found)
        wanted.json.write_text(json.dumps(kept, indent=2) + "\n")
    say(f"{found.left} messages of the flood were left when the last order was accepted.")
    for name, alone, flooded, most in (
        ("webhook", found.alone_webhook_ms, found.webhook_ms, WANTED_WEBHOOK_MS),
        ("accepted", found.alone_accepted_ms, found.accepted_ms, WANTED_ACCEPTED_MS),
    ):
        say(
            f"quiet_{name}_p99_ms={flooded[1]} (wanted: {most:g}; median {flooded[0]}; without the"
            f" flood {alone[1]}, median {alone[0]})"
        )
    met = found.webhook_ms[1] <= WANTED_WEBHOOK_MS and found.accepted_ms[1] <= WANTED_ACCEPTED_MS
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

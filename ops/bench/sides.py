"""The two sides of the comparison, bare loop and product, each on fresh servers."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import statistics
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import nats

from adapters.nats.marks import JOURNAL
from ops.bench import brain
from ops.bench.calls import CALLS, count_of
from ops.bench.load import LEAST_PER_SECOND, SHOP, Partners, Sent, Target, partners, seen_by, send
from ops.bench.processes import answers, cpu_by_role, started
from service.demo.world import MAIL, Pace, World, configuration, toml
from service.embedded.supervisor import EmbeddedServers, embedded_servers

WARM_UP_ORDERS = 100
"""Orders processed before the measurement, so that connections, statements and caches exist."""

HOUR = 3600.0
MAILS_AT_ONCE = 96
NOT_COMPARED = ("synced writes of Postgres", "left in the stream")
"""How a side works, and not what an order costs."""

TABLES = """
SELECT c.relname, coalesce(array_agg(a.attname) FILTER (WHERE a.atttypid = 'bytea'::regtype), '{}')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 1
"""
WAL_SYNCS = "SELECT coalesce(sum(fsyncs), 0)::int FROM pg_stat_io WHERE object = 'wal'"


@dataclass(frozen=True, slots=True)
class Running:
    """One running side: where its webhooks go, and which process has which role. `counted`: its
    rows and messages are those of the table of calls. Below `least` orders a second it is given
    up."""

    url: str
    secret: str
    pids: dict[str, int]
    process: asyncio.subprocess.Process
    counted: bool = True
    least: float = LEAST_PER_SECOND


Side = Callable[[Path, Partners], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Figures:
    """One measured run. `cpu_ms` is CPU milliseconds per order, by process."""

    orders_per_second: float
    webhook_ms: dict[str, float]
    cpu_ms: dict[str, float]
    per_order: dict[str, float]


def free_port() -> int:
    """Return a port that was just free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@asynccontextmanager
async def bare(home: Path, world: Partners) -> AsyncIterator[Running]:
    """Run the bare loop with its own embedded servers."""
    port = free_port()
    async with embedded_servers(home / "data", channels=(SHOP,)) as servers:
        arguments = ["ops.bench.bare", "--port", str(port), "--partners", world.url]
        arguments += ["--smtp-port", str(world.smtp_port)]
        environ = {"BARE_POSTGRES_DSN": servers.postgres_dsn, "BARE_NATS_URL": servers.nats_url}
        async with started(arguments, home / "side.log", environ=environ) as process:
            await answers(f"http://127.0.0.1:{port}/readyz", process)
            pids = {"process": process.pid, "servers": os.getpid()}
            yield Running(f"http://127.0.0.1:{port}/hooks/{SHOP}", "bench", pids, process)


PLAIN_PACE = Pace(
    first_track_seconds=0.01,
    track_every_seconds=HOUR,
    timeout_seconds=15.0,
    rate_per_second=10_000.0,
    concurrency=128,
)
"""Limits above the load; a parcel is asked for once, as soon as it has a label."""


def configure(
    home: Path,
    world: Partners,
    port: int,
    secret: str,
    pace: Pace = PLAIN_PACE,
    *,
    thinks: bool = False,
) -> Path:
    """Write the product's configuration: the demo's partners, without throttling; `thinks`: and an
    address service."""
    given = World(
        http=world.url,
        smtp_port=world.smtp_port,
        webhook_secret=secret,
        callback_secret=world.callback_secret,
    )
    table = configuration(given, port=port, data_dir=str(home / "data"), pace=pace)
    # Each mail is recorded before it is sent, as many in one commit as are in flight.
    table["partners"][MAIL]["calls"]["concurrency"] = MAILS_AT_ONCE
    if thinks:
        brain.checking(table, world)
    file = home / "orderwright.toml"
    file.write_text(toml(table), encoding="utf-8")
    file.chmod(0o600)
    return file


@asynccontextmanager
async def product(
    home: Path, world: Partners, *, workers: int = 1, pace: Pace = PLAIN_PACE, thinks: bool = False
) -> AsyncIterator[Running]:
    """Run the service with its embedded servers, as `orderwright serve --workers` does. `thinks`:
    with rules, counted stock and checks."""
    port, secret = free_port(), secrets.token_urlsafe(24)
    file = configure(home, world, port, secret, pace, thinks=thinks)
    arguments = ["service.cli", "serve", "--config", str(file), "--workers", str(workers)]
    async with started(arguments, home / "side.log") as process:
        await answers(f"http://127.0.0.1:{port}/readyz", process)
        if thinks:
            await brain.teach(home)
        pids = {"process": process.pid}
        yield Running(f"http://127.0.0.1:{port}/hooks/{SHOP}", secret, pids, process)


async def measure(
    side: Side, home: Path, orders: int, *, rate: float = 0.0, warm_up: int = WARM_UP_ORDERS
) -> Figures:
    """Run one side on fresh servers: warm it up, load it, and count the cost of one order."""
    home.mkdir(mode=0o711)  # noqa: ASYNC240 — nothing else runs yet
    async with partners(home, secrets.token_urlsafe(24)) as world:
        async with side(home, world) as running:
            pids = {**running.pids, "partners": world.pid}

            async def load(count: int, first: int, rate: float = 0.0) -> Sent:
                target = Target(running.url, running.secret, running.process)
                least = running.least
                return await send(home, world, target, count, first=first, rate=rate, least=least)

            await load(warm_up, 1)
            before, seen_before = cpu_by_role(pids), await seen_by(world)
            sent = await load(orders, 1 + warm_up, rate)
            await asyncio.sleep(0.2)  # the last order's last commit
            after, seen_after = cpu_by_role(pids), await seen_by(world)
        per_order = {name: (seen_after[name] - seen_before[name]) / orders for name in seen_after}
        if running.counted:
            per_order.update(await _kept(home, orders + warm_up))
    used = {role: after[role] - before.get(role, 0.0) for role in after if role != "servers"}
    used["storefront"] = sent.cpu_seconds
    return Figures(
        orders_per_second=round(sent.orders_per_second, 1),
        webhook_ms=sent.webhook_ms,
        cpu_ms={role: round(seconds * 1000 / orders, 3) for role, seconds in used.items()},
        per_order={name: round(count, 3) for name, count in per_order.items()},
    )


async def _kept(home: Path, orders: int) -> dict[str, float]:
    """Return the rows in the tables and the messages in the stream, per order."""
    async with embedded_servers(home / "data", channels=(SHOP,)) as servers:
        found = await _rows(servers)
        client = await nats.connect(servers.nats_url)
        # The product has a stream for each channel, the bare loop one.
        streams = [
            one.state
            for one in await client.jetstream().streams_info()
            if one.config.name != JOURNAL
        ]
        await client.close()
    found["publish"] = sum(one.last_seq for one in streams)
    found["left in the stream"] = sum(one.messages for one in streams)
    return {name: count / orders for name, count in found.items()}


async def _rows(servers: EmbeddedServers) -> dict[str, float]:
    """Return the rows of every table, and the bytes of what they hold; see `unlike`."""
    connection = await asyncpg.connect(servers.postgres_dsn)
    try:
        found: dict[str, float] = {}
        for table, columns in await connection.fetch(TABLES):
            found[table] = await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608 — names of tables that exist
            for column in columns:
                told = await connection.fetchval(f"SELECT sum(octet_length({column})) FROM {table}")  # noqa: S608 — as above
                found[f"bytes of {table}.{column}"] = float(told or 0)
        found["closed"] = await connection.fetchval("SELECT count(*) FROM orders WHERE final")
        found["synced writes of Postgres"] = await connection.fetchval(WAL_SYNCS)
        return found
    finally:
        await connection.close()


def disagreements(figures: Figures) -> list[str]:
    """Return a sentence for each count that differs from the table of calls."""
    wanted = {call.name: call.count for call in CALLS if call.kind == "rows"}
    wanted |= {"publish": count_of("publish"), "requests": count_of("http out")}
    wanted |= {"mail": count_of("mail"), "callbacks": 1, "closed": 1, "duplicates": 0}
    # Tokens, a repeated timer and the bench's own requests are less than one in fifty.
    return [
        f"{name}: {figures.per_order[name]:g} for each order, where the table says {count}"
        for name, count in wanted.items()
        if abs(figures.per_order[name] - count) > 0.02 * max(count, 1)
    ]


def unlike(bare: Figures, product: Figures) -> list[str]:
    """Return a sentence for each table in which an order has rows of another number or size on one
    side than on the other."""
    found = []
    for name in sorted(bare.per_order.keys() | product.per_order.keys()):
        theirs, ours = bare.per_order.get(name, 0.0), product.per_order.get(name, 0.0)
        # A table that hardly grows with orders is of the runtime, such as that of leases.
        if name in NOT_COMPARED or max(theirs, ours) < 0.5:
            continue
        # Questions about goods are asked once and remembered: little in a long run.
        if abs(theirs - ours) > 0.1 * max(theirs, ours):
            found.append(f"{name}: {theirs:g} for each order of the bare loop, {ours:g} of ours")
    return found


def median(values: list[float]) -> float:
    """Return the median, rounded for display."""
    return round(statistics.median(values), 3)

"""`python -m ops.bench.strain surge|outage`: the product beyond its ordinary load.

A surge: calm for a while, then ten times as many orders a second, more than the service can carry,
then calm again. An outage: half of what the service can carry, while a partner is away for a
minute. Every order is fulfilled in the end; the figures say how long that takes, and what the
webhooks and the memory are like meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import uvloop

from ops.bench.load import Partners, Sent, Target, partners, seen_by, send, set_fault
from ops.bench.processes import BenchFailed, resident_bytes, say
from ops.bench.sides import WARM_UP_ORDERS, Running, product

TIMES = 10
OF_CAPACITY = 0.15
"""The calm load. Ten times that is one and a half times what the service can carry."""

HALF = 0.5
PATIENCE_SECONDS = 600.0
SAMPLE_SECONDS = 0.5
AWAY_AFTER = 0.25
"""When the partner goes away, as a part of the time it is away for."""

AWAY = "carrier"


@dataclass(frozen=True, slots=True)
class Phase:
    """One load. `rate` is what was sent, `orders_per_second` what was done, from the first webhook
    to the last action; `drained_seconds` is from the last webhook's answer to that action.
    `retried` is the share of webhooks that the shop had to send again. `megabytes` is the highest
    of the service's process."""

    name: str
    orders: int
    rate: float
    orders_per_second: float
    drained_seconds: float
    webhook_ms: dict[str, float]
    retried: float
    megabytes: float


@dataclass(frozen=True, slots=True)
class Found:
    """A whole run. `duplicates` counts what a partner did twice, which is to be 0."""

    capacity_per_second: float
    phases: list[Phase]
    duplicates: float


class Load:
    """The service under one load after the other."""

    def __init__(self, home: Path, world: Partners, target: Running) -> None:
        self.world = world
        self._home = home
        self._target = target
        self._next = 1

    async def send(self, orders: int, rate: float) -> Sent:
        """Send this many orders, at this rate or as fast as possible (0)."""
        target = Target(self._target.url, self._target.secret, self._target.process)
        first, self._next = self._next, self._next + orders
        return await send(
            self._home,
            self.world,
            target,
            orders,
            first=first,
            rate=rate,
            patience_seconds=PATIENCE_SECONDS,
        )

    async def phase(self, name: str, rate: float, seconds: float) -> Phase:
        """Send at this rate for so long, and watch the memory."""
        orders = max(1, round(rate * seconds))
        say(f"{name}: {rate:.1f} orders/s for {seconds:g} s ...")
        peak = _Peak(self._target.process.pid)
        watching = asyncio.create_task(peak.watch())
        try:
            sent = await self.send(orders, rate)
        finally:
            watching.cancel()
        return Phase(
            name=name,
            orders=orders,
            rate=round(rate, 1),
            orders_per_second=round(sent.orders_per_second, 1),
            drained_seconds=round(max(0.0, sent.finished - sent.taken), 2),
            webhook_ms=sent.webhook_ms,
            retried=round(sent.retries / orders, 4),
            megabytes=round(peak.bytes / 1e6, 1),
        )


class _Peak:
    """The highest resident memory of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.bytes = 0

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self.bytes = max(self.bytes, resident_bytes(self._pid))
            await asyncio.sleep(SAMPLE_SECONDS)


@asynccontextmanager
async def loaded(home: Path, orders: int) -> AsyncIterator[tuple[Load, float]]:
    """Run the product on fresh servers; yield it warm, and the orders a second it can carry."""
    async with (
        partners(home, secrets.token_urlsafe(24)) as world,
        product(home, world) as running,
    ):
        load = Load(home, world, running)
        await load.send(WARM_UP_ORDERS, 0.0)
        say(f"Capacity: {orders} orders as fast as they are taken ...")
        capacity = (await load.send(orders, 0.0)).orders_per_second
        say(f"  {capacity:.0f} orders/s")
        yield load, capacity


async def surge(home: Path, seconds: float, orders: int) -> Found:
    """Calm, ten times that for `seconds`, calm again; the calm phases last half as long."""
    async with loaded(home, orders) as (load, capacity):
        calm = capacity * OF_CAPACITY
        phases = [
            await load.phase("before", calm, seconds / 2),
            await load.phase("surge", calm * TIMES, seconds),
            await load.phase("after", calm, seconds / 2),
        ]
        duplicates = (await seen_by(load.world))["duplicates"]
    return Found(round(capacity, 1), phases, duplicates)


async def outage(home: Path, seconds: float, orders: int) -> Found:
    """Half of the capacity, and the carrier away for `seconds` of it."""
    async with loaded(home, orders) as (load, capacity):
        rate = capacity * HALF
        before = await load.phase("before", rate, seconds / 2)
        begin = partial(_away, load.world, seconds)
        async with asyncio.TaskGroup() as group:
            group.create_task(begin())
            during = await load.phase("outage", rate, seconds * (1 + 2 * AWAY_AFTER))
        after = await load.phase("after", rate, seconds / 2)
        duplicates = (await seen_by(load.world))["duplicates"]
    return Found(round(capacity, 1), [before, during, after], duplicates)


async def _away(world: Partners, seconds: float) -> None:
    await asyncio.sleep(seconds * AWAY_AFTER)
    await set_fault(world, {"partner": AWAY, "operation": "*", "down": "close", "seconds": seconds})
    say(f"  the {AWAY} is away for {seconds:g} s")


KINDS = {"surge": surge, "outage": outage}


def told(found: Found) -> str:
    """Return the figures as text, one line a phase."""
    lines = [
        "        orders  sent/s  done/s  drained s  webhook p50 ms  p99 ms  retried  MB",
        *(
            f"{one.name:7} {one.orders:6} {one.rate:7.1f} {one.orders_per_second:7.1f}"
            f" {one.drained_seconds:10.1f} {one.webhook_ms['p50']:15.1f}"
            f" {one.webhook_ms['p99']:7.1f} {one.retried:8.2%} {one.megabytes:3.0f}"
            for one in found.phases
        ),
        f"capacity {found.capacity_per_second:g} orders/s; {found.duplicates:g} done twice",
    ]
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = argparse.ArgumentParser(prog="python -m ops.bench.strain", description=__doc__)
    add = made.add_argument
    add("kind", choices=KINDS, help="what to measure")
    add("--seconds", type=float, default=60.0, help="how long the surge or the outage lasts")
    add("--orders", type=int, default=1_500, help="orders that the capacity is measured with")
    add("--json", type=Path, default=Path("bench.json"), help="add the figures, under the kind")
    return made


def main(arguments: list[str]) -> int:
    """Measure and print; return 1 when something was done twice."""
    given = parser().parse_args(arguments)
    load_average = [round(load, 2) for load in os.getloadavg()]
    home = Path(tempfile.mkdtemp(prefix="orderwright-strain-"))
    home.chmod(0o711)
    try:
        found = uvloop.run(KINDS[given.kind](home, given.seconds, given.orders))
    except BenchFailed as failed:
        say(f"{failed} The logs are kept in {home}.")
        return 1
    shutil.rmtree(home)
    kept = json.loads(given.json.read_text("utf-8")) if given.json.exists() else {}
    kept[given.kind] = {"load_average": load_average, **asdict(found)}
    given.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(told(found))
    return 1 if found.duplicates else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

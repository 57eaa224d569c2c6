"""Runs the simulated partners and the storefront, each in its own process."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from ops.bench.processes import BenchFailed, details_from, started

LATENCY_MS = 5
SHOP = "acme-us"
POLL_SECONDS = 0.1
WEBHOOKS_AT_ONCE = 256
"""Enough that neither side runs out of webhooks while it waits for the disk."""
LEAST_PER_SECOND = 20.0
"""A slower side is given up."""

PATIENCE_SECONDS = 60.0

PACKS_AT_ONCE = ("--callbacks", "packed")
"""The warehouse's habits in the plain mix."""


@dataclass(slots=True)
class Partners:
    """The running simulators. `asked` counts the bench's own requests, which do not belong to an
    order's work."""

    url: str
    smtp_port: int
    pid: int
    callback_secret: str
    asked: int = 0


@asynccontextmanager
async def partners(
    home: Path, callback_secret: str, habits: Sequence[str] = PACKS_AT_ONCE
) -> AsyncIterator[Partners]:
    """Run every partner with a fixed latency of 5 ms. Usually parcels are delivered at once, and
    only packing is reported."""
    ready = home / "partners.json"
    ready.unlink(missing_ok=True)
    arguments = [
        "ops.simulators",
        *("--latency-ms", str(LATENCY_MS)),
        *habits,
        f"--callback-secret={callback_secret}",
        *("--ready-file", str(ready)),
    ]
    async with started(arguments, home / "partners.log") as process:
        details = await details_from(ready, process)
        yield Partners(
            str(details["http"]), int(str(details["smtp_port"])), process.pid, callback_secret
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """What the storefront did. `began` and `finished` are the times (seconds since 1970) of the
    first webhook and of the last fulfilment or mail, after which only an order's last commit is
    left; `taken` is when the last webhook was answered."""

    orders: int
    began: float
    taken: float
    finished: float
    webhook_ms: dict[str, float]
    retries: int
    cpu_seconds: float

    @property
    def orders_per_second(self) -> float:
        """Complete orders, from the first webhook to the last action for any of them."""
        return self.orders / (self.finished - self.began)


@dataclass(frozen=True, slots=True)
class Target:
    """Where webhooks go, the secret that signs them, and the process that must stay alive."""

    url: str
    secret: str
    process: asyncio.subprocess.Process


async def send(
    home: Path,
    world: Partners,
    target: Target,
    orders: int,
    *,
    first: int,
    rate: float = 0.0,
    least: float = LEAST_PER_SECOND,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Sent:
    """Send this many paid orders, and wait until each is fulfilled and its customer has a mail. A
    target that does fewer than `least` a second is given up, and so is one that needs longer than
    the patience after the last order."""
    report = Path(tempfile.mkdtemp(dir=home)) / "report.json"
    arguments = [
        "ops.simulators.storefront",
        f"--secret={target.secret}",  # it may begin with a dash
        *("--url", target.url, "--shop", f"{SHOP}.myshopify.com"),
        *("--orders", str(orders), "--first-number", str(first), "--rate", str(rate)),
        *("--concurrency", str(WEBHOOKS_AT_ONCE)),
        *("--paid-later", "0", "--cancel", "0", "--update", "0", "--duplicate", "0"),
        *("--book", world.url),  # else the shop's API makes up orders of one piece
        *("--report", str(report), "--quiet"),
    ]
    async with (
        aiohttp.ClientSession() as session,
        started(arguments, home / "storefront.log") as shop,
    ):
        ledger = _Ledger(session, world)
        await ledger.skip()
        give_up = time.monotonic() + orders / (rate or least) + patience_seconds
        while min(ledger.done.values()) < orders:
            if shop.returncode:
                raise BenchFailed(f"The storefront failed; see {home / 'storefront.log'}.")
            if time.monotonic() > give_up or target.process.returncode is not None:
                raise BenchFailed(
                    f"Of {orders} orders only these were done in time: {ledger.done}; the logs"
                    f" are in {home}."
                )
            await asyncio.sleep(POLL_SECONDS)
            await ledger.look()
        await shop.wait()
    world.asked += orders  # the storefront wrote each into the shop's book
    told = json.loads(report.read_text("utf-8"))
    return Sent(
        orders=orders,
        began=datetime.fromisoformat(told["started_at"]).timestamp(),
        taken=datetime.fromisoformat(told["finished_at"]).timestamp(),
        finished=ledger.last_at,
        webhook_ms=told["webhook_ms"],
        retries=told["retries"],
        cpu_seconds=told["cpu_seconds"],
    )


class _Ledger:
    """Counts the last two actions of an order in the partners' ledger since `skip`."""

    def __init__(self, session: aiohttp.ClientSession, world: Partners) -> None:
        self._session = session
        self._world = world
        self._after = {"fulfilment": 0, "mail": 0}
        self.done = {"fulfilment": 0, "mail": 0}
        self.last_at = 0.0

    async def skip(self) -> None:
        """Start after the existing entries."""
        last = (await _asked(self._session, self._world, "ledger/summary"))["last_seq"]
        self._after = dict.fromkeys(self._after, last)

    async def look(self) -> None:
        """Read the new entries."""
        for kind, after in self._after.items():
            query = f"ledger?kind={kind}&after={after}&limit=10000"
            entries = (await _asked(self._session, self._world, query))["entries"]
            if entries:
                self.done[kind] += len(entries)
                self._after[kind] = entries[-1]["seq"]
                at = datetime.fromisoformat(entries[-1]["at"]).timestamp()
                self.last_at = max(self.last_at, at)


async def _asked(session: aiohttp.ClientSession, world: Partners, what: str) -> dict[str, Any]:
    world.asked += 1
    async with session.get(f"{world.url}/_sim/{what}") as answer:
        found: dict[str, Any] = json.loads(await answer.read())
        return found


async def seen_by(world: Partners) -> dict[str, float]:
    """Return what the simulators counted: requests, mails, reports sent, things done twice."""
    async with aiohttp.ClientSession() as session:
        summary = await _asked(session, world, "ledger/summary")
        health = await _asked(session, world, "health")
    return {
        "requests": health["requests"] - world.asked,
        "callbacks": health["callbacks"]["attempts"],
        "mail": summary["counts"]["mail"],
        "duplicates": summary["duplicates_total"],
    }


async def set_fault(world: Partners, knobs: dict[str, object]) -> None:
    """Have a partner be slow, or away, as these knobs say (docs/simulators.md)."""
    world.asked += 1
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.url}/_sim/faults", data=json.dumps(knobs)) as answer,
    ):
        if answer.status != 200:
            raise BenchFailed(f"The simulators refused the fault: {await answer.text()}")


async def echoes_of(world: Partners, shop: str) -> int:
    """Return how many webhooks the shop itself sent, of what was done through its API."""
    async with aiohttp.ClientSession() as session:
        told = await _asked(session, world, f"shops/{shop}.myshopify.com/webhooks")
    return int(told["sent"])

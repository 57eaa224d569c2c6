"""Many open orders that wait for a parcel: time to readiness, and memory."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ops.bench.load import SHOP, Target, partners, send
from ops.bench.processes import (
    BenchFailed,
    answers,
    family,
    proportional_bytes,
    resident_bytes,
    say,
    started,
)
from ops.bench.sides import configure, free_port

IDLE_SECONDS = 15.0
TRICKLE_SECONDS = 15.0
TRICKLE_PER_SECOND = 10.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """`fill_seconds` is the time for writing the orders; memory is that of the service's process,
    and `servers_megabytes` that of the embedded servers (PSS)."""

    orders: int
    fill_seconds: float
    ready_seconds: float
    ready_megabytes: float
    idle_megabytes: float
    loaded_megabytes: float
    servers_megabytes: float


async def measure(home: Path, orders: int) -> Waiting:
    """Fill a data directory, start the service on it, and observe it for half a minute."""
    home.mkdir(mode=0o711)  # noqa: ASYNC240 — nothing else runs yet
    say(f"Writing {orders} orders that wait for their parcels ...")
    filled = (await filled_with(home, orders))["seconds"]
    async with partners(home, secrets.token_urlsafe(24)) as world:
        port, secret = free_port(), secrets.token_urlsafe(24)
        arguments = ["service.cli", "serve", "--config", str(configure(home, world, port, secret))]
        began = time.monotonic()
        async with started(arguments, home / "side.log") as process:
            await answers(f"http://127.0.0.1:{port}/readyz", process)
            ready_seconds = time.monotonic() - began
            at_ready = resident_bytes(process.pid)
            say(f"Ready after {ready_seconds:.2f} s with {at_ready / 1e6:.0f} MB.")
            await asyncio.sleep(IDLE_SECONDS)
            at_idle = resident_bytes(process.pid)
            target = Target(f"http://127.0.0.1:{port}/hooks/{SHOP}", secret, process)
            count = int(TRICKLE_PER_SECOND * TRICKLE_SECONDS)
            await send(home, world, target, count, first=1, rate=TRICKLE_PER_SECOND)
            servers = [pid for pid in family(process.pid) if pid != process.pid]
            return Waiting(
                orders=orders,
                fill_seconds=filled,
                ready_seconds=round(ready_seconds, 3),
                ready_megabytes=_megabytes(at_ready),
                idle_megabytes=_megabytes(at_idle),
                loaded_megabytes=_megabytes(resident_bytes(process.pid)),
                servers_megabytes=_megabytes(proportional_bytes(servers)),
            )


async def filled_with(home: Path, orders: int, *more: str) -> dict[str, float]:
    """Fill the data directory in a process of its own (`ops/bench/fill.py`), and return what it
    says."""
    arguments = ["ops.bench.fill", "--data", str(home / "data"), "--orders", str(orders), *more]
    async with started(arguments, home / "fill.log", output=subprocess.PIPE) as process:
        told, _ = await process.communicate()
    if process.returncode != 0:
        raise BenchFailed(f"The waiting orders could not be written; see {home / 'fill.log'}.")
    found: dict[str, float] = json.loads(told)
    return found


def _megabytes(count: int) -> float:
    return round(count / 1e6, 1)

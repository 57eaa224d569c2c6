"""`python -m ops.bench.growth`: whether many open orders, or a long history, make an order dearer.

The same data directory grows from size to size, written by real actors (`ops/bench/fill.py`). At
each size the service starts on it, and new orders are sent; CPU for one of them, the time until
`/readyz`, and memory are what is compared.
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
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from ops.bench.load import SHOP, Target, partners, send
from ops.bench.processes import (
    BenchFailed,
    answers,
    cpu_by_role,
    resident_bytes,
    say,
    started,
)
from ops.bench.sides import WARM_UP_ORDERS, configure, free_port
from ops.bench.waiting import filled_with

FLAT_WITHIN = 0.15
READY_SECONDS_WANTED, MEGABYTES_WANTED = 5.0, 400.0
FEWEST_OPEN = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """The service on one size of its tables. CPU is milliseconds for one new order, by process."""

    open: int
    closed: int
    events: int
    fill_seconds: float
    ready_seconds: float
    ready_megabytes: float
    loaded_megabytes: float
    orders_per_second: float
    cpu_ms: dict[str, float]

    @property
    def cpu_total_ms(self) -> float:
        """Service, Postgres and NATS together."""
        return sum(self.cpu_ms.values())


async def series(home: Path, sizes: Sequence[int], orders: int, *, closed: bool) -> list[Size]:
    """Measure each size, which are ascending: of open orders, or of closed ones beside a thousand
    open ones."""
    home.mkdir(mode=0o711)  # noqa: ASYNC240 — nothing else runs yet
    found: list[Size] = []
    next_number = 1
    if closed:
        await filled_with(home, FEWEST_OPEN)
        next_number += FEWEST_OPEN
    filled, sent = 0, 1
    for size in sizes:
        say(f"Growing to {size} {'closed' if closed else 'open'} orders ...")
        more = ["--first", str(next_number), *(["--closed"] if closed else [])]
        told = await filled_with(home, size - filled, *more)
        next_number += size - filled
        filled = size
        found.append(await _measure(home, told, orders, first=sent))
        sent += orders + WARM_UP_ORDERS
        say(f"  {_row(found[-1], found[0])}")
    return found


async def _measure(home: Path, told: dict[str, float], orders: int, *, first: int) -> Size:
    async with partners(home, secrets.token_urlsafe(24)) as world:
        port, secret = free_port(), secrets.token_urlsafe(24)
        file = configure(home, world, port, secret)
        began = time.monotonic()
        arguments = ["service.cli", "serve", "--config", str(file)]
        async with started(arguments, home / "side.log") as process:
            await answers(f"http://127.0.0.1:{port}/readyz", process)
            ready_seconds = time.monotonic() - began
            at_ready = resident_bytes(process.pid)
            target = Target(f"http://127.0.0.1:{port}/hooks/{SHOP}", secret, process)
            await send(home, world, target, WARM_UP_ORDERS, first=first)
            before = cpu_by_role({"process": process.pid})
            sent = await send(home, world, target, orders, first=first + WARM_UP_ORDERS)
            await asyncio.sleep(0.2)  # the last order's last commit
            after = cpu_by_role({"process": process.pid})
            loaded = resident_bytes(process.pid)
    return Size(
        open=int(told["open"]),
        closed=int(told["closed"]),
        events=int(told["events"]),
        fill_seconds=told["seconds"],
        ready_seconds=round(ready_seconds, 2),
        ready_megabytes=round(at_ready / 1e6, 1),
        loaded_megabytes=round(loaded / 1e6, 1),
        orders_per_second=round(sent.orders_per_second, 1),
        cpu_ms={
            role: round((after[role] - before.get(role, 0.0)) * 1000 / orders, 3) for role in after
        },
    )


HEAD = (
    "     open    closed     events  ready s  MB ready  MB loaded  orders/s  CPU ms  to the first"
)


def _row(size: Size, first: Size) -> str:
    grown = size.cpu_total_ms / first.cpu_total_ms
    return (
        f"{size.open:9} {size.closed:9} {size.events:10} {size.ready_seconds:8.2f}"
        f" {size.ready_megabytes:9.0f} {size.loaded_megabytes:10.0f}"
        f" {size.orders_per_second:9.1f} {size.cpu_total_ms:7.2f}  {grown:.2f}"
    )


def failings(found: Sequence[Size]) -> list[str]:
    """Return a sentence for each target that a size misses."""
    said = []
    for size in found:
        name = f"With {size.open} open and {size.closed} closed orders"
        if size.cpu_total_ms > found[0].cpu_total_ms * (1 + FLAT_WITHIN):
            said.append(f"{name} an order costs more than {FLAT_WITHIN:.0%} above the first size.")
        if size.ready_seconds > READY_SECONDS_WANTED:
            said.append(f"{name} the service needs more than {READY_SECONDS_WANTED:g} s to start.")
        if max(size.ready_megabytes, size.loaded_megabytes) > MEGABYTES_WANTED:
            said.append(f"{name} the service takes more than {MEGABYTES_WANTED:g} MB.")
    return said


def _sizes(value: str) -> list[int]:
    sizes = [int(float(size)) for size in value.split(",") if size]
    if sizes != sorted(set(sizes)) or (sizes and sizes[0] < 1):
        raise argparse.ArgumentTypeError(f"{value} must be ascending counts, such as 1e3,1e4.")
    return sizes


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = argparse.ArgumentParser(prog="python -m ops.bench.growth", description=__doc__)
    add = made.add_argument
    add("--open", type=_sizes, default=[1_000, 10_000, 100_000, 1_000_000], help="open orders")
    add(
        "--closed",
        type=_sizes,
        default=[1_000, 62_500, 625_000],
        help="closed orders beside a thousand open ones; each has 16 events",
    )
    add("--orders", type=int, default=1_500, help="new orders that are measured at each size")
    add("--json", type=Path, default=Path("bench.json"), help="add the figures, as `growth`")
    add("--dir", type=Path, default=None, help="where the servers keep their data")
    return made


async def run(given: argparse.Namespace, home: Path) -> dict[str, list[Size]]:
    """Measure both series."""
    found: dict[str, list[Size]] = {}
    for name, sizes in (("open", given.open), ("closed", given.closed)):
        if sizes:
            place = home / name
            found[name] = await series(place, sizes, given.orders, closed=name == "closed")
            shutil.rmtree(place)
    return found


def main(arguments: list[str]) -> int:
    """Measure and print; return 1 when a target is missed."""
    given = parser().parse_args(arguments)
    load_average = [round(load, 2) for load in os.getloadavg()]
    home = Path(tempfile.mkdtemp(prefix="orderwright-growth-", dir=given.dir))
    home.chmod(0o711)
    try:
        found = uvloop.run(run(given, home))
    except BenchFailed as failed:
        say(f"{failed} The logs are kept in {home}.")
        return 1
    shutil.rmtree(home)
    kept = json.loads(given.json.read_text("utf-8")) if given.json.exists() else {}
    kept["growth"] = {
        "load_average": load_average,
        **{name: [asdict(size) for size in sizes] for name, sizes in found.items()},
    }
    given.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    missed = []
    for name, sizes in found.items():
        print(f"\nas {name} orders grow:\n{HEAD}")
        for size in sizes:
            print(_row(size, sizes[0]))
        missed += failings(sizes)
    for sentence in missed:
        print(sentence)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

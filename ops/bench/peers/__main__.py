"""`python -m ops.bench.peers`: the same lifecycle on the product, the bare loop, and other engines.

Each engine installs itself from its packages into a temporary folder; one that can't be installed
or started is left out, and a sentence says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import uvloop

from ops.bench import sides
from ops.bench.peers.engines import PEERS
from ops.bench.peers.packages import Skipped, install
from ops.bench.peers.plot import bars
from ops.bench.processes import BenchFailed, say

LEAST_ORDERS = 20
OURS, BARE = "Orderwright", "bare I/O loop"


@dataclass(frozen=True, slots=True)
class Entry:
    """One side: how many orders a run had, its title, and how to start it."""

    title: str
    orders: int
    side: sides.Side


@dataclass(slots=True)
class Found:
    """The runs of every side that took part, by title; and why others did not."""

    runs: dict[str, list[sides.Figures]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    load_average: list[float] = field(default_factory=list)

    def rate(self, title: str) -> float:
        """Return the median of orders a second."""
        return sides.median([run.orders_per_second for run in self.runs[title]])

    def cpu_ms(self, title: str) -> float:
        """Return the median of CPU milliseconds for one order: the side and its servers, without
        partners and storefront."""
        return sides.median(
            [
                sum(
                    spent
                    for role, spent in run.cpu_ms.items()
                    if role not in ("partners", "storefront")
                )
                for run in self.runs[title]
            ]
        )

    def as_json(self) -> dict[str, object]:
        """Return what bench.json has of it, as `peers`."""
        return {
            "load_average": self.load_average,
            "skipped": self.skipped,
            "sides": {
                title: {
                    "orders": self.orders[title],
                    "orders_per_second": self.rate(title),
                    "cpu_ms_per_order": self.cpu_ms(title),
                    "runs": [asdict(run) for run in runs],
                }
                for title, runs in self.runs.items()
            },
        }

    def table(self) -> str:
        """Return the figures as text, one line a side."""
        wide = max(map(len, self.runs))
        lines = [f"{'':<{wide}}  orders/s  ours is  CPU ms/order  p99 of a webhook"]
        for title, runs in self.runs.items():
            times = f"{self.rate(OURS) / self.rate(title):.1f} x" if OURS in self.runs else ""
            p99 = sides.median([run.webhook_ms["p99"] for run in runs])
            lines.append(
                f"{title:<{wide}}  {self.rate(title):8.1f}  {times:>7}  {self.cpu_ms(title):12.2f}"
                f"  {p99:13.1f} ms"
            )
        return "\n".join(lines)


def _outside(cpu_ms: dict[str, float]) -> float:
    return cpu_ms["partners"] + cpu_ms["storefront"]


async def entries(given: argparse.Namespace, folder: Path, found: Found) -> list[Entry]:
    """Return who takes part, after the packages were installed."""
    wanted = [
        Entry(OURS, given.orders, partial(sides.product, workers=given.workers)),
        Entry(BARE, given.orders, sides.bare),
    ]
    for name in given.peers:
        peer = PEERS[name]
        say(f"Installing the packages of {peer.title} ...")
        try:
            await install(peer.packages, folder / name)
        except Skipped as why:
            say(f"{peer.title} is skipped: {why}")
            found.skipped[peer.title] = str(why)
            continue
        orders = max(LEAST_ORDERS, round(given.orders * peer.share))
        wanted.append(Entry(peer.title, orders, peer.side(folder / name)))
    return wanted


async def run(given: argparse.Namespace, home: Path) -> Found:
    """Measure each side, one after the other, as often as asked."""
    found = Found(load_average=[round(load, 2) for load in os.getloadavg()])
    wanted = await entries(given, given.packages or home / "packages", found)
    for turn in range(1, given.rounds + 1):
        for entry in wanted:
            if entry.title not in found.skipped:
                say(f"Round {turn} of {given.rounds}: {entry.orders} orders, {entry.title} ...")
                await _measure(entry, home, found)
    return found


async def _measure(entry: Entry, home: Path, found: Found) -> None:
    """Run one side. An engine that fails is skipped, and its logs are kept."""
    place = home / f"run-{sum(map(len, found.runs.values()))}"
    warm_up = max(LEAST_ORDERS, min(sides.WARM_UP_ORDERS, entry.orders // 5))
    try:
        figures = await sides.measure(entry.side, place, entry.orders, warm_up=warm_up)
    except BenchFailed as failed:
        if entry.title in (OURS, BARE):
            raise
        kept = place.rename(home / f"failed-{len(found.skipped)}")
        say(f"{entry.title} is skipped: {failed} Its logs are in {kept}.")
        found.skipped[entry.title] = str(failed)
        return
    say(f"  {figures.orders_per_second:g} orders/s")
    found.runs.setdefault(entry.title, []).append(figures)
    found.orders[entry.title] = entry.orders
    shutil.rmtree(place)


def _names(value: str) -> list[str]:
    names = [name for name in value.split(",") if name]
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: known are {', '.join(PEERS)}.")
    return names


def parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    made = argparse.ArgumentParser(prog="python -m ops.bench.peers", description=__doc__)
    add = made.add_argument
    add("--orders", type=int, default=1_000, help="orders of a run; slow engines get a part of it")
    add("--rounds", type=int, default=1, help="runs of each side, in turn")
    add("--workers", type=int, default=1, help="processes that share the product's orders")
    add("--peers", type=_names, default=list(PEERS), help=f"some of {','.join(PEERS)}")
    add("--packages", type=Path, default=None, help="keep the engines' packages in this folder")
    add("--json", type=Path, default=Path("bench.json"), help="add the figures here, as `peers`")
    add("--plot", type=Path, default=Path("bench-peers.svg"), help="where the picture is written")
    return made


@contextmanager
def _home() -> Iterator[Path]:
    """A directory that the servers' user can traverse; kept while it holds logs of a failure."""
    home = Path(tempfile.mkdtemp(prefix="orderwright-peers-"))
    home.chmod(0o711)
    try:
        yield home
    except BaseException:
        say(f"The logs are kept in {home}.")
        raise
    shutil.rmtree(home / "packages", ignore_errors=True)
    if not list(home.iterdir()):
        home.rmdir()


def main(arguments: list[str]) -> int:
    """The command."""
    given = parser().parse_args(arguments)
    try:
        with _home() as home:
            found = uvloop.run(run(given, home))
    except BenchFailed as failed:
        say(str(failed))
        return 1
    kept = json.loads(given.json.read_text("utf-8")) if given.json.exists() else {}
    kept["peers"] = found.as_json()
    given.json.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    rates = {title: found.rate(title) for title in found.runs}
    cores = f"{os.cpu_count()} cores; servers, partners and storefront on the same machine"
    given.plot.write_text(bars("Orders a second, the same lifecycle", cores, rates), "utf-8")
    print(found.table())
    for title, why in found.skipped.items():
        print(f"{title} is skipped: {why}")
    say(f"Every figure is in {given.json}, the picture in {given.plot}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

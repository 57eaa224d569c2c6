"""The product under orders as a shop really has them: `python -m ops.bench --mix real`.

A shop's book sends about ten webhooks an order, with edits, late cancellations, split orders, two
parcels and short picks; the warehouses report each step and fetch their labels; the ERP is slow.
The bare loop has no such mix: it knows no cases. What came of every order is judged by the
partners' own ledger, as in the demo.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adapters.postgres.figures import Fate, read_fates
from adapters.postgres.pool import Pool
from ops.bench import sides
from ops.bench.load import SHOP, Partners, echoes_of, partners, seen_by, set_fault
from ops.bench.processes import BenchFailed, cpu_by_role, family, resident_bytes, started
from service.app import running
from service.app.sessions import open_reports
from service.demo.children import HABITS
from service.demo.report import Report, accepted_refs, count_up, has_ended
from service.demo.run import shelves
from service.demo.world import Pace
from service.wiring.store import seed_stock

PARTNERS = (
    *("--callbacks", "picked,packed,handed_over"),
    *("--pack-after-seconds", "1", "--hand-over-after-seconds", "1"),
    *("--warehouse-habits", '{"fetch_labels": true}'),
    *("--deliver-after-seconds", "8"),
)
"""A second for each step of the warehouse, so that edits and cancellations meet every stage."""

PACE = Pace(
    first_track_seconds=2.0,
    track_every_seconds=4.0,
    timeout_seconds=15.0,
    rate_per_second=10_000.0,
    concurrency=128,
)
SLOW_MS, SLOW_SPREAD = 400.0, 0.6
"""Mean and spread (of a lognormal distribution) of the ERP's answers."""

STOCK_EACH = 1_000_000
WARM_UP_ORDERS = 50
QUIET_SECONDS = 90.0
"""How long no order may end before those left count as lost."""

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Figures:
    """One run. `cpu_ms` is per order, by process; `cpu_ms_per_webhook` is the service's own process
    by webhooks, those of the shop and of the warehouses. The outcome's orders a second are from the
    first receipt to the last end, with the waits for warehouses and carriers."""

    orders: int
    webhooks_per_order: float
    requests_per_order: float
    cpu_ms: dict[str, float]
    cpu_ms_per_webhook: float
    megabytes: float
    outcome: Report


async def measure(home: Path, orders: int, *, rate: float, workers: int) -> Figures:
    """Run the product on fresh servers under the real mix. `rate` is orders a second, or 0 for as
    fast as they are taken."""
    home.mkdir(mode=0o711)  # noqa: ASYNC240 — nothing else runs yet
    side = partial(sides.product, workers=workers, pace=PACE)
    async with (
        partners(home, secrets.token_urlsafe(24), PARTNERS) as world,
        side(home, world) as target,
    ):
        slow: dict[str, object] = {"distribution": "lognormal", "mean": SLOW_MS}
        slow["spread"] = SLOW_SPREAD
        await set_fault(world, {"partner": "erp", "operation": "*", "latency_ms": slow})
        async with open_reports(running.read(home / "data").postgres_dsn) as pool:
            for place, skus in shelves().items():
                await seed_stock(pool, skus, STOCK_EACH, place=place)
            first = 1 + WARM_UP_ORDERS
            shop = partial(_sell, home, world, target, pool)
            await shop(range(1, 1 + WARM_UP_ORDERS), 0.0)
            pids = {**target.pids, "partners": world.pid}
            before, seen_before = cpu_by_role(pids), await seen_by(world)
            told = await shop(range(first, first + orders), rate)
            after, seen = cpu_by_role(pids), await seen_by(world)
            echoes = await echoes_of(world, SHOP)
            memory = sum(resident_bytes(pid) for pid in _own(target.process.pid))
            outcome = await count_up(pool, SHOP, told, world.url)
    used = {role: (after[role] - before.get(role, 0.0)) * 1000 / orders for role in after}
    used["storefront"] = told["cpu_seconds"] * 1000 / orders
    webhooks = (told["webhooks"] + echoes + seen["callbacks"] - seen_before["callbacks"]) / orders
    return Figures(
        orders=orders,
        webhooks_per_order=round(webhooks, 2),
        requests_per_order=round((seen["requests"] - seen_before["requests"]) / orders, 2),
        cpu_ms={role: round(spent, 3) for role, spent in used.items()},
        cpu_ms_per_webhook=round(used["process"] / webhooks, 3),
        megabytes=round(memory / 1e6, 1),
        outcome=outcome,
    )


def _own(pid: int) -> Sequence[int]:
    """The service's processes, without its servers'."""
    names = {one: Path(f"/proc/{one}/comm").read_text("utf-8").strip() for one in family(pid)}
    return [one for one, name in names.items() if name not in ("postgres", "nats-server")]


async def _sell(
    home: Path, world: Partners, target: sides.Running, pool: Pool, numbers: range, rate: float
) -> dict[str, Any]:
    """Run the shop until each of its orders is final or waits for a person. Return its report."""
    report = home / f"shop-{numbers.start}.json"
    arguments = ["ops.simulators.storefront", f"--secret={target.secret}", "--url", target.url]
    arguments += ["--shop", f"{SHOP}.myshopify.com", "--orders", str(len(numbers)), "--quiet"]
    arguments += ["--first-number", str(numbers.start), "--rate", str(rate), "--book", world.url]
    arguments += ["--concurrency", "256", "--report", str(report), "--news", *HABITS.split()]
    async with started(arguments, home / "storefront.log") as shop:
        await shop.wait()
    if shop.returncode or not report.exists():
        raise BenchFailed(f"The shop failed; see {home / 'storefront.log'}.")
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    wanted = accepted_refs(told)
    found: dict[str, Fate] = {}
    left, changed_at = -1, time.monotonic()
    while left:
        found = await read_fates(pool, SHOP, wanted)
        still = sum(not has_ended(found.get(ref)) for ref in wanted)
        if still != left:
            left, changed_at = still, time.monotonic()
        if time.monotonic() - changed_at > QUIET_SECONDS or target.process.returncode is not None:
            raise BenchFailed(
                f"{still} of {len(wanted)} orders did not end; the logs are in {home}."
            )
        await asyncio.sleep(POLL_SECONDS if still else 0.0)
    return told


def told(figures: Figures) -> str:
    """Return the figures for a person."""
    spent = ", ".join(f"{role} {ms:.2f}" for role, ms in figures.cpu_ms.items())
    found = figures.outcome
    return "\n".join(
        (
            (
                f"real mix: {figures.orders} orders, {found.orders_per_second:g} a second with the"
                " waits for warehouses and carriers"
            ),
            (
                f"  an order: {figures.webhooks_per_order:g} webhooks,"
                f" {figures.requests_per_order:g} requests at its partners"
            ),
            f"  CPU ms per order: {spent}; per webhook {figures.cpu_ms_per_webhook:.2f}",
            (
                f"  webhooks p50 {found.webhook_ms_p50:.1f} ms, p99 {found.webhook_ms_p99:.1f} ms;"
                f" shipped after {found.shipped_seconds_p50:.1f} s"
                f" (p99 {found.shipped_seconds_p99:.1f} s)"
            ),
            (
                f"  {found.closed} closed, {found.cancelled} cancelled, {found.attention} wait for"
                f" a person; {found.fulfilments} fulfilments, {found.parcels} parcels,"
                f" {found.amended} changed at a partner"
            ),
            (
                f"  {found.lost} lost, {found.duplicate_consequences} done twice,"
                f" {found.wrong} done wrong; {figures.megabytes:.0f} MB"
            ),
        )
    )

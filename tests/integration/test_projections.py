"""Counting in the background: it survives what fails, and never takes the service along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from adapters.postgres.incidents import Incidents
from adapters.postgres.pool import Pool
from service.app.clock import SystemClock
from service.app.projections import MAX_SUMS, IncidentMetrics, Projection, Refusals
from tests.appends import NOON, append, minutes
from tests.integration.http import running_edge, signed
from tests.integration.journals import Bench
from tests.integration.test_edge import HeldStream, http
from tests.integration.test_incidents import STUCK, told
from tests.waiting import eventually

__all__ = ["http"]

COUNTED = "SELECT coalesce(sum(occurrences), 0)::int FROM incident_hours"


class Counting:
    """A projection at work, its metrics, and whether the lease is held."""

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        self.refusals = Refusals()
        self.may = True
        self.projection = Projection(
            Incidents(pool, page=5),
            self.refusals,
            IncidentMetrics(self.registry),
            SystemClock(),
            lambda: self.may,
        )
        self.task = asyncio.create_task(self.projection.run(period_seconds=0.01))

    def value(self, name: str, **labels: str) -> float:
        """A metric's value."""
        return self.registry.get_sample_value(f"orderwright_incident{name}", labels) or 0.0


@pytest.fixture
async def counting(bench: Bench) -> AsyncIterator[Counting]:
    """A projection at work."""
    one = Counting(bench.pool)
    yield one
    one.task.cancel()
    with suppress(asyncio.CancelledError):
        await one.task


async def stuck(bench: Bench, first: int, count: int) -> None:
    """Orders that the ERP refused."""
    for number in range(first, first + count):
        await bench.journal.append(append(str(number), at=minutes(number)))
        await bench.journal.append(told(str(number), 1, STUCK, minute=number))


async def test_metrics_follow(bench: Bench, counting: Counting) -> None:
    """Failures are counted as they are committed; nothing is behind when all is counted."""
    await stuck(bench, 0, 12)
    await eventually(lambda: counting.value("_occurrences_total", category="erp_refused") == 12)
    await eventually(lambda: counting.value("s_open") == 1)
    await eventually(lambda: counting.value("_lag_seconds") == 0)
    counting.refusals.count("signature_invalid", "acme")
    counting.refusals.count("signature_invalid", "acme")
    name = "signature_invalid"
    await eventually(lambda: counting.value("_occurrences_total", category=name) == 2)
    # Counted again they are not new failures for whoever watches.
    await Incidents(bench.pool).forget()
    await eventually(lambda: counted(bench, 14))
    assert counting.value("_occurrences_total", category="erp_refused") == 12
    assert b"order_id" not in generate_latest(counting.registry)


async def counted(bench: Bench, count: int) -> bool:
    """Whether so many failures are in the hourly counts."""
    rows = await bench.pool.fetch(COUNTED)
    return bool(rows[0][0] == count)


async def test_only_the_holder_of_the_lease_counts(bench: Bench, counting: Counting) -> None:
    """While it isn't sure that the orders are ours, nothing is counted."""
    counting.may = False
    await stuck(bench, 0, 1)
    counting.refusals.count("signature_invalid", "acme")
    for _ in range(20):
        await bench.pool.fetch("SELECT 1")
    assert await counted(bench, 0)
    counting.may = True
    await eventually(lambda: counted(bench, 2))


async def test_it_survives_what_fails(bench: Bench, counting: Counting) -> None:
    """Connections that die and a table that is gone are counted failures; then it goes on."""
    connection = await asyncpg.connect(bench.dsn)
    await connection.execute("ALTER TABLE incident_hours RENAME TO away")
    counting.refusals.count("signature_invalid", "acme")
    await stuck(bench, 0, 3)
    await eventually(lambda: counting.value("_counting_failures_total") >= 2)
    assert counting.value("_lag_seconds") > 0
    await connection.execute("ALTER TABLE away RENAME TO incident_hours")
    for _ in range(5):
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND application_name = 'orderwright'"
        )

    async def all_counted() -> bool:
        # Not through the pool: its next call may still get one of the connections that died.
        return bool(await connection.fetchval(COUNTED) == 4)

    await eventually(all_counted)
    await connection.close()
    assert not counting.task.done()


async def test_what_the_edge_refuses_is_counted(http: object, bench: Bench) -> None:
    """A forged webhook, an unknown sender: counted by category and sender."""
    import aiohttp

    assert isinstance(http, aiohttp.ClientSession)
    refusals = Refusals()
    async with running_edge(HeldStream(), refused=refusals.count) as running:
        forged = signed(b"{}", secret="no such secret")
        for _ in range(3):
            async with http.post(f"{running.base}/hooks/acme", data=b"{}", headers=forged) as got:
                assert got.status == 401
        async with http.post(f"{running.base}/hooks/nobody", data=b"{}") as got:
            assert got.status == 404
    found = {(one.category, one.channel): one.occurrences for one in refusals.take(NOON)}
    assert found == {("signature_invalid", "acme"): 3, ("sender_unknown", "unknown"): 1}
    assert refusals.take(NOON) == []


def test_sums_are_bounded() -> None:
    """However many names there are, what waits to be written is bounded, and none is dropped."""
    refusals = Refusals()
    for number in range(MAX_SUMS + 500):
        refusals.count("too_large", str(number))
    taken = refusals.take(NOON)
    assert len(taken) == MAX_SUMS
    assert sum(one.occurrences for one in taken) == MAX_SUMS + 500
    refusals.put_back(taken)
    assert refusals.take(NOON) == taken

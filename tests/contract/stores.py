"""Each kind of journal, as the contract's tests get it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from actors.runtime.local import LocalPartner
from actors.runtime.ports import (
    Append,
    Document,
    EffectName,
    Journal,
    Loaded,
    OpenEffect,
    Outbox,
    Suspensions,
    TimerName,
    Timers,
)
from adapters.memory.journal import MemoryJournal
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.pool import Pool
from adapters.postgres.stock import StockPartner, StockRow
from adapters.postgres.suspensions import PostgresSuspensions
from adapters.postgres.timers import PostgresTimers
from schemas.order.ids import PARTITIONS, OrderId
from service.embedded.supervisor import EmbeddedServers
from tests.appends import (
    SEALING,
    id_of,
    minutes,
)
from tests.integration.journals import empty, migrated_database
from tests.integration.servers import servers

__all__ = ["dsn", "servers", "store"]

ALL = tuple(range(PARTITIONS))
LATER = minutes(60)
MAIN = "main"
"""A place whose stock is counted."""


@dataclass
class Store:
    """What a backend offers, and how to take a partition from it."""

    journal: Journal
    outbox: Outbox
    timers: Timers
    suspensions: Suspensions
    documents: Callable[[OrderId], Awaitable[list[Document]]]
    lose: Callable[[int], None]
    stock: LocalPartner
    put: Callable[[dict[str, int]], Awaitable[None]]
    """Put so many of each SKU on the shelf of MAIN."""
    free: Callable[[], Awaitable[dict[str, int]]]
    """What is left of each SKU at MAIN."""

    async def loaded(self, ref: str) -> Loaded:
        """The order as stored; fails the test when there is none."""
        found = await self.journal.load(id_of(ref))
        assert found is not None
        return found

    async def committed(self, change: Append) -> None:
        """Append and expect success."""
        assert (await self.journal.append(change)).kind == "committed"

    async def open_effects(
        self,
        lane: str,
        *,
        due_before: datetime = LATER,
        limit: int = 100,
        exclude: Sequence[EffectName] = (),
        partitions: Sequence[int] = ALL,
        sought_after_seconds: float | None = 0.0,
    ) -> list[OpenEffect]:
        """A lane's open effects, as the dispatcher gets them."""
        return await self.outbox.open_effects(
            lane,
            partitions=partitions,
            due_before=due_before,
            limit=limit,
            exclude=exclude,
            sought_after_seconds=sought_after_seconds,
        )

    async def open_numbers(self, lane: str) -> list[int]:
        """The numbers of a lane's open effects."""
        return [one.number for one in await self.open_effects(lane)]

    async def due(
        self,
        before: datetime = LATER,
        *,
        exclude: Sequence[TimerName] = (),
        partitions: Sequence[int] = ALL,
    ) -> list[tuple[str, str, datetime]]:
        """Timers that are due, as key, name and time."""
        found = await self.timers.due_timers(
            partitions=partitions, due_before=before, limit=9, exclude=exclude
        )
        return [(one.key, one.name, one.due_at) for one in found]


@pytest.fixture(scope="module")
def dsn(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A fresh journal of each kind."""
    if request.param == "memory":
        yield _in_memory()
        return
    dsn = request.getfixturevalue("dsn")
    await empty(dsn)
    pool = Pool(dsn)
    leases = Leases(pool, "test")
    await leases.acquire()
    stock = StockPartner(pool)
    journal = PostgresJournal(pool, leases, SEALING, stock)

    async def put(skus: dict[str, int]) -> None:
        await stock.seed([StockRow(place=MAIN, sku=sku, on_hand=n) for sku, n in skus.items()])

    async def free() -> dict[str, int]:
        return {row.sku: row.on_hand - row.safety - row.reserved for row in await stock.levels()}

    yield Store(
        journal,
        PostgresOutbox(pool, leases, SEALING),
        PostgresTimers(pool),
        PostgresSuspensions(pool, leases),
        journal.documents,
        lambda partition: leases.report_lost([partition]),
        stock,
        put,
        free,
    )
    await leases.release()
    await pool.close()


def _in_memory() -> Store:
    memory = MemoryJournal()

    async def put(skus: dict[str, int]) -> None:
        memory.stock.available |= {(MAIN, sku): count for sku, count in skus.items()}

    async def free() -> dict[str, int]:
        return {sku: count for (_, sku), count in memory.stock.available.items()}

    lose, stock = memory.leases.lose, memory.stock
    return Store(memory, memory, memory, memory, memory.documents, lose, stock, put, free)

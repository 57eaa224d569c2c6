"""A journal on a real Postgres, for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from service.embedded.supervisor import EmbeddedServers
from tests.appends import SEALING
from tests.integration.servers import fresh_database

DEADLINE_SECONDS = 1.0


@dataclass
class Bench:
    """A journal and what it stands on."""

    dsn: str
    pool: Pool
    leases: Leases
    journal: PostgresJournal


@asynccontextmanager
async def journal_on(
    dsn: str, on_lost: Callable[[Sequence[int]], None] = lambda lost: None
) -> AsyncIterator[Bench]:
    """A journal with its own connections and leases."""
    pool = Pool(dsn, deadline_seconds=DEADLINE_SECONDS)
    leases = Leases(pool, "test", on_lost=on_lost)
    await leases.acquire()
    try:
        yield Bench(dsn, pool, leases, PostgresJournal(pool, leases, SEALING))
    finally:
        await leases.release()
        await pool.close()


async def lock_is_waited_for(dsn: str) -> bool:
    """Whether somebody waits for a row that somebody else has written."""
    connection = await asyncpg.connect(dsn)
    try:
        query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()


async def events_read(bench: Bench, statement: str, *arguments: object) -> int:
    """How many rows of the table of events a statement reads; what it does is undone."""
    return await rows_read(bench.dsn, "events", statement, *arguments)


async def rows_read(dsn: str, table: str, statement: str, *arguments: object) -> int:
    """How many rows of a table a statement reads; what it does is undone."""
    connection = await asyncpg.connect(dsn)
    try:
        transaction = connection.transaction()
        await transaction.start()
        # A table of a test fits one page, which is read at once; a large one goes by its index.
        await connection.execute("SET LOCAL enable_seqscan = off")
        explain = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) {statement}"
        told = json.loads(await connection.fetchval(explain, *arguments))
        await transaction.rollback()
    finally:
        await connection.close()
    return sum(_rows_of(plan, table) for plan in _plans(told[0]["Plan"]))


def _plans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _plans(below)


def _rows_of(plan: dict[str, Any], table: str) -> int:
    if plan.get("Relation Name") != table:
        return 0
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return int(read * plan["Actual Loops"])


def migrated_database(servers: EmbeddedServers) -> str:
    """The DSN of a new database with our tables; for fixtures that outlive a test's event loop."""

    async def make() -> str:
        dsn = await fresh_database(servers)
        await migrate(dsn)
        return dsn

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(make())).result()


async def empty(dsn: str) -> None:
    """Delete every row: a new database for each test would cost ten times as much."""
    connection = await asyncpg.connect(dsn)
    try:
        # Switches off the trigger that protects events.
        await connection.execute("SET session_replication_role = replica")
        rows = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> $1",
            "schema_migrations",
        )
        await connection.execute("; ".join(f'DELETE FROM "{row[0]}"' for row in rows))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def tables(servers: EmbeddedServers) -> str:
    """A database with our tables, of one module's tests."""
    return migrated_database(servers)


@pytest.fixture
async def bench(tables: str) -> AsyncIterator[Bench]:
    """A journal without orders."""
    await empty(tables)
    async with journal_on(tables) as one:
        yield one

"""What an order that ended needs no more goes in time; its events stay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.retention import Retention
from service.embedded.supervisor import EmbeddedServers
from tests.appends import NOON, POST, RESERVE, append
from tests.integration.journals import Bench, journal_on
from tests.integration.servers import fresh_database

DAYS = 400.0


@pytest.fixture
async def bench(servers: EmbeddedServers) -> AsyncIterator[Bench]:
    dsn = await fresh_database(servers)
    await migrate(dsn)
    async with journal_on(dsn) as made:
        yield made


async def keep(bench: Bench, ref: str, days_ago: float, *, final: bool) -> None:
    """Store an order with one settled and one open effect, last written so many days ago."""
    at = NOON - timedelta(days=days_ago)
    await bench.journal.append(append(ref, record={1: RESERVE, 2: POST}, at=at))
    ends = append(ref, 1, settled=((1, "done"),), at=at)
    await bench.journal.append(replace(ends, row=replace(ends.row, final=final)))


async def counts(bench: Bench) -> dict[str, int]:
    """How many rows of each table there are."""
    return {
        table: (await bench.pool.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"]
        for table in ("inbox", "effects", "events")
    }


async def test_only_orders_that_ended_long_ago_let_go(bench: Bench) -> None:
    """Inputs after weeks, calls after a year; an order that waits keeps everything, and no event
    goes."""
    await keep(bench, "1", days_ago=500, final=True)
    await keep(bench, "2", days_ago=50, final=True)
    await keep(bench, "3", days_ago=1, final=True)
    await keep(bench, "4", days_ago=500, final=False)
    retention = Retention(bench.pool, batch=2)
    swept = await retention.sweep(NOON, inbox_days=35, effects_days=DAYS)
    assert (swept.inbox, swept.effects) == (4, 1)
    assert await counts(bench) == {"inbox": 4, "effects": 7, "events": 8}
    again = await retention.sweep(NOON, inbox_days=35, effects_days=DAYS)
    assert (again.inbox, again.effects) == (0, 0)
    assert await counts(bench) == {"inbox": 4, "effects": 7, "events": 8}


class Meanwhile(Pool):
    """Connections beside which an order begins again, once the first page was read."""

    def __init__(self, dsn: str, commit: Callable[[], Awaitable[None]]) -> None:
        super().__init__(dsn)
        self._commit: Callable[[], Awaitable[None]] | None = commit

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        rows = await super().fetch(sql, *arguments)
        commit, self._commit = self._commit, None
        if commit is not None:
            await commit()
        return rows


async def test_an_order_that_begins_again_keeps_what_it_took(bench: Bench) -> None:
    """A partner's late answer opens an order again between two statements of a round: what opened
    it is recognised when it comes a second time, and so are its effects."""
    await keep(bench, "1", days_ago=500, final=True)
    again = append("1", 2, inputs=("late",))

    async def open_again() -> None:
        assert (await bench.journal.append(again)).kind == "committed"

    pool = Meanwhile(bench.dsn, open_again)
    swept = await Retention(pool).sweep(NOON, inbox_days=35, effects_days=DAYS)
    assert (swept.inbox, swept.effects) == (0, 0)
    assert (await bench.journal.append(replace(again, expected_version=3))).kind == "duplicate"
    assert (await counts(bench))["effects"] == 2
    await pool.close()


async def test_what_is_sought_is_not_let_go(bench: Bench) -> None:
    """What a person skipped may be looked up after a year, also of an order that has ended."""
    at = NOON - timedelta(days=500)
    await bench.journal.append(append("1", record={1: RESERVE, 2: POST}, at=at))
    ends = append("1", 1, settled=((1, "done"), (2, "sought")), at=at)
    await bench.journal.append(replace(ends, row=replace(ends.row, final=True)))
    swept = await Retention(bench.pool).sweep(NOON, inbox_days=35, effects_days=DAYS)
    assert swept.effects == 1
    assert (await counts(bench))["effects"] == 1


async def test_a_round_is_bounded_and_the_next_goes_on(bench: Bench) -> None:
    """However many there are, one round looks at so many; at the end it begins again."""
    for number in range(5):
        await keep(bench, str(number), days_ago=100 - number, final=True)
    retention = Retention(bench.pool, batch=2)
    rounds = [
        await retention.sweep(NOON, inbox_days=35, effects_days=DAYS, most_orders=2)
        for _ in range(4)
    ]
    assert [one.inbox for one in rounds] == [4, 4, 2, 0]
    assert [one.orders for one in rounds] == [2, 2, 1, 2]

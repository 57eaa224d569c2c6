"""Views of an order that goes on while it is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import pytest

from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool, Reads
from adapters.postgres.views import Views
from schemas.messages import events as e
from tests.appends import SEALING
from tests.order_streams import Stream, split
from tests.orders import an_order

T = TypeVar("T")


class Meanwhile(Pool):
    """Connections to Postgres beside which everybody else writes: after so many statements of
    a view they commit."""

    def __init__(self, dsn: str, commit: Callable[[], Awaitable[None]], after: int) -> None:
        super().__init__(dsn, deadline_seconds=10, by_key=False)
        self._commit, self._after, self._asked = commit, after, 0
        self._reads: Reads = self

    async def at_one_moment(self, work: Callable[[Reads], Awaitable[T]]) -> T:
        async def read(reads: Reads) -> T:
            self._reads = reads
            return await work(self)

        return await super().at_one_moment(read)

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        rows = await self._reads.fetch(sql, *arguments)
        self._asked += 1
        if self._asked == self._after:
            await self._commit()
        return rows


@pytest.mark.parametrize("after", [1, 2])
@pytest.mark.parametrize("name", ["show", "timeline"])
async def test_a_view_is_of_one_moment(database: str, name: str, after: int) -> None:
    """An order that was only announced comes and is packed between two statements of a view: the
    view shows it as it was before, and no parcel of lines that it does not know."""
    await migrate(database)
    pool = Pool(database, deadline_seconds=10, by_key=False)
    leases = Leases(pool, "test")
    await leases.acquire()
    journal = PostgresJournal(pool, leases, SEALING)
    stream = Stream()
    noted = e.ReportNoted(
        rule="note-first",
        channel=stream.channel,
        ref=stream.ref,
        reference=stream.reference,
        source="test",
        topic="ORDER_CHANGE",
        words="It waits for its payment.",
        waits=True,
    )
    assert (await journal.append(stream.tell(noted))).kind == "committed"
    rest = stream.tell(*split(stream), order=an_order(ref=stream.ref))

    async def commit() -> None:
        assert (await journal.append(rest)).kind == "committed"

    beside = Meanwhile(database, commit, after)
    asked = getattr(Views(pool, SEALING), name)
    before = await asked(stream.order_id)
    assert await getattr(Views(beside, SEALING), name)(stream.order_id) == before
    assert await asked(stream.order_id) != before
    await leases.release()
    await beside.close()
    await pool.close()

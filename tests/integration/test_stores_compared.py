"""Which of the two stores was put back without the other: noticed at a start, and said."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import connect
from adapters.nats.marks import JOURNAL, Mark, Marks
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.restorations import Restorations
from service.backup.marks import OLDER, StoresCompared
from service.embedded.supervisor import EmbeddedServers
from tests.appends import NOON as DUE
from tests.appends import RESERVE, SEALING, append, id_of
from tests.fakes import NOON, JumpingClock
from tests.integration.journals import Bench, empty, journal_on, tables
from tests.integration.servers import servers

__all__ = ["servers", "tables"]


class Both(NamedTuple):
    """A journal of one order, and a NATS without marks."""

    bench: Bench
    restorations: Restorations
    marks: Marks

    def compared(self) -> StoresCompared:
        """What a start compares with."""
        return StoresCompared(self.marks, self.restorations, JumpingClock())

    async def how(self) -> str:
        """How the database was put back; "": it was not."""
        last = await self.restorations.latest()
        return last.how if last is not None else ""


@pytest.fixture
async def both(tables: str, servers: EmbeddedServers) -> AsyncIterator[Both]:
    """Two stores that have told each other."""
    await empty(tables)
    connection = await connect(servers.nats_url)
    async with journal_on(tables) as bench:
        await bench.journal.append(append("1", record={1: RESERVE}))
        made = Both(bench, Restorations(bench.pool), Marks(connection))
        compared = made.compared()
        await compared.compare()
        await compared.round()
        yield made
    await connection.jetstream.delete_stream(JOURNAL)
    await connection.close()


async def test_stores_that_agree_are_not_spoken_of(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a usual start nor one after a crash between the two marks says anything."""
    caplog.set_level(logging.WARNING)
    await both.compared().compare()
    found = await both.marks.read()
    assert found == Mark(number=1, order_id=id_of("1"), version=1)
    await both.marks.write(Mark(number=2, order_id=id_of("1"), version=1))
    await both.compared().compare()
    assert await both.how() == ""
    assert caplog.messages == []
    compared = both.compared()
    await compared.compare()
    await compared.round()
    assert await both.restorations.marked() == (3, NOON)


async def test_nothing_new_is_not_told_again(both: Both) -> None:
    """A database in which nothing happens costs the stream nothing."""
    compared = both.compared()
    await compared.compare()
    await compared.round()
    await compared.round()
    assert await both.restorations.marked() == (2, NOON)


@pytest.mark.parametrize("mark", [
    Mark(number=9, order_id=id_of("1"), version=1),
    Mark(number=1, order_id=id_of("1"), version=7),
])  # fmt: skip
async def test_an_older_database_is_noted_as_restored(both: Both, mark: Mark) -> None:
    """Streams that were told more often, or of an event that is not there: what is open is looked
    up from then on, and the next start finds both alike."""
    await both.marks.write(mark)
    compared = both.compared()
    await compared.compare()
    assert await both.how() == OLDER
    assert await both.restorations.begin(datetime.now(UTC)) == 1
    outbox = PostgresOutbox(both.bench.pool, both.bench.leases, SEALING)
    (open_effect,) = await outbox.open_effects(
        "stock", partitions=range(32), due_before=DUE, limit=9, exclude=[]
    )
    assert open_effect.attempts == 1
    await compared.round()
    await both.compared().compare()
    assert await both.restorations.begin(datetime.now(UTC)) is None


async def test_empty_streams_are_said_and_whose_turn_it_is(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """Streams that were wiped: messages are gone, and everyone is to send again."""
    caplog.set_level(logging.WARNING)
    await both.marks._jetstream.delete_stream(JOURNAL)
    compared = both.compared()
    await compared.compare()
    assert "The streams are empty" in caplog.text
    assert "Your turn" in caplog.text
    assert await both.how() == ""
    both.marks._made = False
    await compared.round()
    assert await both.restorations.marked() == (2, NOON)


async def test_older_streams_are_said(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    """Streams that were put back: messages come again, others are gone, and nothing is in doubt."""
    caplog.set_level(logging.WARNING)
    await both.restorations.mark(5, NOON)
    await both.compared().compare()
    assert "put back to a moment before" in caplog.text
    assert await both.how() == ""


async def test_streams_that_do_not_answer_are_compared_later(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    """A start goes on without the comparison, and says so."""

    class Silent:
        async def read(self) -> Mark | None:
            raise StreamUnavailable("It is away.", retry_after_seconds=1)

        async def write(self, mark: Mark) -> None:
            raise AssertionError(mark)

    caplog.set_level(logging.WARNING)
    await StoresCompared(Silent(), both.restorations, JumpingClock()).compare()
    assert "not compared now: It is away." in caplog.text
    assert await both.how() == ""

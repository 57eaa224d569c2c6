"""Who may write the journal, and what those see who read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from actors.runtime.errors import LeaseLost
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import Leases
from adapters.postgres.reader import Cursor, EventReader, StoredEvent
from adapters.postgres.replay import streams
from adapters.postgres.statements import statements
from adapters.postgres.timers import PostgresTimers
from schemas.order.ids import PARTITIONS, partition_of
from service.app.errors import OperatorError
from service.app.local import LocalSession
from service.embedded.supervisor import EmbeddedServers
from tests.appends import NOON, SEALING, append, id_of, minutes
from tests.integration.journals import (
    Bench,
    empty,
    journal_on,
    lock_is_waited_for,
    migrated_database,
)
from tests.waiting import eventually


@pytest.fixture(scope="module")
def tables(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture
async def dsn(tables: str) -> str:
    """The same, without rows."""
    await empty(tables)
    return tables


@pytest.fixture
async def bench(dsn: str) -> AsyncIterator[Bench]:
    """A journal without orders."""
    async with journal_on(dsn) as one:
        yield one


async def test_a_stale_epoch_is_refused(dsn: str) -> None:
    """A process that was replaced without knowing it writes nothing more, and is told so."""
    told: list[int] = []
    async with journal_on(dsn, on_lost=told.extend) as old, journal_on(dsn) as new:
        assert old.leases.epochs[0] + 1 == new.leases.epochs[0]
        with pytest.raises(LeaseLost):
            await old.journal.append(append("1"))
        assert told == [partition_of("1")]
        assert await new.journal.load(id_of("1")) is None
        assert (await new.journal.append(append("1"))).kind == "committed"
        await old.leases.renew()
        assert sorted(told) == list(range(PARTITIONS))
        assert not old.leases.sure
        assert new.leases.sure


async def test_the_epoch_is_compared_when_the_append_commits(bench: Bench) -> None:
    """A take-over under way when the append begins still counts: the append waits for it."""
    connection = await asyncpg.connect(bench.dsn)
    take_over = connection.transaction()
    await take_over.start()
    await connection.execute("UPDATE leases SET epoch = epoch + 1")
    attempt = asyncio.create_task(bench.journal.append(append("1")))
    await eventually(lambda: lock_is_waited_for(bench.dsn))
    await take_over.commit()
    with pytest.raises(LeaseLost):
        await attempt
    assert await connection.fetchval("SELECT count(*) FROM events") == 0
    await connection.close()


async def test_another_owner_waits_until_the_lease_ends(bench: Bench) -> None:
    """While one installation renews, another is told who holds the orders; afterwards it may."""
    other = Leases(bench.pool, "other", ttl_seconds=5)
    with pytest.raises(LeaseLost, match="test holds this installation's orders"):
        await other.acquire(wait_seconds=0)
    waiting = asyncio.create_task(other.acquire(wait_seconds=10))
    await bench.leases.release()
    await waiting
    assert other.epochs[0] == 2
    assert other.sure
    await other.release()


async def test_a_living_lease_is_renewed_and_a_dead_one_taken(bench: Bench) -> None:
    """Renewal in the background outlives the lease's time; a holder that died holds no longer."""
    await bench.leases.release()
    short = Leases(bench.pool, "short", ttl_seconds=0.3)
    await short.acquire()
    other = Leases(bench.pool, "other", ttl_seconds=5)
    with pytest.raises(LeaseLost, match="short holds"):
        await other.acquire(wait_seconds=0.6)
    await short.release()
    await bench.pool.fetch(statements()["take_leases"], "dead", 0.3, PARTITIONS)
    await other.acquire(wait_seconds=5)
    assert set(other.epochs) == set(range(PARTITIONS))
    await other.release()


async def read_all(reader: EventReader, after: Cursor) -> list[StoredEvent]:
    """Everything readable now."""
    found: list[StoredEvent] = []
    while page := await reader.read(after, limit=100):
        found += page
        after = page[-1].cursor
    return found


async def test_a_reader_misses_no_event_of_eight_writers(bench: Bench) -> None:
    """A reader that follows eight writers sees every event once, each order's in turn."""
    reader = EventReader(bench.pool)
    writers = [PostgresJournal(bench.pool, bench.leases, SEALING) for _ in range(8)]
    followed: list[StoredEvent] = []
    finished = False

    async def write(number: int) -> None:
        for version in range(60):
            changes = [append(f"{number}-{n}", version) for n in range(3)]
            await asyncio.gather(*map(writers[number].append, changes))

    async def follow() -> None:
        cursor = Cursor()
        while True:
            last_round = finished
            for event in await read_all(reader, cursor):
                assert event.cursor > cursor
                cursor = event.cursor
                followed.append(event)
            if last_round:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(*map(write, range(8)))
    finished = True
    await following
    streams_read: dict[str, list[int]] = {}
    for event in followed:
        streams_read.setdefault(event.order_id, []).append(event.version)
    assert len(streams_read) == 24
    assert all(versions == list(range(1, 61)) for versions in streams_read.values())


async def test_a_late_commit_holds_the_reader_back(bench: Bench) -> None:
    """While a writer is between its insert and its commit, nothing after it is read."""
    reader = EventReader(bench.pool)
    connection = await asyncpg.connect(bench.dsn)
    late = connection.transaction()
    await late.start()
    await connection.execute(
        "INSERT INTO events (order_id, version, type, body, at)"
        " VALUES ('late', 1, 't', '{}', now())"
    )
    await bench.journal.append(append("1"))
    assert await read_all(reader, Cursor()) == []
    await late.commit()
    await connection.close()
    assert [event.order_id for event in await read_all(reader, Cursor())] == ["late", id_of("1")]


async def test_overdue_timers_are_counted(bench: Bench) -> None:
    """Those that are due and have not fired, and no others."""
    timers = (("a", minutes(1)), ("b", minutes(2)), ("c", minutes(9)))
    await bench.journal.append(append("1", set_timers=timers))
    counted = PostgresTimers(bench.pool)
    assert await counted.overdue(NOON) == 0
    assert await counted.overdue(minutes(2)) == 2


async def test_commits_are_told(bench: Bench) -> None:
    """Whoever watches hears of each commit how many orders it held and how long it took."""
    told: list[tuple[int, float]] = []
    bench.journal.on_commit = lambda orders, seconds: told.append((orders, seconds))
    await asyncio.gather(*(bench.journal.append(append(str(n))) for n in range(20)))
    assert sum(orders for orders, _ in told) == 20
    assert len(told) < 20
    assert all(0 < seconds < 10 for _, seconds in told)


async def test_events_can_be_read_by_people(bench: Bench) -> None:
    """The view shows an event's body as JSON with the rule that decided it."""
    await bench.journal.append(append("1"))
    rows = await bench.pool.fetch("SELECT type, body ->> 'rule' FROM events_readable")
    assert [tuple(row) for row in rows] == [("order.placed.v1", "place")]


async def test_every_stream_can_be_replayed(bench: Bench) -> None:
    """The walk yields each order once, with its state and all its events up to that version."""
    refs = [str(n) for n in range(450)]
    await asyncio.gather(*(bench.journal.append(append(ref, count=2)) for ref in refs))
    found = [stream async for stream in streams(bench.pool)]
    assert [stream.order_id for stream in found] == sorted(map(id_of, refs))
    assert all(
        stream.version == len(stream.events) == 2 and stream.state == b"state 2" for stream in found
    )


async def test_a_state_that_its_events_do_not_give_is_found(bench: Bench) -> None:
    """`orders replay --verify` compares: what was stored here is not a state, and is named."""
    await bench.journal.append(append("1"))
    verified = await LocalSession(bench.pool, "", Path(), SEALING).verify(lambda orders: None)
    assert (verified.orders, verified.events) == (1, 1)
    assert verified.different == (id_of("1"),)


async def test_an_event_that_no_one_can_read_is_named(bench: Bench) -> None:
    """The replay says in a sentence whose event it is, not where it raised."""
    await bench.journal.append(append("1"))
    await bench.pool.fetch(
        "INSERT INTO events (order_id, version, type, body, at) VALUES ($1, 2, 'x', $2, now())",
        id_of("1"),
        b'{"type":"order.of_the_future.v9"}',
    )
    await bench.pool.fetch("UPDATE orders SET version = 2")
    with pytest.raises(OperatorError, match=f"order {id_of('1')} can't be read"):
        await LocalSession(bench.pool, "", Path(), SEALING).verify(lambda orders: None)

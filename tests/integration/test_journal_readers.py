"""Who may write the journal, and what those see who read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from actors.runtime.errors import LeaseLost
from actors.runtime.ports import EffectNote
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.leases import ALL, JOBS, Leases
from adapters.postgres.outbox import PostgresOutbox
from adapters.postgres.reader import Cursor, EventReader, StoredEvent
from adapters.postgres.replay import streams
from adapters.postgres.statements import statements
from adapters.postgres.timers import PostgresTimers
from schemas.order.ids import PARTITIONS, partition_of
from schemas.order.things import ORDER
from service.embedded.supervisor import EmbeddedServers
from tests.appends import NOON, RESERVE, SEALING, append, id_of, minutes
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
    await bench.pool.fetch(statements()["take_leases"], "dead", 0.3, list(ALL))
    await other.acquire(wait_seconds=5)
    assert set(other.epochs) == set(range(PARTITIONS))
    await other.release()


async def test_two_processes_share_the_partitions(bench: Bench) -> None:
    """Each writes the orders of its own; what one gives up another takes, with a new epoch."""
    await bench.leases.release(range(8))
    other = Leases(bench.pool, "other")
    assert not await other.take(range(9)), "one of them is held"
    assert await other.take(range(8))
    assert sorted(other.epochs) == list(range(8))
    assert sorted(bench.leases.epochs) == list(range(8, PARTITIONS))
    theirs = PostgresJournal(bench.pool, other, SEALING)
    mine = next(str(n) for n in range(99) if partition_of(str(n)) >= 8)
    not_mine = next(str(n) for n in range(99) if partition_of(str(n)) < 8)
    assert (await bench.journal.append(append(mine))).kind == "committed"
    assert (await theirs.append(append(not_mine))).kind == "committed"
    for journal, ref in ((bench.journal, not_mine), (theirs, mine)):
        with pytest.raises(LeaseLost):
            await journal.append(append(ref, 1))
    await other.release()
    assert await bench.leases.take(range(8))
    assert bench.leases.epoch_of(0) == 3
    assert (await bench.journal.append(append(not_mine, 1))).kind == "committed"


async def test_who_loses_some_partitions_keeps_the_others(dsn: str) -> None:
    """Only those are told as lost, at the first write or renewal, and the rest goes on."""
    told: list[int] = []
    async with journal_on(dsn, on_lost=told.extend) as old:
        await old.pool.fetch("UPDATE leases SET owner = 'other', epoch = 9 WHERE partition < 4")
        lost = next(str(n) for n in range(99) if partition_of(str(n)) < 4)
        kept = next(str(n) for n in range(99) if partition_of(str(n)) >= 4)
        with pytest.raises(LeaseLost):
            await old.journal.append(append(lost))
        assert (await old.journal.append(append(kept))).kind == "committed"
        await eventually(lambda: sorted(told) == [0, 1, 2, 3])
        with pytest.raises(LeaseLost):
            old.leases.epoch_of(0)
        assert old.leases.epoch_of(4) == 1


async def test_a_note_tells_of_a_lost_partition_too(dsn: str) -> None:
    """A process that only calls partners learns that it was replaced."""
    told: list[int] = []
    async with journal_on(dsn, on_lost=told.extend) as old:
        await old.journal.append(append("1", record={1: RESERVE}))
        await old.pool.fetch("UPDATE leases SET owner = 'other', epoch = 9")
        note = EffectNote(order_id=id_of("1"), number=1, attempts=1, due_at=NOON, error="")
        with pytest.raises(LeaseLost):
            await PostgresOutbox(old.pool, old.leases, SEALING).note(note)
        assert partition_of("1") in told


async def test_jobs_that_run_once_have_a_lease_of_their_own(bench: Bench) -> None:
    """It is no one's partition: whoever holds it does the jobs, and when he is gone another one
    does, with a new epoch."""
    first, second = Leases(bench.pool, "first"), Leases(bench.pool, "second")
    assert await first.take([JOBS])
    assert not await second.take([JOBS])
    waiting = asyncio.create_task(second.hold([JOBS], every_seconds=0.01))
    await first.release()
    await eventually(lambda: second.sure)
    assert second.epoch_of(JOBS) == 2
    waiting.cancel()
    await second.release()
    assert len(bench.leases.epochs) == PARTITIONS


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
    timers = tuple((ORDER, name, minutes(n)) for name, n in (("a", 1), ("b", 2), ("c", 9)))
    await bench.journal.append(append("1", set_timers=timers))
    counted = PostgresTimers(bench.pool)
    assert await counted.overdue(NOON, ALL) == 0
    assert await counted.overdue(minutes(2), ALL) == 2
    assert await counted.overdue(minutes(2), []) == 0


async def test_commits_are_told(bench: Bench) -> None:
    """Whoever watches hears of each commit how many orders it held and how long it took."""
    told: list[tuple[int, float]] = []
    journal = PostgresJournal(
        bench.pool,
        bench.leases,
        SEALING,
        on_commit=lambda orders, seconds: told.append((orders, seconds)),
    )
    await asyncio.gather(*(journal.append(append(str(n))) for n in range(20)))
    assert sum(orders for orders, _ in told) == 20
    assert len(told) < 20
    assert all(0 < seconds < 10 for _, seconds in told)


async def test_events_can_be_read_by_people(bench: Bench) -> None:
    """The view shows an event's body as JSON with the rule that decided it."""
    await bench.journal.append(append("1"))
    rows = await bench.pool.fetch("SELECT type, body ->> 'rule' FROM events_readable")
    assert [tuple(row) for row in rows] == [("order.placed.v2", "place")]


async def test_every_stream_can_be_replayed(bench: Bench) -> None:
    """The walk yields each order once, with its state and all its events up to that version."""
    refs = [str(n) for n in range(450)]
    await asyncio.gather(*(bench.journal.append(append(ref, count=2)) for ref in refs))
    found = [stream async for stream in streams(bench.pool)]
    assert [stream.order_id for stream in found] == sorted(map(id_of, refs))
    assert all(
        stream.version == len(stream.events) == 2 and stream.state == b"state 2" for stream in found
    )

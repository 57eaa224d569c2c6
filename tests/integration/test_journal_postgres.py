"""The journal against a Postgres that is killed, restarted, frozen and taken over under it."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from itertools import count

import asyncpg
import psutil
import pytest

from actors.runtime.errors import AppendRefused, JournalUnavailable
from actors.runtime.ports import Append
from adapters.postgres.columns import append_columns
from adapters.postgres.journal import PostgresJournal
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse, statements
from service.embedded.supervisor import EmbeddedServers
from tests.appends import SEALING, append, id_of
from tests.integration.journals import (
    DEADLINE_SECONDS,
    Bench,
    empty,
    journal_on,
    lock_is_waited_for,
    migrated_database,
)
from tests.integration.servers import servers_in_a_thread, temporary_home
from tests.waiting import eventually


@pytest.fixture(scope="module")
def own() -> Iterator[EmbeddedServers]:
    """Servers of this module alone, for they are treated badly."""
    with temporary_home() as home, servers_in_a_thread(home / "data") as running:
        yield running


@pytest.fixture(scope="module")
def dsn(own: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(own)


@pytest.fixture
async def bench(dsn: str) -> AsyncIterator[Bench]:
    """A journal without orders."""
    await empty(dsn)
    async with journal_on(dsn) as one:
        yield one


class Load:
    """Orders appended without end by patient writers: what stays unknown is repeated."""

    def __init__(self, journal: PostgresJournal, writers: int = 30) -> None:
        self.acknowledged: dict[str, int] = {}
        self.total = 0
        self.unavailable = 0
        self._journal = journal
        self._stop = False
        self._tasks = [asyncio.create_task(self._write(f"load-{n}")) for n in range(writers)]

    async def more(self, appends: int) -> None:
        """Wait until so many more appends are acknowledged."""
        goal = self.total + appends
        await eventually(lambda: self.total >= goal, 20)

    async def finish(self) -> None:
        """Let every writer end its append; raises what a writer raised."""
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def _write(self, ref: str) -> None:
        for version in count():
            if self._stop:
                return
            await self._repeat(ref, version)
            self.acknowledged[ref] = version + 1
            self.total += 1

    async def _repeat(self, ref: str, version: int) -> None:
        while True:
            try:
                outcome = await self._journal.append(append(ref, version))
            except JournalUnavailable:
                self.unavailable += 1
                continue
            # A conflict would be a stranger's event in an order that only this writer writes.
            assert outcome.kind in ("committed", "duplicate")
            return


async def check_nothing_lost(load: Load, dsn: str) -> None:
    """Every acknowledged append is there, once, and nothing besides."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT ref, version, (SELECT count(*) FROM events e WHERE e.order_id = o.order_id),"
        " (SELECT count(*) FROM inbox i WHERE i.order_id = o.order_id) FROM orders o"
    )
    await connection.close()
    assert {row[0]: tuple(row[1:]) for row in rows} == {
        ref: (version,) * 3 for ref, version in load.acknowledged.items()
    }


def kill_a_backend(own: EmbeddedServers) -> psutil.Process:
    """SIGKILL one of the journal's connections; Postgres then restarts all of them."""
    backends = [
        child
        for child in psutil.Process(own.postgres.pid).children()
        if "test_" in " ".join(child.cmdline())
    ]
    backends[0].kill()
    return backends[0]


def kill_the_server(own: EmbeddedServers) -> psutil.Process:
    """SIGKILL the postmaster; its supervisor starts it again."""
    postmaster = psutil.Process(own.postgres.pid)
    postmaster.kill()
    return postmaster


def shut_the_server_down(own: EmbeddedServers) -> psutil.Process:
    """A fast shutdown as an operator does it; its supervisor starts it again."""
    postmaster = psutil.Process(own.postgres.pid)
    postmaster.send_signal(signal.SIGINT)
    return postmaster


@pytest.mark.parametrize("hurt", [kill_a_backend, kill_the_server, shut_the_server_down])
async def test_no_acknowledged_append_is_lost(
    own: EmbeddedServers, bench: Bench, hurt: Callable[[EmbeddedServers], psutil.Process]
) -> None:
    """Whatever dies in the middle of the load, it resumes by itself and every ack was true."""
    load = Load(bench.journal)
    await load.more(300)
    victim = hurt(own)
    await eventually(lambda: not victim.is_running())
    await load.more(300)
    await load.finish()
    await check_nothing_lost(load, bench.dsn)


async def test_a_severed_connection_hurts_its_own_batch_only(bench: Bench) -> None:
    """A terminated session is replaced at once; the appends it carried are repeated."""
    load = Load(bench.journal)
    await load.more(100)
    async with AsyncExitStack() as stack:
        connection = await asyncpg.connect(bench.dsn)
        stack.push_async_callback(connection.close)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await load.more(100)
    await load.finish()
    assert load.unavailable <= 30
    await check_nothing_lost(load, bench.dsn)


@pytest.mark.parametrize("events", [1, 0])
async def test_a_repeat_that_meets_its_own_earlier_attempt_is_a_duplicate(
    bench: Bench, events: int
) -> None:
    """An attempt given up in time may still commit while its repeat waits behind it."""
    await bench.journal.append(append("1"))
    change = append("1", 1, count=events)
    connection = await asyncpg.connect(bench.dsn)
    abandoned = connection.transaction()
    await abandoned.start()
    columns = append_columns([change], bench.leases.epochs, SEALING)
    await connection.fetch(statements()["append"], *columns)
    repeat = asyncio.create_task(bench.journal.append(change))
    await eventually(lambda: lock_is_waited_for(bench.dsn))
    await abandoned.commit()
    await connection.close()
    assert (await repeat).kind == "duplicate"


async def stored(bench: Bench, change: Append) -> bool:
    """Whether it is stored; its session may just have been ended."""
    with suppress(JournalUnavailable):
        return (await bench.journal.append(change)).kind in {"committed", "duplicate"}
    return False


async def test_a_deadlock_leaves_no_trace_and_its_repeat_is_stored_once(bench: Bench) -> None:
    """Postgres ends the append of two that wait for each other: it is told as unavailable, which
    the runtime repeats, and the connection goes on."""
    other = await asyncpg.connect(bench.dsn)
    database = await other.fetchval("SELECT quote_ident(current_database())")
    change = append("1", 1)
    try:
        # The append's session looks for a deadlock sooner, so that it is the one that is ended.
        await other.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '50ms'")
        await other.execute("SET deadlock_timeout = '10min'")
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await eventually(lambda: stored(bench, append("1")))
        holding = other.transaction()
        await holding.start()
        await other.execute("SELECT FROM orders WHERE order_id = $1 FOR UPDATE", id_of("1"))
        told = asyncio.create_task(bench.journal.append(change))
        await eventually(lambda: lock_is_waited_for(bench.dsn))
        crossing = asyncio.create_task(other.execute("UPDATE leases SET epoch = epoch"))
        with pytest.raises(JournalUnavailable, match="DeadlockDetectedError"):
            await told
        await crossing
        await holding.rollback()
    finally:
        await other.execute(f"ALTER DATABASE {database} RESET deadlock_timeout")
        await other.close()
    assert (await bench.journal.append(change)).kind == "committed"
    assert (await bench.journal.append(change)).kind == "duplicate"


@contextmanager
def frozen(own: EmbeddedServers) -> Iterator[None]:
    """Every process of the server stands still: it takes connections and answers none."""
    postmaster = psutil.Process(own.postgres.pid)
    postmaster.suspend()
    children = postmaster.children()
    for child in children:
        child.suspend()
    try:
        yield
    finally:
        for child in children:
            child.resume()
        postmaster.resume()


async def test_a_frozen_server_is_given_up_in_time(own: EmbeddedServers, bench: Bench) -> None:
    """Every call ends at its deadline; a repeat after the thaw is harmless."""
    await bench.journal.append(append("warm"))
    loop = asyncio.get_running_loop()
    changes = [append(str(n)) for n in range(20)]
    with frozen(own):
        began = loop.time()
        early = [asyncio.create_task(bench.journal.append(change)) for change in changes[:10]]
        await asyncio.sleep(0)
        late = [asyncio.create_task(bench.journal.append(change)) for change in changes[10:]]
        load = bench.journal.load(id_of("warm"))
        answers = await asyncio.gather(*early, *late, load, return_exceptions=True)
        took_seconds = loop.time() - began
        assert [type(answer) for answer in answers] == [JournalUnavailable] * 21
        assert DEADLINE_SECONDS <= took_seconds < 1.5 * DEADLINE_SECONDS
    outcomes = await asyncio.gather(*map(bench.journal.append, changes))
    assert {outcome.kind for outcome in outcomes} <= {"committed", "duplicate"}


async def test_a_server_that_only_reads_is_not_written(bench: Bench) -> None:
    """After a failover our old connections may lead to a standby: they and it are refused."""
    await bench.journal.append(append("1"))
    connection = await asyncpg.connect(bench.dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await bench.pool.run(lambda old: old.execute("SET default_transaction_read_only = on"))
    for _ in range(2):
        with pytest.raises(JournalUnavailable):
            await bench.journal.append(append("1", 1))
    await connection.execute("SET default_transaction_read_only = off")
    await connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    await connection.close()
    assert (await bench.journal.append(append("1", 1))).kind == "committed"


async def test_an_event_number_that_is_taken_concerns_its_order_only(bench: Bench) -> None:
    """A damaged order (an event beyond its version) can't fail the commit of the others."""
    await bench.pool.fetch(
        "INSERT INTO events (order_id, version, type, body, at) VALUES ($1, 1, 't', '{}', now())",
        id_of("7"),
    )
    changes = [append(str(n)) for n in range(20)]
    answers = await asyncio.gather(*map(bench.journal.append, changes), return_exceptions=True)
    assert isinstance(answers.pop(7), AppendRefused)
    assert not any(isinstance(answer, BaseException) for answer in answers)


async def test_a_task_that_leaves_does_not_stop_the_others(bench: Bench) -> None:
    """Cancelling one append's caller leaves its batch alone; the journal goes on afterwards."""
    tasks = [asyncio.create_task(bench.journal.append(append(str(n)))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["CancelledError"] + ["Outcome"] * 9
    assert (await bench.journal.append(append("later"))).kind == "committed"


@pytest.mark.parametrize(
    "change", ["UPDATE events SET type = 'x'", "DELETE FROM events", "TRUNCATE events"]
)
async def test_events_are_never_changed(bench: Bench, change: str) -> None:
    """Not even a person at the database's own prompt edits what was decided."""
    await bench.journal.append(append("1"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="record a new event instead"):
        await bench.pool.fetch(change)


async def plan_of(bench: Bench, sql: str) -> str:
    """The plan that serves every call of the statement, whatever its arguments."""

    async def explain(connection: asyncpg.Connection[asyncpg.Record]) -> list[asyncpg.Record]:
        arguments = len((await connection.prepare(sql)).get_parameters())
        nulls = f"({', '.join(['NULL'] * arguments)})" if arguments else ""
        await connection.execute(f"PREPARE explained AS {sql}")
        rows = await connection.fetch(f"EXPLAIN EXECUTE explained {nulls}")
        await connection.execute("DEALLOCATE explained")
        return rows

    return "\n".join(row[0] for row in await bench.pool.run(explain))


async def test_no_statement_scans_an_index(bench: Bench) -> None:
    """A body is looked up by its order, never all bodies of a name: on an empty table both look the
    same, and the plan is kept when it has grown."""
    found = {
        name: re.findall(r"Index Cond: \(\(?name = .*", await plan_of(bench, sql))
        for name, sql in statements().items()
    }
    assert found == {name: [] for name in found}


async def test_no_statement_scans_a_table(bench: Bench) -> None:
    """Every plan goes by an index, whatever the planner believes about a table's size."""
    scans = {
        # The leases are one page, and so are those who hold them.
        name: [
            table
            for table in re.findall(r"Seq Scan on (\w+)", await plan_of(bench, sql))
            if table not in ("leases", "members")
        ]
        for name, sql in statements().items()
    }
    assert scans == {name: [] for name in scans}


async def test_an_append_that_reserves_nothing_waits_as_long_as_ever(bench: Bench) -> None:
    """The short wait for stock that somebody holds is set by the first row that is asked for: a
    filter that is looked at once would set it for every append."""
    assert "One-Time Filter" not in await plan_of(bench, statements()["append"])


def test_statements_have_names_of_their_own() -> None:
    """A name used twice would silently replace a statement."""
    assert parse("-- name: a\nSELECT 1;\n-- name: b\nSELECT 2;\n") == {
        "a": "SELECT 1",
        "b": "SELECT 2",
    }
    with pytest.raises(ValueError, match="Two statements are named a"):
        parse("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n")


class CutWhileConnecting(Pool):
    """The server ends as it is asked for the first time: the driver calls that its own fault."""

    cut = 0

    async def _connect(self) -> asyncpg.Connection:
        self.cut += 1
        if self.cut == 1:
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2)")
        return await super()._connect()


async def test_a_server_that_ends_while_we_connect_is_waited_for(dsn: str) -> None:
    """Nothing was asked yet, so the connection is tried again, and no one hears of it."""
    pool = CutWhileConnecting(dsn, deadline_seconds=DEADLINE_SECONDS)
    try:
        assert [row["one"] for row in await pool.fetch("SELECT 1 AS one")] == [1]
        assert pool.cut == 2
    finally:
        await pool.close()

"""Power loss: what was acknowledged is on the disk, not only in the kernel's memory.

kill -9 alone shows nothing about this, for the kernel keeps what a killed process wrote. Each
server is also run with its durability turned off, and must then lose messages: so the trial is
known to be able to fail.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.js.api import StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from service.embedded import nats as embedded_nats
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from service.embedded.nats_config import NatsPlan, configuration
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.proc import running_in
from tests.integration.power import Disk, why_impossible
from tests.integration.servers import temporary_home
from tests.waiting import eventually

ENOUGH = 300  # acknowledged writes before the power goes
WRITERS = 16


@pytest.fixture
def disk() -> Iterator[Disk]:
    reason = why_impossible()
    if reason is not None:
        pytest.skip(f"Power loss can't be tried on this machine: {reason}.")
    with temporary_home() as home:
        yield Disk(home)


@asynccontextmanager
async def _jetstream(place: Path) -> AsyncIterator[JetStreamContext]:
    with DataDirectory(place / "data") as data:
        server = EmbeddedNats(data)
        try:
            client = await nats.connect((await server.start()).url)
            yield client.jetstream(timeout=30)
            await client.close()
        finally:
            await server.stop()


@asynccontextmanager
async def _postgres(place: Path, settings: dict[str, str]) -> AsyncIterator[asyncpg.Pool]:
    with DataDirectory(place / "data") as data:
        server = EmbeddedPostgres(data, settings=settings)
        try:
            dsn = await server.start()
            async with asyncpg.create_pool(dsn, min_size=WRITERS, max_size=WRITERS) as pool:
                yield pool
        finally:
            await server.stop()


async def _until_the_cut(
    disk: Disk, write: Callable[[str], Awaitable[object]], writers: Callable[[], list[int]]
) -> tuple[set[str], Disk]:
    """Write names from many tasks and cut the power amid that; those acknowledged, and the disk."""
    acknowledged: list[str] = []
    over = False

    async def keep_writing(number: int) -> None:
        for count in itertools.count():
            if over:
                return
            name = f"{number}-{count}"
            await write(name)
            acknowledged.append(name)

    async with asyncio.TaskGroup() as group:
        for number in range(WRITERS):
            group.create_task(keep_writing(number))
        try:
            await eventually(lambda: len(acknowledged) >= ENOUGH, timeout_seconds=20)
            known = set(acknowledged)
            after = disk.cut_power(writers())
        finally:
            over = True
    return known, after


async def _jetstream_trial(disk: Disk) -> tuple[set[str], set[str]]:
    """The messages acknowledged before the power went, and those found afterwards."""
    with disk.mounted() as place:
        async with _jetstream(place) as jetstream:
            await jetstream.add_stream(StreamConfig(name="ORDERS", subjects=["orders.in"]))

            async def publish(name: str) -> None:
                await jetstream.publish("orders.in", name.encode())

            writers = partial(running_in, "nats-server", place / "data/nats")
            known, after = await _until_the_cut(disk, publish, writers)
    with after.mounted() as place:
        async with _jetstream(place) as jetstream:
            found = await _messages(jetstream)
    return known, found


async def _messages(jetstream: JetStreamContext) -> set[str]:
    try:
        state = (await jetstream.stream_info("ORDERS")).state
    except NotFoundError:
        return set()
    found = set()
    for sequence in range(state.first_seq, state.last_seq + 1 if state.messages else 0):
        data = (await jetstream.get_msg("ORDERS", sequence)).data
        assert data is not None
        found.add(data.decode())
    return found


async def _postgres_trial(disk: Disk, settings: dict[str, str]) -> tuple[set[str], set[str]]:
    """The rows committed before the power went, and those found afterwards."""
    with disk.mounted() as place:
        async with _postgres(place, settings) as pool:
            await pool.execute("CREATE TABLE inbox (id text PRIMARY KEY)")
            await pool.execute("CHECKPOINT")

            async def insert(name: str) -> None:
                await pool.execute("INSERT INTO inbox VALUES ($1)", name)

            writers = partial(running_in, "postgres", place / "data/postgres/cluster")
            known, after = await _until_the_cut(disk, insert, writers)
    with after.mounted() as place:
        async with _postgres(place, {}) as pool:
            found = {row["id"] for row in await pool.fetch("SELECT id FROM inbox")}
    return known, found


async def test_acknowledged_messages_outlive_the_power(disk: Disk) -> None:
    """JetStream as we run it loses none of the messages it acknowledged."""
    known, found = await _jetstream_trial(disk)
    assert len(known) >= ENOUGH
    assert known - found == set()


async def test_the_trial_sees_an_unsynced_jetstream(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the server's default of a sync every two minutes the same trial does lose messages."""

    def by_default(plan: NatsPlan) -> str:
        return configuration(plan).replace('"always"', '"2m"')

    monkeypatch.setattr(embedded_nats, "configuration", by_default)
    known, found = await _jetstream_trial(disk)
    assert len(known - found) > 0


async def test_committed_rows_outlive_the_power(disk: Disk) -> None:
    """Postgres as we run it loses none of the rows it committed."""
    known, found = await _postgres_trial(disk, {})
    assert len(known) >= ENOUGH
    assert known - found == set()


async def test_the_trial_sees_an_unsynced_postgres(disk: Disk) -> None:
    """With commits acknowledged before they are synced the same trial does lose rows."""
    lazy = {
        "synchronous_commit": "off",
        "wal_writer_delay": "'10s'",
        "wal_writer_flush_after": "'1GB'",
    }
    known, found = await _postgres_trial(disk, lazy)
    assert len(known - found) > 0

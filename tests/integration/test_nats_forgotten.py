"""Messages that a killed server keeps although it took them as acknowledged."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from adapters.nats import intake_source
from adapters.nats.connection import Connection, connect
from adapters.nats.consumers import plans
from adapters.nats.forgotten import MAX_DELETIONS, Search
from adapters.nats.intake_source import IntakeSource
from adapters.nats.streams import ORDERS
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from tests.integration.servers import temporary_home
from tests.integration.test_nats_adapter import put, settled, started_publisher, take
from tests.waiting import eventually


@asynccontextmanager
async def started(data: DataDirectory) -> AsyncIterator[tuple[Connection, IntakeSource]]:
    """A server on this directory, a connection to it, and the intake's source."""
    server = EmbeddedNats(data)
    address = await server.start()
    connection = await connect(address.url)
    source = IntakeSource(connection)
    await source.start()
    try:
        yield connection, source
    finally:
        await source.stop()
        await connection.close()
        await server.stop()


async def kept(connection: Connection) -> int:
    """How many messages the stream holds."""
    return int((await connection.jetstream.stream_info(ORDERS)).state.messages)


def replace(place: Path, saved: Path, data: DataDirectory) -> None:
    """Put saved files back, as the server's user had them."""
    shutil.rmtree(place)
    shutil.copytree(saved, place)
    if data.account is not None:
        for file in (place, *place.iterdir()):
            os.chown(file, data.account.uid, data.account.gid)


@asynccontextmanager
async def forgetful(numbers: int) -> AsyncIterator[tuple[Connection, IntakeSource]]:
    """A server that was killed after it took so many messages as acknowledged, and kept them."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        async with started(data) as (connection, source):
            publisher = await started_publisher(connection)
            for number in range(numbers):
                await put(publisher, str(number))
            files = next((home / "data").rglob(f"streams/{ORDERS}/msgs"))
            shutil.copytree(files, home / "saved")
            await take(source, numbers)
            await settled(source)
        replace(files, home / "saved", data)
        async with started(data) as both:
            yield both


async def test_one_that_always_fails_is_counted() -> None:
    """What is given back again and again is handed out with its count of deliveries, at which the
    intake puts any message in quarantine; never twice at a time."""
    async with forgetful(1) as (connection, _):
        search = Search(connection, plans([ORDERS], 64, 12.0))
        assert await search.once() == []
        for deliveries in (2, 3, 4):
            (one,) = await search.once()
            assert one.message.deliveries == deliveries
            assert await search.once() == []
            await one.nak()
        (one,) = await search.once()
        await one.ack()

        async def gone() -> bool:
            return await kept(connection) == 0

        await eventually(gone)
        assert await search.once() == []


async def test_one_that_was_processed_is_only_deleted_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A stream that refuses to delete it is asked again, whoever runs the server is told, and the
    message is not processed again."""
    async with forgetful(1) as (connection, _):
        search = Search(connection, plans([ORDERS], 64, 12.0))
        await search.once()
        (one,) = await search.once()
        settings = (await connection.jetstream.stream_info(ORDERS)).config
        await connection.jetstream.update_stream(settings.evolve(deny_delete=True))
        await one.ack()
        for _ in range(MAX_DELETIONS - 1):
            assert await search.once() == []
        assert await kept(connection) == 1
    assert "nats stream rmm ORDERS 1" in caplog.text


async def test_what_the_stream_forgot_is_handed_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server was killed when a consumer's acknowledgements were on disk and the departure of
    the messages was not: they are handed out under the same ids, and leave when acknowledged."""
    monkeypatch.setattr(intake_source, "SEARCH_EVERY_SECONDS", 0.05)
    with temporary_home() as home, DataDirectory(home / "data") as data:
        async with started(data) as (connection, source):
            publisher = await started_publisher(connection)
            for number in range(3):
                await put(publisher, str(number))
            subject = "orders.in.acme-us.place.9"  # from another service, without an id of its own
            await connection.jetstream.publish(subject, b"{}")
            files = next((home / "data").rglob(f"streams/{ORDERS}/msgs"))
            shutil.copytree(files, home / "saved")
            first = [one.message for one in await take(source, 4)]
            await settled(source)
        replace(files, home / "saved", data)
        async with started(data) as (connection, source):
            backlog = await source.backlog()
            assert (await kept(connection), backlog.waiting, backlog.unacknowledged) == (4, 0, 0)
            watching = asyncio.create_task(source.watch())
            again = [one.message for one in await take(source, 4)]
            for name in ("delivery_id", "received_at", "ref_token", "partition", "raw"):
                told = [[getattr(one, name) for one in those] for those in (first, again)]
                assert told[0] == told[1]
            assert {one.deliveries for one in again} == {2}

            async def gone() -> bool:
                return await kept(connection) == 0

            await eventually(gone)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

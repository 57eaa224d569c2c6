"""A stream that acknowledges nothing: it counts as silent for as long as it is asked."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import Connection, connect
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from adapters.nats.streams import ensure_streams
from service.app.clock import SystemClock
from service.app.disk import Disk
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from tests.integration.servers import temporary_home
from tests.waiting import eventually


async def test_silence_ends_when_no_one_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A publish that nothing acknowledges makes the stream silent, and so not ready; without
    another publish it is believed again, or a load balancer would never send one."""

    async def ignored(_: Msg) -> None:
        pass

    with temporary_home() as home, DataDirectory(home / "data") as data:
        server = EmbeddedNats(data)
        connection = await connect((await server.start()).url)
        try:
            await connection.subscribe("orders.in.>", ignored, messages=10, size=10_000)
            publisher = Publisher(connection, Seal({}), attempt_seconds=(0.1,))
            await publisher.start()
            with pytest.raises(StreamUnavailable):
                await publisher.publish(
                    "acme-us", "place", "1", b"{}", delivery_id="1", source="shopify", topic="x"
                )
            assert publisher.silent_seconds > 0.1
            monkeypatch.setattr("adapters.nats.publisher.ASKED_WITHIN_SECONDS", 0.3)
            await eventually(lambda: publisher.silent_seconds == 0.0)
        finally:
            await connection.close()
            await server.stop()


async def test_a_flood_before_ours_is_no_silence() -> None:
    """While another publisher's messages are stored the server is busy, not stuck: it is not
    restarted. One that stores nothing, or does not answer, is."""
    restarted: list[str] = []

    class Server:
        async def restart(self) -> None:
            restarted.append("again")

    with temporary_home() as home, DataDirectory(home / "data") as data:
        server = EmbeddedNats(data)
        connection = await connect((await server.start()).url)
        try:
            await ensure_streams(connection, None, ("loud",))
            publisher = Silent(connection, Seal({}), channels=("loud",))
            disk = Disk(
                None,
                publisher,
                Server(),
                SystemClock(),
                CollectorRegistry(),
                count=lambda category, channel: None,
            )
            flooding = asyncio.create_task(flood(connection))
            await disk.look()
            assert (restarted, publisher.well) == ([], True)
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
            async with asyncio.timeout(20):
                while await publisher.stores_others():
                    pass  # what was sent before the flood ended is still being stored
            publisher.well = False
            await disk.look()
            assert restarted == ["again"]
        finally:
            await connection.close()
            await server.stop()
        assert not await publisher.stores_others()


class Silent(Publisher):
    """A publisher whose own messages are not acknowledged."""

    well = False

    @property
    def silent_seconds(self) -> float:
        """Long, unless it was told otherwise."""
        return 0.0 if self.well else 10.0

    def assume_well(self) -> None:
        """Remember that."""
        self.well = True


async def flood(connection: Connection) -> None:
    """Publish as another service, until cancelled."""
    number = 0
    while True:
        number += 1
        await connection.jetstream.publish(f"orders.in.loud.place.{number}", b"{}")

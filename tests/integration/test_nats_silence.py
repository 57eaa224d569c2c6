"""A stream that acknowledges nothing: it counts as silent for as long as it is asked."""

from __future__ import annotations

import pytest
from nats.aio.msg import Msg

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import connect
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
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
        connection = await connect([(await server.start()).url])
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

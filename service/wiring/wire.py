"""The part of the composition root that opens the connection to NATS."""

from __future__ import annotations

from contextlib import AsyncExitStack

from msgspec import Struct

from adapters.nats.connection import Connection, connect
from adapters.nats.events import EventPublisher
from adapters.nats.intake_source import IntakeSource
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from service.app.servers import Servers
from service.settings import Settings
from service.wiring.channels import takes_canonical


class Wire(Struct, frozen=True, kw_only=True):
    """The connection to the streams, what publishes to them and what reads them."""

    connection: Connection
    publisher: Publisher
    messages: IntakeSource
    events: EventPublisher

    async def prepare(self, settings: Settings) -> None:
        """Make the streams of new channels, and read them. Raises NatsUnusable."""
        channels = tuple(settings.channels)
        await self.messages.use(channels, _most_of_one(settings))

    def use(self, settings: Settings) -> None:
        """Publish to them."""
        self.publisher.use(tuple(settings.channels) if self.messages.apart else ())


async def open_wire(
    settings: Settings, servers: Servers, seal: Seal, stack: AsyncExitStack
) -> Wire:
    """Connect to NATS, make the streams where they are missing, and listen."""
    connection = await connect(servers.nats_url, replicas=settings.nats_replicas)
    stack.push_async_callback(connection.close)
    limits, channels = settings.limits, tuple(settings.channels)
    messages = IntakeSource(
        connection,
        channels=channels,
        prefetch=limits.intake_batch * 4,
        most_of_one=_most_of_one(settings),
        wait_seconds=WAIT_SECONDS,
        shared=settings.workers.sharing,
    )
    await messages.start()
    # Without a channel every message is another's, and there is one stream.
    publisher = Publisher(connection, seal, channels=channels if messages.apart else ())
    await publisher.start()
    events = EventPublisher(connection, heard(settings))
    await events.start()
    return Wire(connection=connection, publisher=publisher, messages=messages, events=events)


WAIT_SECONDS = 0.25
"""How long messages of one channel may be in flight, where there are several, before fewer are let
in: a quarter of the second in which another channel's order is to be accepted."""


def _most_of_one(settings: Settings) -> int:
    """Return how many messages of one channel are in flight at most: three quarters where there are
    several, so that one channel's flood leaves room for another's; a quarter with a front process,
    where short waits matter more than the last of the throughput."""
    in_flight, quarters = settings.limits.intake_in_flight, 1 if settings.workers.front else 3
    return in_flight if len(settings.channels) < 2 else max(1, in_flight * quarters // 4)


def heard(settings: Settings) -> tuple[str, ...]:
    """Return the channels of whose orders something is published: those that take our own contract,
    and those whose facts are on."""
    return tuple(
        name
        for name, channel in settings.channels.items()
        if channel.facts or takes_canonical(channel)
    )

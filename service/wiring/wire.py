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


async def open_wire(
    settings: Settings, servers: Servers, seal: Seal, stack: AsyncExitStack
) -> Wire:
    """Connect to NATS, make the streams where they are missing, and listen."""
    connection = await connect([servers.nats_url])
    stack.push_async_callback(connection.close)
    messages = IntakeSource(connection, prefetch=settings.limits.intake_batch * 4)
    await messages.start()
    publisher = Publisher(connection, seal)
    await publisher.start()
    events = EventPublisher(connection, heard(settings))
    await events.start()
    return Wire(connection=connection, publisher=publisher, messages=messages, events=events)


def heard(settings: Settings) -> tuple[str, ...]:
    """Return the channels of whose orders something is published: those that take our own contract,
    and those whose facts are on."""
    return tuple(
        name
        for name, channel in settings.channels.items()
        if channel.facts or takes_canonical(channel)
    )

"""One channel's flood, full stream or full quarantine stops no other channel, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.runtime.errors import StreamUnavailable
from actors.runtime.mailbox import COMMITTED
from actors.runtime.ports import Message
from adapters.nats.connection import Connection
from adapters.nats.forgotten import Forgotten
from adapters.nats.intake_source import IntakeSource, Taken
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from adapters.nats.streams import StreamLimits, ensure_streams, stream_of
from adapters.postgres import quarantine_room
from adapters.postgres.quarantine import PostgresQuarantine
from schemas.contracts.refusals import JSON_MALFORMED, refused
from schemas.messages.inputs import Input
from service.app.clock import SystemClock
from service.embedded.supervisor import EmbeddedServers
from service.inbound.edge import NoStream
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from tests.appends import SEALING
from tests.integration.journals import Bench
from tests.integration.test_nats_adapter import connected
from tests.unit.test_intake import Looking, OneAnswer
from tests.waiting import eventually

LOUD, QUIET = "loud", "quiet"
FLOOD = 20_000
AT_ONCE = 300


@asynccontextmanager
async def opened(
    connection: Connection, *, most_of_one: int | None = None, max_ack_pending: int = 4096
) -> AsyncIterator[tuple[IntakeSource, Publisher]]:
    """A source and a publisher of both channels."""
    source = IntakeSource(
        connection,
        channels=(LOUD, QUIET),
        most_of_one=most_of_one,
        max_ack_pending=max_ack_pending,
    )
    await source.start()
    # A busy machine's disk may take long for a flood.
    publisher = Publisher(connection, Seal({}), channels=(LOUD, QUIET), attempt_seconds=(60.0,))
    await publisher.start()
    yield source, publisher
    await source.stop()


async def put(publisher: Publisher, channel: str, ref: str, raw: bytes = b"{}") -> None:
    """Publish an order of a channel."""
    await publisher.publish(
        channel, "place", ref, raw, delivery_id=ref, source="canonical", topic=""
    )


async def flood(publisher: Publisher, count: int) -> None:
    """Publish that many messages of the loud channel."""
    for first in range(0, count, AT_ONCE):
        refs = [str(number) for number in range(first, min(first + AT_ONCE, count))]
        await asyncio.gather(*[put(publisher, LOUD, ref) for ref in refs])


async def test_a_quiet_channel_s_order_overtakes_a_flood(servers: EmbeddedServers) -> None:
    """An order that comes behind 20,000 messages of another channel is handed out long before
    those, and each channel's own come in their order."""
    async with connected(servers.nats_url) as connection, opened(connection) as (source, publisher):
        await flood(publisher, FLOOD)
        await put(publisher, QUIET, "the quiet one")
        channels: list[str] = []
        refs: list[str] = []
        while QUIET not in channels:
            for delivery in await source.next_batch(100):
                channels.append(delivery.message.channel)
                refs.append(delivery.message.delivery_id)
                await delivery.ack()
        # What was fetched before it came goes before it.
        assert channels.index(QUIET) < FLOOD / 20
        loud = [ref for ref, channel in zip(refs, channels, strict=True) if channel == LOUD]
        assert loud == [f"{LOUD}/place/{number}" for number in range(len(loud))]
        backlog = await source.backlog()
        assert backlog.waiting + backlog.unacknowledged > FLOOD - 2_000


async def test_what_is_in_flight_of_one_channel_leaves_room(servers: EmbeddedServers) -> None:
    """With the loud channel at its share of what may be in flight, the quiet one's is handed out;
    the loud one goes on when something of it has ended."""
    async with (
        connected(servers.nats_url) as connection,
        opened(connection, most_of_one=3) as (source, publisher),
    ):
        await flood(publisher, 10)
        held: list[Taken] = []
        while len(held) < 3:
            held += await source.next_batch(10)
        assert [one.message.channel for one in held] == [LOUD] * 3
        assert await source.next_batch(10) == []
        await put(publisher, QUIET, "1")
        (quiet,) = await source.next_batch(10)
        assert quiet.message.channel == QUIET
        await held[0].ack()
        await held[0].ack()
        (fourth,) = await source.next_batch(10)
        assert fourth.message.delivery_id == f"{LOUD}/place/3"


async def test_one_channel_s_full_stream_refuses_that_one_alone(servers: EmbeddedServers) -> None:
    """While the loud channel's stream is full its sender is told so, and the quiet one's orders are
    taken."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection, StreamLimits(orders_max_bytes=1), (LOUD, QUIET))
        publisher = Publisher(connection, Seal({}), channels=(LOUD, QUIET))
        await publisher.start()
        largest = bytes(4 * 1024 * 1024 - 1024)
        for number in range(3):
            await put(publisher, LOUD, str(number), largest)
        await put(publisher, LOUD, "3", bytes(3 * 1024 * 1024))
        with pytest.raises(StreamUnavailable, match="maximum bytes exceeded"):
            await put(publisher, LOUD, "4", largest)
        await put(publisher, QUIET, "1", largest)
        state = (await connection.jetstream.stream_info(stream_of(QUIET))).state
        assert state.messages == 1


async def test_more_channels_share_the_room_and_lose_nothing(servers: EmbeddedServers) -> None:
    """When channels are added each has a smaller share, and what lies in a stream that is larger
    than its share by now stays there."""
    async with connected(servers.nats_url) as connection:
        limits = StreamLimits(orders_max_bytes=64 * 1024 * 1024)
        await ensure_streams(connection, limits, (LOUD,))
        publisher = Publisher(connection, Seal({}), channels=(LOUD, QUIET), attempt_seconds=(60.0,))
        await publisher.start()
        for number in range(9):
            await put(publisher, LOUD, str(number), bytes(4 * 1024 * 1024 - 1024))
        await ensure_streams(connection, limits, (LOUD, QUIET))
        for channel, messages in ((LOUD, 9), (QUIET, 0)):
            info = await connection.jetstream.stream_info(stream_of(channel))
            assert (info.config.max_bytes, info.state.messages) == (32 * 1024 * 1024, messages)


async def test_one_channel_s_publishes_leave_room_for_another_s(servers: EmbeddedServers) -> None:
    """Of what waits for the stream at once one channel has three quarters at most."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection, None, (LOUD, QUIET))
        publisher = Publisher(connection, Seal({}), channels=(LOUD, QUIET), max_in_flight=8)
        await publisher.start()
        loud = [asyncio.create_task(put(publisher, LOUD, str(number))) for number in range(8)]
        quiet = [asyncio.create_task(put(publisher, QUIET, str(number))) for number in range(2)]
        answers = await asyncio.gather(*loud, return_exceptions=True)
        assert await asyncio.gather(*quiet) == [None, None]
        assert [isinstance(one, StreamUnavailable) for one in answers] == [False] * 6 + [True] * 2


async def test_an_unconfigured_channel_is_read_all_the_same(servers: EmbeddedServers) -> None:
    """What we publish for a channel without a stream, and what lies in the stream of a channel that
    was removed, is handed out under its channel."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection, None, ("removed", LOUD))
        before = Publisher(connection, Seal({}), channels=("removed", LOUD))
        await before.start()
        await put(before, "removed", "1")
        async with opened(connection) as (source, publisher):
            await put(publisher, "removed", "2")
            found: list[tuple[str, int]] = []
            while len(found) < 2:
                for one in await source.next_batch(10):
                    found.append((one.message.channel, one.message.partition))
                    await one.ack()
            assert {channel for channel, _ in found} == {"removed"}
            assert all(partition >= 0 for _, partition in found)


def refuse(message: Message) -> Input:
    """Read nothing."""
    raise refused(JSON_MALFORMED, f"{message.delivery_id} is not JSON.")


async def test_a_full_quarantine_stops_its_own_channel_alone(
    servers: EmbeddedServers, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the loud channel's quarantine full, and as many of its refused messages waiting as its
    consumer hands out, the quiet channel's are still taken. When a person makes room every one that
    waited is kept, with its own reason, however often it was delivered."""
    monkeypatch.setattr(quarantine_room, "MAX_ITEMS", 2)
    monkeypatch.setattr(quarantine_room, "RECOUNT_SECONDS", 0.0)
    monkeypatch.setattr("service.inbound.intake.AWAY_SECONDS", 0.0)
    monkeypatch.setattr("service.inbound.intake.LONGEST_AWAY_SECONDS", 0.0)
    quarantine = PostgresQuarantine(bench.pool, SEALING, (LOUD, QUIET))

    async def kept(channel: str) -> list[tuple[str, str]]:
        rows = await bench.pool.fetch(
            "SELECT delivery_id, reason FROM quarantine WHERE channel = $1 ORDER BY id", channel
        )
        return [(row["delivery_id"].rpartition("/")[2], row["reason"]) for row in rows]

    async def has(channel: str, count: int) -> bool:
        return len(await kept(channel)) == count

    async with (
        connected(servers.nats_url) as connection,
        opened(connection, max_ack_pending=4) as (source, publisher),
        working(source, quarantine),
    ):
        await flood(publisher, 40)

        async def often() -> bool:
            backlog = await source.backlog()
            return backlog.redelivered == backlog.unacknowledged == 4 and backlog.waiting > 0

        await eventually(often)
        before = await kept(LOUD)
        assert len(before) < 2 + 16  # a batch is taken whole
        for number in range(2):
            await put(publisher, QUIET, str(number))
        await eventually(lambda: has(QUIET, 2))
        assert await kept(LOUD) == before
        monkeypatch.setattr(quarantine_room, "MAX_ITEMS", 100)
        await eventually(lambda: has(LOUD, 40))
        assert dict(await kept(LOUD)) == {str(number): "json_malformed" for number in range(40)}


@asynccontextmanager
async def working(source: IntakeSource, quarantine: PostgresQuarantine) -> AsyncIterator[None]:
    """An intake at work, which tries each message twice."""

    async def nothing(message: Message, command: object) -> None:
        """No one asks about personal data."""

    intake = Intake(
        source,
        refuse,
        OneAnswer(COMMITTED),
        quarantine,
        asked=nothing,
        watch=Looking(),
        clock=SystemClock(),
        reference_of=lambda order_id: "",
        resolving=Resolving({}, NoStream()),
        deliveries=2,
    )
    tasks = [asyncio.create_task(work) for work in (intake.run(), intake.acknowledge())]
    try:
        yield
    finally:
        await intake.drain(5.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("before", [(), (LOUD,)], ids=["the first", "one more"])
async def test_a_channel_that_comes_while_we_read_is_read(
    servers: EmbeddedServers, before: tuple[str, ...]
) -> None:
    """A channel that a reload adds gets its stream and is read at once; what came for it before,
    when it was unknown, is handed out too."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection, channels=before)
        await source.start()
        publisher = Publisher(connection, Seal({}), channels=before)
        await publisher.start()
        await put(publisher, QUIET, "early")
        await source.use((*before, QUIET), 100)
        publisher.use((*before, QUIET))
        await put(publisher, QUIET, "late")
        refs: set[str] = set()
        async with asyncio.timeout(20):
            while len(refs) < 2:
                for taken in await source.next_batch(10):
                    assert not isinstance(taken, Forgotten)
                    refs.add(taken.message.ref_token)
                    await taken.ack()
        assert refs == {"early", "late"}
        info = await connection.jetstream.stream_info(stream_of(QUIET))
        assert info.state.last_seq == 1
        await source.stop()

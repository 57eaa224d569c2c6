"""The NATS adapter on a real server: one order, one partition, nothing lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from actors.runtime.errors import StreamUnavailable, TooLargeForStream
from adapters.nats.connection import LARGEST_RAW_BYTES, Connection, NatsUnusable, connect
from adapters.nats.intake_source import IntakeSource, Taken
from adapters.nats.messages import NO_PARTITION
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from adapters.nats.streams import ORDERS, StreamLimits, ensure_streams
from schemas.order.ids import PARTITIONS, partition_of, ref_of_token
from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from service.embedded.supervisor import EmbeddedServers
from tests.integration.servers import temporary_home

HOSTILE_REFS = [
    *("1042", "#1042", "A.B", "*", ">", "a b", "ünïcode-日本", "%41", "_", "-", "$JS.ACK", "😀"),
    *("x" * 128, "é" * 128, "..", "orders.p.0", "'; DROP TABLE orders; --", "\\", '"', "\t"),
]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """A connection to empty streams, which are gone afterwards."""
    connection = await connect(url)
    try:
        await delete_streams(connection)
        yield connection
        await delete_streams(connection)
    finally:
        await connection.close()


async def delete_streams(connection: Connection) -> None:
    """Leave no stream of ours."""
    for stream in await connection.jetstream.streams_info():
        await connection.jetstream.delete_stream(stream.config.name or "")


async def started_publisher(connection: Connection, max_in_flight: int = 512) -> Publisher:
    """A publisher that listens for acknowledgements."""
    publisher = Publisher(connection, Seal({}), max_in_flight=max_in_flight)
    await publisher.start()
    return publisher


async def put(publisher: Publisher, ref: str, raw: bytes = b"{}", delivery_id: str = "") -> None:
    """Publish as the edge does."""
    name, source, topic = delivery_id or f"delivery of {ref}", "shopify", "orders/create"
    await publisher.publish(
        "acme-us", "place", ref, raw, delivery_id=name, source=source, topic=topic
    )


async def take(source: IntakeSource, count: int, *, ack: bool = True) -> list[Taken]:
    """Take that many deliveries, in 20 s at most."""
    taken: list[Taken] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            taken += await source.next_batch(count - len(taken))
    if ack:
        for delivery in taken:
            await delivery.ack()
    return taken


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until the condition holds, for 10 s at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 — the client offers no event for its states
            await asyncio.sleep(0)


async def settled(source: IntakeSource) -> None:
    """Wait until the server has seen every acknowledgement, for 10 s at most."""
    async with asyncio.timeout(10):
        while (backlog := await source.backlog()).waiting or backlog.unacknowledged:
            pass


async def test_every_reference_lands_in_its_partition(servers: EmbeddedServers) -> None:
    """The server and schemas.order.ids agree about each reference; all 32 partitions are used."""
    refs = [*HOSTILE_REFS, *(str(number) for number in range(300))]
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        publisher = await started_publisher(connection)
        for ref in refs:
            await put(publisher, ref, ref.encode())
        messages = [delivery.message for delivery in await take(source, len(refs))]
        assert sorted(message.raw.decode() for message in messages) == sorted(refs)
        assert {x.raw.decode(): (x.partition, ref_of_token(x.ref_token)) for x in messages} == {
            ref: (partition_of(ref), ref) for ref in refs
        }
        assert len({message.partition for message in messages}) == PARTITIONS
        message = next(message for message in messages if message.raw == b"1042")
        assert (message.channel, message.kind, message.source) == ("acme-us", "place", "shopify")
        assert (message.topic, message.deliveries) == ("orders/create", 1)
        assert message.delivery_id == "acme-us/place/delivery of 1042"
        await settled(source)
        await source.stop()


async def test_a_process_that_follows_another_loses_nothing(servers: EmbeddedServers) -> None:
    """What one process did not take is handed out to the next, also when channels got streams of
    their own in between: the old stream is read to its end."""
    async with connected(servers.nats_url) as connection:
        first = IntakeSource(connection)
        await first.start()
        publisher = await started_publisher(connection)
        for number in range(100):
            await put(publisher, str(number), b"%d" % number)
        await take(first, 40)
        await settled_to(first, 60)
        await first.stop()
        second = IntakeSource(connection, channels=("acme-us",))
        await second.start()
        assert second.apart
        await put(publisher, "100", b"100")
        rest = await take(second, 61)
        assert len({delivery.message.raw for delivery in rest}) == 61
        await settled(second)
        await second.stop()


async def settled_to(source: IntakeSource, left: int) -> None:
    """Wait until the server holds exactly `left` messages for us."""
    async with asyncio.timeout(10):
        while (backlog := await source.backlog()).waiting + backlog.unacknowledged != left:
            pass


async def test_the_same_delivery_is_stored_once(servers: EmbeddedServers) -> None:
    """A repeat is acknowledged and dropped; another kind's or channel's equal id is none."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection, StreamLimits(duplicate_window_seconds=120.0))
        publisher = await started_publisher(connection)
        await asyncio.gather(*(put(publisher, "1", delivery_id="same") for _ in range(100)))
        await publisher.publish(
            "acme-us", "cancel", "1", b"{}", delivery_id="same", source="shopify", topic=""
        )
        await publisher.publish(
            "beta-eu", "place", "1", b"{}", delivery_id="same", source="shopify", topic=""
        )
        assert (await connection.jetstream.stream_info(ORDERS)).state.messages == 3
        assert publisher.in_flight == 0


async def test_services_that_count_alike_lose_nothing(servers: EmbeddedServers) -> None:
    """Services with equal ids of their own are not taken for one another, nor their kinds."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        subjects = ["acme-us.place", "beta-eu.place", "acme-us.cancel"]
        async with asyncio.timeout(20):  # the window is over in a tenth of a second
            for subject in subjects:
                taken = False
                while not taken:
                    said = await connection.jetstream.publish(
                        f"orders.in.{subject}.1", b"{}", headers={"Nats-Msg-Id": "1001"}
                    )
                    taken = not said.duplicate
        messages = [delivery.message for delivery in await take(source, len(subjects))]
        assert [f"{message.channel}.{message.kind}" for message in messages] == subjects
        assert len({message.delivery_id for message in messages}) == len(subjects)
        await source.stop()


async def test_an_encoded_kind_is_not_the_kind_it_hides(servers: EmbeddedServers) -> None:
    """A channel's user may not act as a person, and finds no way to write it that is let pass."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        await connection.jetstream.publish("orders.in.acme-us.%61ct.1", b"{}")
        (delivery,) = await take(source, 1)
        assert delivery.message.kind == "%61ct"
        await source.stop()


async def test_a_long_id_stands_as_its_digest(servers: EmbeddedServers) -> None:
    """No index takes an id of thousands of characters, so such a message could go nowhere."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        await connection.jetstream.publish(
            "orders.in.acme-us.place.1", b"{}", headers={"Nats-Msg-Id": "x" * 5_000}
        )
        (delivery,) = await take(source, 1)
        assert len(delivery.message.delivery_id) < 100
        await source.stop()


async def test_unknown_subjects_are_kept(servers: EmbeddedServers) -> None:
    """Too few or too many tokens: the message comes out unroutable, with its subject and bytes."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        subjects = [
            "orders.in",
            "orders.in.acme-us",
            "orders.in.acme-us.place",
            "orders.in.a.b.c.d",
        ]
        for subject in subjects:
            await connection.jetstream.publish(subject, subject.encode())
        messages = [delivery.message for delivery in await take(source, len(subjects))]
        assert {message.headers["orderwright-subject"] for message in messages} == set(subjects)
        assert all(message.partition == NO_PARTITION and message.kind == "" for message in messages)
        assert len({message.delivery_id for message in messages}) == len(subjects)
        await source.stop()


async def test_an_unacknowledged_message_comes_again(servers: EmbeddedServers) -> None:
    """Given back, it returns with its count; in progress, it stays; acknowledged, it is gone."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        await put(await started_publisher(connection), "1")
        (once,) = await take(source, 1, ack=False)
        await once.in_progress()
        await once.nak(delay_seconds=0.01)
        (twice,) = await take(source, 1)
        assert (once.message.deliveries, twice.message.deliveries) == (1, 2)
        assert once.message.delivery_id == twice.message.delivery_id
        assert once.message.received_at == twice.message.received_at
        await settled(source)
        await source.stop()


async def test_a_full_stream_refuses_with_a_time_to_come_back(servers: EmbeddedServers) -> None:
    """At its bound the stream refuses, says when to retry, and takes again what fits later."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection, limits=StreamLimits(orders_max_bytes=2_000_000))
        await source.start()
        publisher = await started_publisher(connection)
        stored = 0
        retry_after_seconds = 0
        while not retry_after_seconds and stored < 50:
            try:
                await put(publisher, str(stored), b"x" * 100_000)
                stored += 1
            except StreamUnavailable as refused:
                retry_after_seconds = refused.retry_after_seconds
        assert retry_after_seconds == 10
        assert 10 < stored < 20
        await take(source, stored)
        await settled(source)
        await put(publisher, "again", b"x" * 100_000)
        await source.stop()


async def test_more_than_a_mebibyte_is_refused(servers: EmbeddedServers) -> None:
    """The largest body fits with its headers, a byte more is refused for good."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        publisher = await started_publisher(connection)
        await put(publisher, "largest", b"x" * LARGEST_RAW_BYTES)
        with pytest.raises(TooLargeForStream):
            await put(publisher, "larger", b"x" * (LARGEST_RAW_BYTES + 1))
        (delivery,) = await take(source, 1)
        assert len(delivery.message.raw) == LARGEST_RAW_BYTES
        await source.stop()


async def test_a_flood_is_refused_at_once(servers: EmbeddedServers) -> None:
    """Beyond the bound in flight publishers are refused without waiting; the others are stored."""
    async with connected(servers.nats_url) as connection:
        await ensure_streams(connection)
        publisher = await started_publisher(connection, max_in_flight=10)
        outcomes = await asyncio.gather(
            *(put(publisher, str(number)) for number in range(50)), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, StreamUnavailable)]
        assert len(refused) == 40
        assert (await connection.jetstream.stream_info(ORDERS)).state.messages == 10


async def test_lost_streams_are_remade(servers: EmbeddedServers) -> None:
    """Without its stream a publish is refused; intake remakes stream and consumers by itself."""
    async with connected(servers.nats_url) as connection:
        source = IntakeSource(connection)
        await source.start()
        publisher = await started_publisher(connection)
        await delete_streams(connection)
        with pytest.raises(StreamUnavailable):
            await put(publisher, "1")
        taken = asyncio.create_task(take(source, 1))
        async with asyncio.timeout(20):
            while True:
                try:
                    await put(publisher, "2")
                    break
                except StreamUnavailable:
                    continue
        assert [delivery.message.raw for delivery in await taken] == [b"{}"]
        await source.stop()


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed() -> None:
    """kill -9 of the server under load: publishers hear the truth, and intake resumes by itself."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        server = EmbeddedNats(data)
        address = await server.start()
        try:
            await survive_kills(server, address.url)
        finally:
            await server.stop()


async def survive_kills(server: EmbeddedNats, url: str) -> None:
    """Publish 600 messages through three kills and see each acknowledged one come out."""
    connection = await connect(url)
    source = IntakeSource(connection)
    await source.start()
    publisher = await started_publisher(connection)
    acknowledged: set[bytes] = set()
    seen: set[bytes] = set()

    async def publish(worker: int) -> None:
        for number in range(75):
            ref = f"{worker}-{number}"
            while ref.encode() not in acknowledged:
                try:
                    await put(publisher, ref, ref.encode())
                    acknowledged.add(ref.encode())
                except StreamUnavailable:
                    await until(lambda: connection.is_connected)

    async def consume() -> None:
        while len(seen) < 600:
            for delivery in await source.next_batch(64):
                seen.add(delivery.message.raw)
                await delivery.ack()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(consume())
        for worker in range(8):
            group.create_task(publish(worker))
        for share in (100, 250, 400):
            await until(lambda share=share: len(acknowledged) >= share)  # type: ignore[misc] # bound now
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await until(lambda: not connection.is_connected)
    assert acknowledged == seen
    await source.stop()
    await connection.close()


async def test_a_frozen_server_costs_a_bounded_wait() -> None:
    """SIGSTOP leaves the TCP connection open: a publish is refused in 2.6 s, later ones at once."""
    with temporary_home() as home, DataDirectory(home / "data") as data:
        server = EmbeddedNats(data)
        address = await server.start()
        connection = await connect(address.url)
        pid = server.pid
        assert pid is not None
        try:
            await ensure_streams(connection)
            publisher = await started_publisher(connection)
            os.kill(pid, signal.SIGSTOP)  # all its threads stand still a moment later
            await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(StreamUnavailable):
                await put(publisher, "1")
            assert loop.time() - began < 2.9
            await until(lambda: not connection.is_connected)
            assert loop.time() - began < 5
            began = loop.time()
            with pytest.raises(StreamUnavailable):
                await put(publisher, "2")
            assert loop.time() - began < 0.1
        finally:
            os.kill(pid, signal.SIGCONT)
            await connection.close()
            await server.stop()


async def test_no_one_there_is_said_in_words(tmp_path: Path) -> None:
    """No server at the address: one sentence within the time-out, without the password."""
    with pytest.raises(NatsUnusable) as refused:
        await connect("nats://us:secret@127.0.0.1:1", connect_timeout_seconds=0.5)
    assert "check that it runs" in str(refused.value)
    assert "secret" not in str(refused.value)

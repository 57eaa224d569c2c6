"""Facts for channels without an API of their own: published once, whatever is repeated or lost."""

from __future__ import annotations

import logging

import msgspec
import pytest

from actors.runtime.errors import Retryable
from actors.runtime.partner import Call
from adapters.channels.canonical.storefront import CanonicalStorefront
from adapters.nats import streams
from adapters.nats.connection import Connection
from adapters.nats.events import EventPublisher, PlaceGone
from adapters.nats.streams import EVENTS
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment, SentParcel
from schemas.order.ids import order_id_for, sign_reference
from schemas.order.things import ORDER, Key
from service.app.clock import SystemClock
from service.embedded.supervisor import EmbeddedServers
from tests.integration.api import SIGNING
from tests.integration.test_nats_adapter import connected
from tests.orders import an_order
from tests.waiting import eventually

KEY_ID = next(iter(SIGNING))


def a_call(ref: str, number: int = 8) -> Call:
    """The effect of an order of the channel acme-us that left with a parcel."""
    order_id = order_id_for("acme-us", ref)
    reference = sign_reference(order_id, Key("F1"), KEY_ID, SIGNING)
    return Call(
        order_id=order_id,
        channel="acme-us",
        ref=ref,
        key=Key("F1"),
        reference=reference,
        order_reference=sign_reference(order_id, ORDER, KEY_ID, SIGNING),
        number=number,
        effect=PublishFulfilment(
            fulfilment=Key("F1"),
            parcels=(
                SentParcel(
                    parcel=Key("K1"),
                    units=(),
                    carrier="UPS",
                    tracking_number="1ZA1B2C30330089587",
                ),
            ),
        ),
        order=an_order(ref=ref),
        idempotency_key=f"publish-{reference}-K1",
        attempt=0,
    )


async def stored(connection: Connection, ref: str) -> list[dict[str, object]]:
    """The facts in the stream about one order."""
    jetstream = connection.jetstream
    state = (await jetstream.stream_info(EVENTS)).state
    found = []
    for number in range(state.first_seq, state.last_seq + 1):
        message = await jetstream.get_msg(EVENTS, seq=number)
        event = msgspec.json.decode(message.data or b"{}")
        if event["subject"] == ref:
            found.append(event)
    return found


async def test_a_repeat_is_the_same_event(servers: EmbeddedServers) -> None:
    """Performed twice, and once more as the new effect a person asked for, it is in the stream
    once, under an id made of what it says."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
        partner = CanonicalStorefront("acme-us", events, SystemClock())
        results = [await partner.perform(a_call("F-1", number)) for number in (8, 8, 9)]
        (event,) = await stored(connection, "F-1")
        assert results == [FulfilmentPublished(outside_ids=(str(event["id"]),))] * 3
        assert await partner.look_up(a_call("F-1")) is None


async def test_a_lost_stream_is_made_again(servers: EmbeddedServers) -> None:
    """Without its stream a fact is tried again later, and the stream is there by then."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
        partner = CanonicalStorefront("acme-us", events, SystemClock())
        await connection.jetstream.delete_stream(EVENTS)
        with pytest.raises(Retryable, match="created again"):
            await partner.perform(a_call("F-2"))
        await partner.perform(a_call("F-2"))
        assert len(await stored(connection, "F-2")) == 1


async def test_a_stream_whose_files_are_still_there_is_made_a_moment_later(
    servers: EmbeddedServers, caplog: pytest.LogCaptureFixture
) -> None:
    """The server fails while something has the stream's place on the disk, and removes it; the
    stream is there a moment later."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
        (place,) = servers.data.path.rglob(f"streams/{EVENTS}")
        await connection.jetstream.delete_stream(EVENTS)
        await eventually(lambda: not place.exists())
        place.write_text("in the way")
        with caplog.at_level(logging.INFO, "adapters.nats.streams"):
            await events.start()
        assert "JetStream failed at the stream EVENTS" in caplog.text
        await publish(events, "loud", 0)


async def test_a_place_in_a_lost_stream_is_said_to_be_gone(servers: EmbeddedServers) -> None:
    """Reading goes on behind a place; one of a stream that was made again is refused, though the
    new one is as long, and so is one behind the end of a stream that was restored."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
        for number in range(3):
            await publish(events, "loud", number)
        first, place = await events.published("loud", "", 2)
        rest, end = await events.published("loud", place, 2)
        assert [*first, *rest] == [b"0", b"1", b"2"]
        assert await events.published("loud", end, 2) == ([], end)
        with pytest.raises(PlaceGone):
            await events.published("loud", f"{end}0", 2)
        await connection.jetstream.delete_stream(EVENTS)
        await events.start()
        for number in range(3):
            await publish(events, "loud", number)
        for gone in (place, end):
            with pytest.raises(PlaceGone, match="made again"):
                await events.published("loud", gone, 2)


async def publish(events: EventPublisher, channel: str, number: int) -> None:
    """Publish a fact of a channel."""
    await events.publish(
        f"orders.out.{channel}.fact.placed",
        b"%d" % number,
        message_id=f"{channel}-{number}",
        content_type="text/plain",
        trace="",
    )


async def test_one_channel_s_facts_push_out_its_own_alone(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of one channel's facts drops the oldest of that kind, and none of another channel."""
    monkeypatch.setattr(streams, "_EVENTS_BYTES", 20 * 1024 * 20 * 2)
    monkeypatch.setattr(streams, "_EVENTS_BYTES_OF_ONE", 0)
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection, ("loud", "quiet"))
        await events.start()
        await publish(events, "quiet", 0)
        for number in range(50):
            await publish(events, "loud", number)
        loud, _ = await events.published("loud", "", 100)
        assert loud == [b"%d" % number for number in range(30, 50)]
        assert (await events.published("quiet", "", 100))[0] == [b"0"]


async def test_no_event_says_who_ordered(servers: EmbeddedServers) -> None:
    """The fact names the order and its parcel, and no one."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
        await CanonicalStorefront("acme-us", events, SystemClock()).perform(a_call("F-3"))
        (event,) = await stored(connection, "F-3")
    text = msgspec.json.encode(event).decode()
    assert "Steve" not in text
    assert "Shipping" not in text


async def test_nothing_waits_for_a_closed_connection(servers: EmbeddedServers) -> None:
    """While NATS is unavailable an event is certainly not published; it is published later."""
    async with connected(servers.nats_url) as connection:
        events = EventPublisher(connection)
        await events.start()
    with pytest.raises(Retryable, match="NATS is unavailable"):
        await CanonicalStorefront("acme-us", events, SystemClock()).perform(a_call("F-4"))

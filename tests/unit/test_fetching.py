"""What a channel answers goes to the stream as a message of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from actors.runtime.errors import NeedsPerson, Retryable, StreamUnavailable, TooLargeForStream
from actors.runtime.partner import Call
from adapters.kit.fetching import FETCHED, Fetching, asked_by
from schemas.messages import effects as f
from schemas.order.ids import OrderId, Reference
from schemas.order.things import ORDER

CANCEL = f.CancelAtChannel(reason="customer", restock=True)


@dataclass
class Shop:
    """A storefront that says one thing."""

    says: bytes = b'{"id":1}'
    name: str = "storefront"
    can_look_up: bool = True

    async def bundle(self, ref: str, call: Call) -> bytes:
        """Say it."""
        return self.says

    async def perform(self, call: Call) -> f.Result:
        """Cancel."""
        return f.ChannelCancelled()

    async def look_up(self, call: Call) -> f.Result | None:
        """Find."""
        return f.ChannelCancelled(told=False)


@dataclass
class Stream:
    """Keeps what is published, or fails."""

    error: Exception | None = None
    kept: list[tuple[object, ...]] = field(default_factory=list)

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Keep it."""
        if self.error is not None:
            raise self.error
        self.kept.append((channel, kind, ref, raw, delivery_id, source, topic, trace))


def call(effect: f.Effect) -> Call:
    """Return a call for an order that is not known yet."""
    return Call(
        order_id=OrderId("o-1"),
        channel="acme",
        ref="42",
        key=ORDER,
        reference=Reference("R"),
        order_reference=Reference("R"),
        number=1,
        effect=effect,
        order=None,
        idempotency_key="k",
        attempt=0,
        trace="t",
    )


async def test_its_words_become_a_message_named_by_themselves() -> None:
    """The same words to one question are the same delivery, other words or another question's
    another; the effect ends with their digest."""
    stream, shop = Stream(), Shop()
    fetching = Fetching(shop, stream, source="bigcommerce")
    first = await fetching.perform(call(f.FetchOrder()))
    await fetching.perform(call(f.FetchOrder()))
    shop.says = b'{"id":2}'
    await fetching.perform(call(f.FetchOrder()))
    assert isinstance(first, f.OrderFetched)
    assert len(first.digest) == 64
    ids = [one[4] for one in stream.kept]
    assert ids[0] == ids[1] != ids[2]
    assert [asked_by(FETCHED, str(one)) for one in ids] == [1, 1, 1]
    assert asked_by("orders/updated", str(ids[0])) == 0
    channel, kind, ref, raw, _, source, topic, trace = stream.kept[0]
    assert (channel, kind, ref, raw) == ("acme", "update", "42", b'{"id":1}')
    assert (source, topic, trace) == ("bigcommerce", FETCHED, "t")


async def test_a_stream_that_is_away_is_waited_for_and_not_blamed_on_the_channel() -> None:
    """Nothing was answered, so nothing is lost; the channel's breaker stays closed."""
    away = Stream(StreamUnavailable("away", retry_after_seconds=2))
    with pytest.raises(Retryable) as caught:
        await Fetching(Shop(), away, source="x").perform(call(f.FetchOrder()))
    assert (caught.value.retry_after_seconds, caught.value.sick) == (2, False)
    large = Stream(TooLargeForStream("2,000,000 bytes."))
    with pytest.raises(NeedsPerson, match="too large"):
        await Fetching(Shop(), large, source="x").perform(call(f.FetchOrder()))


async def test_everything_else_is_the_storefronts() -> None:
    """A question is never looked up; other effects are done and found by the storefront."""
    fetching = Fetching(Shop(), Stream(), source="x")
    assert await fetching.look_up(call(f.FetchOrder())) is None
    assert await fetching.perform(call(CANCEL)) == f.ChannelCancelled()
    assert await fetching.look_up(call(CANCEL)) == f.ChannelCancelled(told=False)


def test_what_is_not_kept_is_a_persons() -> None:
    """A call that needs the order says so in words when it was erased."""
    with pytest.raises(NeedsPerson, match="erased"):
        _ = call(CANCEL).stated

"""Intake: a message ends with its order, in quarantine, or goes back to the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from actors.runtime.errors import JournalUnavailable
from actors.runtime.mailbox import COMMITTED, EARLY, POISON, STOPPED, UNMATCHED, Envelope
from actors.runtime.observer import BLIND, Trace
from actors.runtime.ports import Message, Quarantined
from actors.runtime.registry import Registry
from schemas.contracts.refusals import refused
from schemas.messages import inputs as i
from schemas.messages.inputs import Input
from schemas.messages.privacy import AskPrivacy, Read, Subject
from schemas.order.ids import OrderId, partition_of, ref_token
from service.inbound import intake
from service.inbound.intake import Intake
from service.inbound.resolving import Resolving
from service.inbound.taking import Delivery
from tests.asked import Asked
from tests.fakes import JumpingClock
from tests.given import NOON, an_order
from tests.live_orders import Shop
from tests.waiting import eventually

REF = "1042"


class DeliveredMessage:
    """A message that notes what is said about it."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.said: list[str] = []
        self.delays: list[float] = []

    async def ack(self) -> None:
        self.said.append("ack")

    async def nak(self, delay_seconds: float = 0.0) -> None:
        self.said.append("nak")
        self.delays.append(delay_seconds)

    async def in_progress(self) -> None:
        self.said.append("in progress")


class Pile:
    """Messages that are handed out once."""

    def __init__(self) -> None:
        self.waiting: list[DeliveredMessage] = []

    async def next_batch(self, max_items: int) -> Sequence[Delivery]:
        await asyncio.sleep(0)
        taken, self.waiting = self.waiting[:max_items], self.waiting[max_items:]
        return taken


class Shelf:
    """A quarantine in memory, that may be away."""

    def __init__(self) -> None:
        self.items: list[Quarantined] = []
        self.away = False

    async def keep(self, item: Quarantined) -> None:
        if self.away:
            raise JournalUnavailable("Away.")
        self.items.append(item)


class Looking:
    """A watch that counts quarantined messages."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def begin_message(self, message: Message, correlation_id: str) -> Trace:
        return BLIND

    def quarantined(self, reason: str) -> None:
        self.reasons.append(reason)

    def taken(self, message: Message, outcome: str) -> None:
        """Nothing is counted."""


class LocalSession:
    """An intake over a pile, a shelf, and a registry; one message at a time."""

    def __init__(self, registry: Registry, translate: Callable[[Message], Read]) -> None:
        self.requests: list[tuple[str, AskPrivacy]] = []
        self.pile, self.shelf, self.looking = Pile(), Shelf(), Looking()
        self.shop = Asked()
        self.clock = JumpingClock()
        self.intake = Intake(
            self.pile,
            translate,
            registry,
            self.shelf,
            asked=self.asked,
            watch=self.looking,
            clock=self.clock,
            reference_of=_no_reference,
            resolving=Resolving({"acme-us": self.shop}, self.shop),
            in_flight=4,
            deliveries=3,
        )

    async def asked(self, message: Message, given: AskPrivacy) -> None:
        """Keep a request about a customer's data, unless the store is away."""
        if self.shelf.away:
            raise JournalUnavailable("Away.")
        self.requests.append((message.delivery_id, given))

    async def take(self, *copies: DeliveredMessage) -> None:
        """Hand messages in and work until they have ended."""
        self.pile.waiting.extend(copies)
        running = asyncio.create_task(self.intake.run())
        await eventually(lambda: not self.pile.waiting)
        for _ in range(50):
            await asyncio.sleep(0)
        await self.intake.drain(1.0)
        await running


class OneAnswer(Registry):
    """A registry whose orders all end the same way, without an order behind it."""

    def __init__(self, outcome: str) -> None:
        super().__init__(Shop().runtime, Shop().stream)
        self.outcome = outcome
        self.envelope: list[Envelope] = []

    def post(self, order_id: OrderId, envelope: Envelope, *, patient: bool = False) -> None:
        self.envelope.append(envelope)
        envelope.told(self.outcome, "a reason")


def a_message(
    *,
    delivery_id: str = "d-1",
    deliveries: int = 1,
    ref: str = REF,
    token: str = "",
    sent: str = "",
    kind: str = "place",
) -> DeliveredMessage:
    return DeliveredMessage(
        Message(
            partition=partition_of(ref),
            channel="acme-us",
            kind=kind,
            source="canonical",
            topic="",
            delivery_id=delivery_id,
            raw=b"{}",
            headers={"nats-msg-id": "d-1", "authorization": "Bearer secret"},
            received_at=NOON,
            deliveries=deliveries,
            ref_token=token,
            sent=sent,
        )
    )


def refuse(message: Message) -> Input:
    """Read nothing."""
    raise refused("json_malformed", "It is not JSON.")


def as_order(message: Message) -> Input:
    return i.PlaceOrder(order=an_order(ref=REF))


def _no_reference(order_id: OrderId) -> str:
    return ""


@pytest.mark.parametrize(
    ("outcome", "said", "reasons"),
    [
        (COMMITTED, ["ack"], []),
        (UNMATCHED, ["ack"], ["order_unknown"]),
        (EARLY, ["nak"], []),
        (POISON, ["ack"], ["undecidable"]),
        (STOPPED, ["nak"], []),
    ],
)
async def test_a_message_ends_as_its_order_says(
    outcome: str, said: list[str], reasons: list[str]
) -> None:
    """Taken, kept in quarantine, or given back: never acknowledged without one of these."""
    service = LocalSession(OneAnswer(outcome), as_order)
    message = a_message()
    await service.take(message)
    assert message.said == said
    assert service.looking.reasons == reasons


async def test_a_refused_message_is_kept_whole_without_credentials() -> None:
    """The original bytes and the sentences stay; an authorization header doesn't."""
    service = LocalSession(OneAnswer(COMMITTED), refuse)
    message = a_message()
    await service.take(message)
    (item,) = service.shelf.items
    assert (item.original, item.sentences) == (b"{}", ("It is not JSON.",))
    assert "authorization" not in item.headers
    assert message.said == ["ack"]


@pytest.mark.parametrize(
    ("token", "kept"),
    [
        (ref_token(REF), REF),
        ("", ""),
        (ref_token("somebody else's"), ""),
        ("%ff", ""),
        (f"%{ord(REF[0]):02X}{REF[1:]}", ""),
        ("8" * 10_000, ""),
    ],
)
async def test_a_refused_message_is_kept_under_the_order_it_was_published_for(
    token: str, kept: str
) -> None:
    """So that it is known of an order that it came and was refused. What is not a token, or lies in
    another partition, is not believed."""
    service = LocalSession(OneAnswer(COMMITTED), refuse)
    await service.take(a_message(token=token))
    assert [item.ref for item in service.shelf.items] == [kept]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('{"X-Shop-Event":"7","authorization":"me","nats-msg-id":"no"}', {"x-shop-event": "7"}),
        ("{torn", {"sent": "{torn"}),
        ('{"a":1}', {"sent": '{"a":1}'}),
        ("", {}),
    ],
)
async def test_a_refused_message_is_kept_with_its_sender_s_headers(
    sent: str, kept: dict[str, str]
) -> None:
    """They stand beside our own, which they can't replace; no credential is among them."""
    service = LocalSession(OneAnswer(COMMITTED), refuse)
    await service.take(a_message(sent=sent))
    assert service.shelf.items[0].headers == {"nats-msg-id": "d-1", **kept}


async def test_a_message_under_another_s_reference_is_kept() -> None:
    """Published under one reference and about another: it would lie in the wrong partition."""
    service = LocalSession(OneAnswer(COMMITTED), as_order)
    await service.take(a_message(ref="another"))
    assert service.looking.reasons == ["ref_mismatch"]


async def test_a_bug_in_reading_does_not_stop_the_next_message() -> None:
    """Whatever a translation raises, the message is kept and the others go on."""

    def broken(message: Message) -> Input:
        if message.delivery_id == "d-1":
            raise KeyError("a bug")
        return as_order(message)

    service = LocalSession(OneAnswer(COMMITTED), broken)
    first, second = a_message(), a_message(delivery_id="d-2")
    await service.take(first, second)
    assert service.looking.reasons == ["unreadable"]
    assert second.said == ["ack"]


async def test_what_cannot_be_kept_comes_again() -> None:
    """While quarantine is away nothing is acknowledged."""
    service = LocalSession(OneAnswer(UNMATCHED), as_order)
    service.shelf.away = True
    message = a_message()
    await service.take(message)
    assert message.said == ["nak"]


@pytest.mark.parametrize(("deliveries", "delay"), [(1, 0.0), (2, 1.0), (3, 2.0)])
async def test_a_message_that_comes_back_stays_away_longer(deliveries: int, delay: float) -> None:
    """Trouble on our side must not use a message's deliveries up within a minute."""
    service = LocalSession(OneAnswer(STOPPED), as_order)
    message = a_message(deliveries=deliveries)
    await service.take(message)
    assert message.delays == [delay]


async def test_another_message_under_the_same_id_is_no_repeat() -> None:
    """A sender that counts again loses nothing: the second message comes again on its own."""
    shop = Shop()
    shop.store.available = False
    service = LocalSession(shop.registry, as_order)
    first, second = a_message(), a_message()
    second.message = replace(second.message, raw=b'{"other": true}')
    service.pile.waiting.extend([first, second])
    running = asyncio.create_task(service.intake.run())
    await eventually(lambda: second.said == ["nak"])
    shop.store.available = True
    await service.intake.drain(5.0)
    await running
    assert (first.said, second.said) == (["ack"], ["nak"])


async def test_a_repeat_under_way_ends_with_the_first() -> None:
    """The same delivery twice is one input, and both are acknowledged after the one commit."""
    shop = Shop()
    shop.store.available = False
    service = LocalSession(shop.registry, as_order)
    first, again = a_message(), a_message()
    service.pile.waiting.extend([first, again])
    running = asyncio.create_task(service.intake.run())
    await eventually(lambda: not service.pile.waiting)
    assert service.intake.in_flight == 1
    shop.store.available = True
    await service.intake.drain(5.0)
    await running
    assert (first.said, again.said) == (["ack"], ["ack"])
    assert shop.state_of(REF).stage == "accepted"


async def test_no_more_is_taken_than_may_be_under_way() -> None:
    """At the bound the stream keeps the rest, and gets rid of it when the first have ended."""
    shop = Shop()
    shop.store.available = False
    service = LocalSession(shop.registry, as_order)
    copies = [a_message(delivery_id=f"d-{n}") for n in range(9)]
    service.pile.waiting.extend(copies)
    running = asyncio.create_task(service.intake.run())
    for _ in range(200):
        await asyncio.sleep(0)
    assert service.intake.in_flight == 4
    assert len(service.pile.waiting) == 5
    shop.store.available = True
    await eventually(lambda: not service.pile.waiting)
    await service.intake.drain(5.0)
    await running
    assert all(delivery.said == ["ack"] for delivery in copies)


async def test_a_message_that_waits_for_the_store_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream is told that it is still worked on, so that it lends it to no one else; and of a
    repeat, too, which would count as failing otherwise."""
    monkeypatch.setattr(intake, "KEEP_EVERY_SECONDS", 0.01)
    shop = Shop()
    shop.store.available = False
    service, message, repeat = LocalSession(shop.registry, as_order), a_message(), a_message()
    service.pile.waiting.extend((message, repeat))
    running = asyncio.create_task(service.intake.run())
    keeping = asyncio.create_task(service.intake.keep())
    await eventually(lambda: service.intake.in_flight == 1 and not service.pile.waiting)
    service.clock.seconds += 1.0
    await eventually(lambda: "in progress" in message.said and "in progress" in repeat.said)
    keeping.cancel()
    shop.store.available = True
    await service.intake.drain(5.0)
    await running
    assert message.said[-1] == repeat.said[-1] == "ack"


async def test_a_request_about_a_customer_ends_when_it_is_on_disk() -> None:
    """It goes to no order, and is acknowledged only once it is kept: while the store is away it
    comes again."""
    asked = AskPrivacy(ref=REF, asks="redact", subject=Subject(reference="42"))
    service = LocalSession(OneAnswer(COMMITTED), lambda message: asked)
    service.shelf.away = True
    early, late = a_message(), a_message(delivery_id="d-2")
    await service.take(early)
    assert early.said == ["nak"]
    assert service.requests == []
    service.shelf.away = service.intake.stopping = False
    await service.take(late)
    assert late.said == ["ack"]
    assert service.requests == [("d-2", asked)]

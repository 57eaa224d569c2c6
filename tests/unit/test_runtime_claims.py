"""Two live orders of one marketplace's id: decided by the commit, whoever is first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from actors.order.policy import Policy
from actors.runtime.errors import JournalUnavailable
from actors.runtime.mailbox import Envelope
from actors.runtime.ports import Append, Outcome
from adapters.memory.journal import MemoryJournal
from schemas.messages import events as e
from schemas.messages.inputs import ActOnOrder, CancelOrder, Input, PlaceOrder, TimerFired
from schemas.order.ids import PARTITIONS, order_id_for
from schemas.order.things import ORDER
from tests.given import CHANNEL, REF, SETUP, an_order
from tests.house import POLICY
from tests.live_orders import Shop
from tests.waiting import eventually

MARKET = "amazon-us"
ID = "902-3159896-1390916"
REFS = {CHANNEL: REF, MARKET: ID}


@asynccontextmanager
async def opened(store: MemoryJournal) -> AsyncIterator[Shop]:
    """Two channels that claim, and partners who answer."""
    found = Shop(store)
    setups = {name: replace(SETUP, channel=name, claims=True) for name in REFS}
    found.stream.use(policy=Policy(), setups=setups)
    found.dispatcher.start()
    found.clock.seconds += POLICY.settle_seconds
    yield found
    await found.dispatcher.drain(0.0)
    await found.registry.drain(1.0)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """The same over an ordinary journal."""
    async with opened(MemoryJournal()) as found:
        yield found


def post(shop: Shop, channel: str, command: Input, input_id: str) -> None:
    """Put an input into an order's mailbox."""
    envelope = Envelope(
        command, input_id, lambda outcome, reason: None, channel=channel, ref=REFS[channel]
    )
    shop.registry.post(order_id_for(channel, REFS[channel]), envelope)


def place(shop: Shop, channel: str) -> None:
    """A channel brings the order."""
    order = an_order(ref=REFS[channel], marketplace_ref=f"amazon:{ID}")
    post(shop, channel, PlaceOrder(order=order), f"place-{channel}")


def stage(shop: Shop, channel: str) -> str:
    """How the order stands there."""
    return shop.state_of_channel(channel, REFS[channel]).stage


@pytest.mark.parametrize(("first", "second"), [(CHANNEL, MARKET), (MARKET, CHANNEL)])
async def test_whichever_is_accepted_first_is_worked_on(
    shop: Shop, first: str, second: str
) -> None:
    """The other one names it, and no partner hears of it."""
    place(shop, first)
    await eventually(lambda: stage(shop, first) == "accepted")
    place(shop, second)
    await eventually(lambda: stage(shop, second) == "duplicate")
    twin = shop.state_of_channel(second, REFS[second]).twin
    assert twin is not None
    assert (twin.channel, twin.ref) == (first, REFS[first])
    assert twin.order_id == order_id_for(first, REFS[first])
    await eventually(lambda: shop.did("wms") == ["warehouse.create_task.v2"])


async def test_two_at_the_same_moment_are_decided_by_their_commits(shop: Shop) -> None:
    """One of them is accepted, whichever; the other one is recorded."""
    place(shop, CHANNEL)
    place(shop, MARKET)

    def settled() -> bool:
        return sorted(stage(shop, name) for name in REFS) == ["accepted", "duplicate"]

    await eventually(settled)
    await eventually(lambda: shop.did("wms") == ["warehouse.create_task.v2"])


async def test_a_person_takes_over_what_was_cancelled(shop: Shop) -> None:
    """Before that it is refused; then it is worked on, and the cancelled one stays as it is."""
    place(shop, MARKET)
    await eventually(lambda: stage(shop, MARKET) == "accepted")
    place(shop, CHANNEL)
    await eventually(lambda: stage(shop, CHANNEL) == "duplicate")
    claim = ActOnOrder(ref=REF, verb="claim", person="ann", reason="It was sold here.")
    post(shop, CHANNEL, claim, "claim-1")

    def refused() -> bool:
        events = shop.store.events(order_id_for(CHANNEL, REF))
        return any(isinstance(one, e.ActionRefused) for one in events)

    await eventually(refused)
    post(shop, MARKET, CancelOrder(ref=ID, reason="customer", whole=True), "cancel-1")
    await eventually(lambda: stage(shop, MARKET) == "cancelled")
    post(shop, CHANNEL, claim, "claim-2")
    await eventually(lambda: stage(shop, CHANNEL) == "accepted")


async def test_the_copy_is_woken_when_only_the_first_one_is_cancelled(shop: Shop) -> None:
    """By the commit that cancels it; then a person is asked in the copy, which names both."""
    place(shop, MARKET)
    await eventually(lambda: stage(shop, MARKET) == "accepted")
    place(shop, CHANNEL)
    await eventually(lambda: stage(shop, CHANNEL) == "duplicate")
    post(shop, MARKET, CancelOrder(ref=ID, reason="customer", whole=True), "cancel-1")
    await eventually(lambda: stage(shop, MARKET) == "cancelled")
    found = await shop.store.due_timers(
        partitions=range(PARTITIONS), due_before=shop.clock.now(), limit=10, exclude=()
    )
    copy = order_id_for(CHANNEL, REF)
    assert [(one.order_id, one.name) for one in found] == [(copy, "twin")]
    post(shop, CHANNEL, TimerFired(key=ORDER, name="twin"), "timer-1")
    post(shop, CHANNEL, TimerFired(key=ORDER, name="due"), "timer-2")
    await eventually(lambda: bool(shop.state_of_channel(CHANNEL, REF).tasks))
    words = shop.state_of_channel(CHANNEL, REF).tasks[0].words
    assert f"{ID} of {MARKET} (order {order_id_for(MARKET, ID)})" in words
    assert f"{REF} of {CHANNEL} is not cancelled" in words


class Forgetful(MemoryJournal):
    """Commits, and loses its first answers."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = 4

    async def append(self, append: Append) -> Outcome:
        outcome = await super().append(append)
        if self.loses:
            self.loses -= 1
            raise JournalUnavailable("The answer was lost.")
        return outcome


async def test_a_claim_whose_answer_was_lost_is_the_order_s_own() -> None:
    """The same append comes again, and is known; the other order stays recorded."""
    async with opened(Forgetful()) as shop:
        place(shop, CHANNEL)
        place(shop, MARKET)

        def settled() -> bool:
            return sorted(stage(shop, name) for name in REFS) == ["accepted", "duplicate"]

        await eventually(settled)
        (first,) = [name for name in REFS if stage(shop, name) == "accepted"]
        twins = [shop.state_of_channel(name, ref).twin for name, ref in REFS.items()]
        assert [one.channel for one in twins if one is not None] == [first]

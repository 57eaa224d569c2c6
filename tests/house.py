"""A small house for the runtime's tests: live orders over the journal's twin, scripted partners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from actors.order.policy import Policy
from actors.order.state import State, decode_state
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.errors import LeaseLost
from actors.runtime.lane import CallPolicy
from actors.runtime.mailbox import Envelope
from actors.runtime.observer import BLIND
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import Alarms
from adapters.memory.journal import MemoryJournal
from schemas.messages import inputs as i
from schemas.messages.inputs import Input
from schemas.order.ids import order_id_for, partition_of
from tests.fakes import JumpingClock, ScriptedPartner
from tests.given import an_order
from tests.waiting import eventually

CHANNEL = "acme-us"
ROLES = ("stock", "erp", "warehouse", "carrier", "storefront:acme-us", "mail")
CALL_POLICY = CallPolicy(
    rate_per_second=10_000.0, retry_first_seconds=1.0, settle_seconds=2.0, breaker_failures=2,
    breaker_open_seconds=5.0, retry_attempts=3, backlog=3, concurrency=2,
)  # fmt: skip


class House:
    """Everything live, with scripted partners and a clock that stands still."""

    def __init__(
        self,
        journal: MemoryJournal,
        *,
        live_orders: int = 100,
        call_policy: CallPolicy = CALL_POLICY,
    ) -> None:
        self.journal = journal
        self.clock = JumpingClock()
        self.journal.now = self.clock.now()
        self.runtime = Runtime(
            journal=journal,
            clock=self.clock,
            policy=Policy(first_track_seconds=5.0),
            observer=BLIND,
            correlation_keys={"k1": b"a key for tests only"},
            active_key="k1",
        )
        self.registry = Registry(self.runtime, live_orders=live_orders, mailbox=4)
        self.partners = {role: ScriptedPartner(role, can_look_up=role != "mail") for role in ROLES}
        self.dispatcher = Dispatcher(
            self.runtime,
            self.registry,
            journal,
            {role: (partner, call_policy) for role, partner in self.partners.items()},
            epoch_of=self._epoch_of,
        )
        self.alarms = Alarms(self.runtime, self.registry, journal)
        self.ends: list[str] = []

    def post(
        self, command: Input, input_id: str, ref: str = "1042", *, fresh: bool = False
    ) -> None:
        """Put an input into an order's mailbox."""
        order_id = order_id_for(CHANNEL, ref)
        self.registry.post(
            order_id, Envelope(command, input_id, self._told, channel=CHANNEL, ref=ref, fresh=fresh)
        )

    def _told(self, outcome: str, reason: str) -> None:
        self.ends.append(outcome)

    def state(self, ref: str = "1042") -> State:
        """The stored state."""
        stored = self.journal.stored_state(order_id_for(CHANNEL, ref))
        return decode_state(stored) if stored else State()

    def _epoch_of(self, ref: str) -> int:
        if partition_of(ref) in self.journal.lost:
            raise LeaseLost("Another process owns this order now.")
        return self.journal.epoch

    async def until(self, stage: str, ref: str = "1042") -> None:
        """Wait for a stage."""
        await eventually(lambda: self.state(ref).stage == stage)

    async def while_time_passes(self, true: Callable[[], bool]) -> None:
        """Let second after second pass until something is true; ten minutes at the most."""
        for _ in range(600):
            if true():
                return
            await self.move(1.0)
            for _ in range(20):
                await asyncio.sleep(0)
        raise AssertionError("It did not become true within ten minutes.")

    async def move(self, seconds: float) -> None:
        """Let time pass, and wake whoever waits for it."""
        self.clock.seconds += seconds
        self.journal.now = self.clock.now()
        for lane in self.dispatcher.lanes.values():
            lane.wake.set()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house at work; everything ends with the test."""
    made = House(MemoryJournal(epoch=1))
    made.dispatcher.start()
    await made.move(CALL_POLICY.settle_seconds)
    yield made
    await made.dispatcher.drain(1.0)
    await made.registry.drain(1.0)


def place(ref: str = "1042") -> i.PlaceOrder:
    return i.PlaceOrder(order=an_order(ref=ref))

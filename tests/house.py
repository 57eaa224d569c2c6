"""A small house for the runtime's tests: live streams over the journal's twin, and scripted
partners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from actors.runtime.alarm import Alarm
from actors.runtime.call_policy import CallPolicy
from actors.runtime.dispatcher import Dispatcher
from actors.runtime.lane import Lane
from actors.runtime.lanes import Lanes
from actors.runtime.local import LocalPartner
from actors.runtime.mailbox import Envelope
from actors.runtime.observer import BLIND
from actors.runtime.ports import Journal
from actors.runtime.references import References
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.timers import TimerRunner
from adapters.memory.journal import MemoryJournal
from adapters.memory.leases import MemoryLeases
from schemas.order.ids import order_id_for, partition_of
from tests.counter import ERP, MAIL, Counter, CounterStream
from tests.fakes import JumpingClock, ScriptedPartner
from tests.waiting import eventually

CHANNEL, REF = "acme-us", "1042"
KEYS = {"1": b"a key for tests only", "2": b"another key for tests only"}
POLICY = CallPolicy(
    rate_per_second=10_000.0, retry_first_seconds=1.0, settle_seconds=2.0, breaker_failures=2,
    breaker_open_seconds=5.0, retry_attempts=3, backlog=3, concurrency=2,
)  # fmt: skip


class House:
    """Everything live, with scripted partners and a clock that stands still. `journal` may stand in
    for the store where a test spoils what it says."""

    def __init__(
        self,
        store: MemoryJournal | None = None,
        *,
        live_orders: int = 100,
        policy: CallPolicy = POLICY,
        journal: Journal | None = None,
        lanes: tuple[str, ...] = (ERP, MAIL),
        partners: dict[str, ScriptedPartner] | None = None,
        local: LocalPartner | None = None,
        active_key: str = "1",
        patience_seconds: float = 0.0,
        busy_enough: int = 0,
    ) -> None:
        self.store = store or MemoryJournal()
        self.clock = JumpingClock()
        self.store.now = self.clock.now()
        self.partners = partners or {
            name: ScriptedPartner(name, can_look_up=name != MAIL) for name in lanes
        }
        self.runtime = Runtime(
            journal=journal or self.store,
            leases=self.store.leases,
            clock=self.clock,
            observer=BLIND,
            references=References(KEYS, active_key),
            lanes=Lanes({name: (partner, policy) for name, partner in self.partners.items()}),
            alarm=Alarm(self.clock),
            local=local,
        )
        self.registry = Registry(
            self.runtime,
            CounterStream(),
            live_orders=live_orders,
            mailbox=4,
            patience_seconds=patience_seconds,
            busy_enough=busy_enough,
        )
        self.dispatcher = Dispatcher(self.runtime, self.registry, self.store, self.store)
        self.timers = TimerRunner(self.runtime, self.registry, self.store, self.store)
        self.ends: list[str] = []

    @property
    def erp(self) -> ScriptedPartner:
        """The partner that can be asked what it did."""
        return self.partners[ERP]

    @property
    def mail(self) -> ScriptedPartner:
        """The partner that can't."""
        return self.partners[MAIL]

    def lane(self, name: str = ERP) -> Lane:
        """A lane by name."""
        return self.runtime.lanes[name]

    def post(self, command: Any, input_id: str, ref: str = REF, *, fresh: bool = False) -> None:
        """Put an input into a stream's mailbox."""
        self.registry.post(
            order_id_for(CHANNEL, ref),
            Envelope(command, input_id, self._told, channel=CHANNEL, ref=ref, fresh=fresh),
        )

    def _told(self, outcome: str, reason: str) -> None:
        self.ends.append(outcome)

    def state(self, ref: str = REF) -> Counter:
        """The stored state."""
        stored = self.store.stored_state(order_id_for(CHANNEL, ref))
        return (CounterStream().decode_state(stored) if stored else None) or Counter()

    def lose(self, ref: str = REF) -> None:
        """Another process takes an order's partition over."""
        self.store.leases.lose(partition_of(ref))

    def other(self, *, epoch: int = 2) -> House:
        """A house that takes over what this one has left."""
        house = House(self.store.seen_by(MemoryLeases(epoch)))
        house.clock.seconds = self.clock.seconds
        return house

    async def until(self, stage: str, ref: str = REF) -> None:
        """Wait for a stage."""
        await eventually(lambda: self.state(ref).stage == stage)

    async def while_time_passes(self, true: Callable[[], bool]) -> None:
        """Let second after second pass until something is true; ten minutes at the most."""
        for _ in range(600):
            if true():
                return
            await self.move(1.0)
            await turns(20)
        raise AssertionError("It did not become true within ten minutes.")

    async def move(self, seconds: float) -> None:
        """Let time pass, and wake whoever waits for it."""
        self.clock.seconds += seconds
        self.store.now = self.clock.now()
        for lane in self.runtime.lanes:
            lane.wake()

    async def close(self) -> None:
        """End what is at work."""
        await self.dispatcher.drain(1.0)
        await self.registry.drain(1.0)


async def turns(count: int = 20) -> None:
    """Let whoever waits get its turn so often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def at_work(house: House) -> House:
    """Begin, and let what a dead process had under way settle."""
    house.dispatcher.start()
    await house.move(POLICY.settle_seconds)
    return house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    """A house at work; everything ends with the test."""
    made = await at_work(House())
    yield made
    await made.close()

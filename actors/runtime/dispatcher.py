"""Sends recorded effects to partners, and brings what they say back to the order.

An effect waits in a bounded backlog or, beyond it, in the store. One that may have acted already
(tried before, or recorded by a process that died) is looked up by our reference before it is
repeated; where a partner offers no look-up it is given to a person instead of being repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from actors.order.state import State
from actors.runtime import errors, unconfigured
from actors.runtime.executor import EffectExecutor
from actors.runtime.lane import LOOK_SECONDS, CallPolicy, Item, Lane
from actors.runtime.ports import Append, OpenEffect, Outbox, Partner
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from actors.runtime.unconfigured import Unconfigured
from schemas.messages.effects import lane_of
from schemas.order.canonical import Order
from schemas.order.ids import CorrelationId

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
"""How often a lane looks into the store even when it believes it knows everything."""

MAX_UNCONFIGURED = 64
"""Partners that effects name and no one configured; more is a sender who makes channels up."""


class Dispatcher:
    """Drives one lane per partner. `epoch_of` gives the lease epoch of an order's partition and
    raises LeaseLost when it isn't ours any more: it is asked again before each outside effect."""

    def __init__(
        self,
        runtime: Runtime,
        registry: Registry,
        outbox: Outbox,
        partners: Mapping[str, tuple[Partner, CallPolicy]],
        *,
        epoch_of: Callable[[str], int],
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._outbox = outbox
        self._epoch_of = epoch_of
        self._executor = EffectExecutor(runtime, registry, outbox, epoch_of)
        self.lanes = {
            name: Lane(name, partner, policy) for name, (partner, policy) in partners.items()
        }
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumps: list[asyncio.Task[None]] = []
        self._configured = len(self.lanes)
        runtime.submit = self.submit
        runtime.recheck = self.recheck

    def start(self) -> None:
        """Begin: what the store holds open is taken up, oldest first."""
        now = self._runtime.clock.monotonic()
        for lane in self.lanes.values():
            # A call that a dead process had under way may still be acting at the partner.
            lane.next_look_at = lane.not_before = now + lane.policy.settle_seconds
        self._pumps = [asyncio.create_task(self._pump(lane)) for lane in self.lanes.values()]
        self._pumps.append(asyncio.create_task(self._find_unconfigured()))

    async def drain(self, seconds: float) -> int:
        """Start no more calls, let those under way finish; return how many did not in time."""
        self._executor.draining = True
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return left

    def submit(self, append: Append, state: State, order: Order | None) -> None:
        """Take the effects of an append that is on disk."""
        for recorded in append.effects:
            lane = self._lane(lane_of(recorded.effect, state.channel))
            if lane is None:
                continue  # it waits in the store
            lane.offer(
                Item(
                    order_id=append.order_id,
                    number=recorded.number,
                    channel=state.channel,
                    ref=state.ref,
                    correlation_id=CorrelationId(state.correlation_id),
                    effect=recorded.effect,
                    attempts=recorded.attempts,
                    maybe_done=recorded.attempts > 0,
                    order=order,
                    trace=append.trace,
                )
            )

    def recheck(self) -> None:
        """Something may wait in the store that memory doesn't know of."""
        for lane in self.lanes.values():
            lane.more_in_store = True

    def _lane(self, name: str) -> Lane | None:
        """Return the lane of this name; one that no one configured has its effects go to a person
        in the end. None beyond MAX_UNCONFIGURED of those: senders choose the channels' names."""
        lane = self.lanes.get(name)
        if lane is not None or self._executor.draining:
            return lane
        if len(self.lanes) < self._configured + MAX_UNCONFIGURED:
            log.error("Effects wait for %s, and no such partner is configured.", name)
            lane = self.lanes[name] = Lane(name, Unconfigured(name), unconfigured.CALL_POLICY)
            self._pumps.append(asyncio.create_task(self._pump(lane)))
        return lane

    async def _find_unconfigured(self) -> None:
        """Take up what an earlier process left open for partners that are not configured now."""
        while True:
            try:
                for name in await self._outbox.effect_counts():
                    self._lane(name)
            except errors.JournalUnavailable:
                await asyncio.sleep(SWEEP_SECONDS)
            else:
                return

    async def _pump(self, lane: Lane) -> None:
        while True:
            try:
                await self._pump_once(lane)
            except Exception:  # a fault of ours must slow a partner down, not stop it permanently
                log.exception("The lane of %s stumbled; it goes on in a second.", lane.name)
                await asyncio.sleep(1.0)

    async def _pump_once(self, lane: Lane) -> None:
        clock = self._runtime.clock
        while True:
            now = clock.monotonic()
            if now >= lane.next_look_at and (lane.more_in_store or not lane.backlog):
                await self._look_into_store(lane)
            while lane.may_start(clock.monotonic()):
                await lane.limiter.acquire()
                if not lane.may_start(clock.monotonic()):
                    break  # the partner began to rest while we waited for our turn
                item = lane.backlog.popleft()
                lane.under_way += 1
                lane.breaker.started()
                self._spawn(self._executor.call(lane, item))
            lane.wake.clear()
            pause = max(0.01, lane.next_look_at - clock.monotonic())
            if lane.backlog and lane.paused_until > now:
                pause = min(pause, max(0.01, lane.paused_until - now))
            try:
                async with asyncio.timeout(pause):
                    await lane.wake.wait()
            except TimeoutError:
                continue

    async def _look_into_store(self, lane: Lane) -> None:
        """Top the backlog up with the oldest due effects that memory doesn't hold."""
        clock = self._runtime.clock
        if clock.monotonic() < lane.not_before:
            lane.next_look_at = lane.not_before
            return
        lane.next_look_at = lane.next_wake(clock.monotonic(), SWEEP_SECONDS)
        opens_at = lane.breaker.opens_again_at
        if opens_at is not None and clock.monotonic() < opens_at:
            lane.next_look_at = opens_at
            return
        room = 1 if opens_at is not None else lane.policy.backlog - len(lane.backlog)
        if room <= 0:
            lane.next_look_at = clock.monotonic() + LOOK_SECONDS
            return
        found: list[OpenEffect] = []
        items: list[Item] = []
        lane.looked_at = clock.monotonic()
        lane.more_in_store = False  # unless something is left to it while we look
        try:
            found = await self._outbox.open_effects(
                lane.name, due_before=clock.now(), limit=room, exclude=lane.begin_look()
            )
            items = [self._from_store(lane, effect) for effect in found]
        except (errors.JournalUnavailable, errors.LeaseLost) as error:
            log.warning("The outbox is not taken up now; it is tried again: %s", error)
            lane.next_look_at = clock.monotonic() + 1.0
            lane.more_in_store = True
            return
        finally:
            lane.end_look(items)
        lane.more_in_store = lane.more_in_store or len(found) >= room
        if lane.more_in_store:
            lane.next_look_at = clock.monotonic() + LOOK_SECONDS

    def _from_store(self, lane: Lane, found: OpenEffect) -> Item:
        """An effect of a dead process may have been called; one of ours was not, unless counted.

        Where nothing can be looked up each attempt is counted before it is made, so there the count
        alone decides.
        """
        ours = found.written_by == self._epoch_of(found.ref)
        maybe = found.attempts > 0 or (lane.partner.can_look_up and not ours)
        return Item(
            order_id=found.order_id,
            number=found.number,
            channel=found.channel,
            ref=found.ref,
            correlation_id=found.correlation_id,
            effect=found.effect,
            attempts=found.attempts,
            maybe_done=maybe,
            order=None,
            body=found.body,
            trace=found.trace,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

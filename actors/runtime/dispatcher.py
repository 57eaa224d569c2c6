"""Sends recorded effects to partners, and brings what they say back to their streams.

An effect waits in a bounded backlog or, beyond it, in the store. One that may have acted already
(tried before, or recorded by a process that died) is looked up by our reference before it is
repeated; where a partner offers no look-up it is given to a person instead of being repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from actors.runtime import errors
from actors.runtime.ending import end_all
from actors.runtime.executor import EffectExecutor
from actors.runtime.item import Item
from actors.runtime.lane import SWEEP_SECONDS, Lane
from actors.runtime.ports import OpenEffect, Outbox, Suspensions
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime

log = logging.getLogger(__name__)

FAILED_LOOK_SECONDS = 1.0
"""Pause before the store is read again that could not be read."""

STUMBLED_SECONDS = 1.0
"""How long a lane rests after a fault of ours."""


class Dispatcher:
    """Drives the lanes."""

    def __init__(
        self, runtime: Runtime, registry: Registry, outbox: Outbox, suspensions: Suspensions
    ) -> None:
        self._runtime = runtime
        self._outbox = outbox
        self._executor = EffectExecutor(runtime, registry, outbox, suspensions)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumps: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin: what the store holds open is taken up, oldest first."""
        now = self._runtime.clock.monotonic()
        for lane in self._runtime.lanes:
            lane.begin(now)
        self._pumps = [
            asyncio.create_task(self._drive_new()),
            asyncio.create_task(self._find_unconfigured()),
        ]

    async def drain(self, seconds: float) -> int:
        """Start no more calls, let those under way finish; return how many did not in time."""
        self._executor.drain()
        await end_all(self._pumps)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return left

    async def look(self, lane: Lane) -> None:
        """Top a lane's backlog up with the oldest due effects that memory does not hold, if it is
        time."""
        clock = self._runtime.clock
        looked = lane.begin_look(clock.monotonic())
        if looked is None:
            return
        room, held = looked
        try:
            found = await self._outbox.open_effects(
                lane.name,
                partitions=self._runtime.partitions(lane.policy.settle_seconds),
                due_before=clock.now(),
                limit=room,
                exclude=held,
                sought_after_seconds=lane.sought_after_seconds,
            )
            items = [item for item in map(self.item_of, found) if item is not None]
        except errors.JournalUnavailable as error:
            log.warning("The outbox is not taken up now; it is tried again: %s", error)
            lane.fail_look(clock.monotonic() + FAILED_LOOK_SECONDS)
            return
        except BaseException:
            lane.fail_look(clock.monotonic() + FAILED_LOOK_SECONDS)
            raise
        lane.end_look(items, more=len(found) >= room, now=clock.monotonic())

    def item_of(self, found: OpenEffect) -> Item | None:
        """Return an effect of the store as one on its way; None for one that is not ours any more.

        An effect of a dead process may have been called; one of ours was not, unless counted. Where
        nothing can be looked up each attempt is counted before it is made, so there the count alone
        decides.
        """
        runtime = self._runtime
        epoch = runtime.leases.epochs.get(found.partition)
        if epoch is None:
            return None
        lane = runtime.lanes.find(found.lane)
        can_look_up = lane is None or lane.partner.can_look_up
        return Item(
            order_id=found.order_id,
            number=found.number,
            key=found.key,
            channel=found.channel,
            ref=found.ref,
            partition=found.partition,
            epoch=epoch,
            reference=found.reference,
            effect=found.effect,
            attempts=found.attempts,
            maybe_done=found.attempts > 0 or (can_look_up and found.written_by != epoch),
            encoded=found.body,
            trace=found.trace,
            sought_since=found.sought_since,
            declined=found.declined,
        )

    async def _drive_new(self) -> None:
        """Drive each lane from the moment it is there."""
        while True:
            lane = await self._runtime.lanes.next_new()
            self._pumps.append(asyncio.create_task(self._pump(lane)))

    async def _find_unconfigured(self) -> None:
        """Take up what an earlier process left open for partners that are not configured now."""
        while True:
            try:
                await self.find_lanes()
            except errors.JournalUnavailable:
                await asyncio.sleep(SWEEP_SECONDS)
            else:
                return

    async def find_lanes(self) -> None:
        """Have a lane for every effect that is open here. Raises JournalUnavailable."""
        for name in await self._outbox.effect_counts(self._runtime.partitions()):
            self._runtime.lanes.find(name)

    async def _pump(self, lane: Lane) -> None:
        while True:
            try:
                await self._pump_once(lane)
            except Exception:  # a fault of ours must slow a partner down, not stop it for good
                log.exception("The lane of %s stumbled; it goes on in a second.", lane.name)
                await asyncio.sleep(STUMBLED_SECONDS)

    async def _pump_once(self, lane: Lane) -> None:
        now = self._runtime.clock.monotonic
        while True:
            await self.look(lane)
            while lane.may_start(now()):
                await lane.take_turn()
                if not lane.may_start(now()):
                    break  # the partner began to rest while we waited for our turn
                self._spawn(self._executor.call(lane, lane.start_call()))
            await lane.wait(now)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

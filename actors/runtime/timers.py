"""Durable timers: reads what is due from the store and hands it to the streams, ramped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from actors.runtime.errors import JournalUnavailable, LeaseLost, MailboxFull
from actors.runtime.mailbox import POISON, UNMATCHED, Envelope
from actors.runtime.ports import DueTimer, Suspensions, TimerName, Timers
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from schemas.messages.inputs import TimerFired

log = logging.getLogger(__name__)

SUSPEND_AGAIN_SECONDS = 1.0
"""Pause before a suspension is written again while the store is away."""


class TimerRunner:
    """Fires timers, the longest overdue first, at most `in_flight` at a time: after a long outage
    they come as a ramp, not as a flood. One that can't be decided is suspended, and shown."""

    def __init__(
        self,
        runtime: Runtime,
        registry: Registry,
        timers: Timers,
        suspensions: Suspensions,
        *,
        in_flight: int = 500,
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._timers = timers
        self._suspensions = suspensions
        self._in_flight = in_flight
        self._fired: dict[TimerName, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """How many timers have fired and are not decided yet."""
        return len(self._fired)

    async def run(self) -> None:
        """Look and fire until cancelled."""
        while True:
            await self._runtime.alarm.wait()
            if await self.fire() >= self._in_flight // 2:
                self._runtime.alarm.more_is_due()

    async def fire(self) -> int:
        """Look once, and fire what is due; return how many it were."""
        room = self._in_flight - len(self._fired)
        if room <= 0:
            return self._in_flight
        try:
            due = await self._timers.due_timers(
                partitions=self._runtime.partitions(),
                due_before=self._runtime.clock.now(),
                limit=room,
                exclude=list(self._fired),
            )
        except JournalUnavailable as error:
            log.warning("Timers can't be read; they are read again: %s", error)
            return 0
        for timer in due:
            self._post(timer)
        return len(due)

    def _post(self, timer: DueTimer) -> None:
        name = (timer.order_id, timer.key, timer.name)
        if name in self._fired:
            return
        self._fired[name] = None

        def told(outcome: str, reason: str) -> None:
            if outcome in {POISON, UNMATCHED}:
                self._spawn(self._suspend(timer, name, reason or "its order is not known."))
            else:
                self._fired.pop(name, None)

        due = f"{timer.due_at.timestamp():.6f}"
        envelope = Envelope(
            TimerFired(key=timer.key, name=timer.name),
            f"timer:{timer.key}:{timer.name}:{due}",
            told,
        )
        try:
            self._registry.post(timer.order_id, envelope)
        except MailboxFull:
            self._fired.pop(name, None)

    async def _suspend(self, timer: DueTimer, name: TimerName, why: str) -> None:
        """Set it aside; until that is on disk it counts as under way, so that it does not fire."""
        log.error("Timer %s of %s can't be decided and is suspended: %s", name[2], name[0], why)
        while True:
            try:
                await self._suspensions.suspend_timer(timer, why)
                break
            except JournalUnavailable:
                if self._runtime.stopping:
                    return
                await asyncio.sleep(SUSPEND_AGAIN_SECONDS)
            except LeaseLost:
                break
        self._fired.pop(name, None)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

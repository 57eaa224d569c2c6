"""Durable timers: reads what is due from the store and hands it to the orders, ramped."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from actors.runtime.errors import JournalUnavailable, MailboxFull
from actors.runtime.mailbox import POISON, Envelope
from actors.runtime.ports import DueTimer, Timers
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from schemas.messages.inputs import TimerFired

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""The longest time between two looks into the store; a timer fires at most this late."""

MAX_POISONED = 1_000
"""Timers set aside because deciding them raised; beyond this they fire again and again."""

LEAST_SECONDS = 0.05
"""The shortest time between two looks, so that many near timers cost one query."""


class Alarms:
    """Fires timers, the longest overdue first, at most `in_flight` at a time: after a long outage
    they come as a ramp, not as a flood."""

    def __init__(
        self, runtime: Runtime, registry: Registry, timers: Timers, *, in_flight: int = 500
    ) -> None:
        self._runtime = runtime
        self._registry = registry
        self._timers = timers
        self._in_flight = in_flight
        self._fired: dict[tuple[str, str], None] = {}
        self._poisoned: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()
        self._next_look = 0.0
        runtime.timer_set = self.timer_set

    def timer_set(self, due_at: datetime) -> None:
        """A timer was set: look no later than it is due."""
        clock = self._runtime.clock
        wait = (due_at - clock.now()).total_seconds()
        if wait < IDLE_SECONDS:
            look_at = clock.monotonic() + max(wait, LEAST_SECONDS)
            if look_at < self._next_look:
                self._next_look = look_at
                self._wake.set()

    async def run(self) -> None:
        """Look and fire until cancelled."""
        clock = self._runtime.clock
        while True:
            pause = self._next_look - clock.monotonic()
            if pause > 0:
                self._wake.clear()
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                else:
                    continue
            self._next_look = clock.monotonic() + IDLE_SECONDS
            if await self._fire() >= self._in_flight // 2:
                self._next_look = clock.monotonic() + LEAST_SECONDS

    async def _fire(self) -> int:
        room = self._in_flight - len(self._fired)
        if room <= 0:
            return self._in_flight
        try:
            due = await self._timers.due_timers(
                due_before=self._runtime.clock.now(),
                limit=room,
                exclude=[*self._fired, *self._poisoned],
            )
        except JournalUnavailable as error:
            log.warning("Timers can't be read; they are read again: %s", error)
            return 0
        for timer in due:
            self._post(timer)
        return len(due)

    def _post(self, timer: DueTimer) -> None:
        key = (timer.order_id, timer.name)
        if key in self._fired:
            return
        self._fired[key] = None

        def told(outcome: str, reason: str) -> None:
            self._fired.pop(key, None)
            if outcome == POISON:
                log.error("Timer %s can't be handled until the next start: %s", timer.name, reason)
                if len(self._poisoned) < MAX_POISONED:
                    self._poisoned[key] = None

        input_id = f"timer:{timer.name}:{timer.due_at.timestamp():.6f}"
        try:
            self._registry.post(
                timer.order_id, Envelope(TimerFired(name=timer.name), input_id, told)
            )
        except MailboxFull:
            self._fired.pop(key, None)

"""Says when the store is to be asked for due timers: whoever sets one, tells."""

from __future__ import annotations

import asyncio
from datetime import datetime

from actors.runtime.ports import Clock

IDLE_SECONDS = 1.0
"""The longest time between two looks into the store; a timer fires at most this late."""

LEAST_SECONDS = 0.05
"""The shortest time between two looks, so that many near timers cost one query."""


class Alarm:
    """Between those who set timers and the one who fires them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_look_at = 0.0
        self._wake = asyncio.Event()

    def timer_set(self, due_at: datetime) -> None:
        """A timer was set: look no later than it is due."""
        wait = (due_at - self._clock.now()).total_seconds()
        if wait < IDLE_SECONDS:
            look_at = self._clock.monotonic() + max(wait, LEAST_SECONDS)
            if look_at < self._next_look_at:
                self._next_look_at = look_at
                self._wake.set()

    def more_is_due(self) -> None:
        """The last look left some behind: check again at once."""
        self._next_look_at = self._clock.monotonic() + LEAST_SECONDS

    async def wait(self) -> None:
        """Return when it is time to look; the next time is then a second away, unless somebody
        tells."""
        while True:
            pause = self._next_look_at - self._clock.monotonic()
            if pause <= 0:
                self._next_look_at = self._clock.monotonic() + IDLE_SECONDS
                return
            self._wake.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue

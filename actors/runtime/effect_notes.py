"""What the store keeps of a call between two tries: when it is due again, or that it is set
aside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from actors.runtime import errors
from actors.runtime.item import Item
from actors.runtime.lane import Lane
from actors.runtime.ports import Clock, EffectNote, Outbox, Suspensions
from actors.runtime.stream_type import StreamType

log = logging.getLogger(__name__)

NOTE_AGAIN_SECONDS = 1.0
"""Pause before a note is written again while the store is away."""


class EffectNotes:
    """Writes them, for as long as the order is ours. `draining`: the process is about to end, and
    waits for no store."""

    def __init__(
        self, stream: StreamType, clock: Clock, outbox: Outbox, suspensions: Suspensions
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._outbox = outbox
        self._suspensions = suspensions
        self.draining = False

    async def write(self, note: EffectNote) -> None:
        """Write one at once. Raises JournalUnavailable and LeaseLost."""
        await self._outbox.note(note)

    async def rest(self, lane: Lane, item: Item, reason: str, delay: float) -> None:
        """Leave the effect to the store until it is due again: from now on, however long the store
        takes to write that down."""
        until = self._clock.monotonic() + delay
        note = self.note(item, reason, delay)
        if await self.written(lane, item, lambda: self._outbox.note(note)):
            lane.rest(item, until)

    async def suspend(self, lane: Lane, item: Item, why: str) -> None:
        """Set an effect aside of which nothing can be recorded, so that it is not asked again and
        again."""
        log.error("Effect %s of %s can't be decided and is suspended: %s", *item.name[::-1], why)
        reason = self._stream.masked(why, item.known_body)
        suspend = self._suspensions.suspend_effect
        if await self.written(lane, item, lambda: suspend(item.order_id, item.number, reason)):
            lane.release(item)

    async def written(self, lane: Lane, item: Item, write: Callable[[], Awaitable[None]]) -> bool:
        """Write until it is on disk; False when that is not ours to do any more."""
        while True:
            try:
                await write()
            except errors.JournalUnavailable:
                if self.draining:
                    return False
                await asyncio.sleep(NOTE_AGAIN_SECONDS)
            except errors.LeaseLost:
                self.leave(lane, item)
                return False
            else:
                return True

    def leave(self, lane: Lane, item: Item) -> None:
        """Another process owns the order: what is to be done is its to do."""
        lane.release(item)
        lane.recheck()

    def note(self, item: Item, reason: str, delay: float) -> EffectNote:
        """Return the note of a try that ended with `reason`; the next is due in `delay` seconds."""
        masked = self._stream.masked(reason[:2_000], item.known_body)
        return EffectNote(
            order_id=item.order_id,
            number=item.number,
            attempts=item.attempts,
            due_at=self._clock.now() + timedelta(seconds=delay),
            error=masked[:500],
            declined=item.declined,
        )

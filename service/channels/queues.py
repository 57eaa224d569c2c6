"""Reads a channel's queue where no one posts its messages: a message is deleted there once it is
in our stream, on disk. What fails is tried again, less often; other channels go on.

Only the process that holds the lease on the jobs reads. One answer is worked through before the
next is asked for, so at most ten messages are under way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from actors.runtime.errors import (
    PartnerError,
    Retryable,
    StreamUnavailable,
    TooLargeForStream,
    Unauthorised,
)
from adapters.kit.fetching import IntakeStream
from adapters.kit.polling import Queue, Taken
from schemas.contracts.incidents import API_VERSION_DRIFT, CHANNEL_UNREACHABLE
from service.channels.sync import SyncMetrics

log = logging.getLogger(__name__)

QUEUE = "queue"
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 1.0, 60.0
"""After a failure, doubling up to the second: a queue keeps its messages for days."""
IDLE_SECONDS = 5.0
"""Between two checks whether the lease is ours."""
UNREACHABLE_FAILURES = 5
"""Failures in a row after which a channel counts as unreachable; a refused key does at once."""
MAX_NOTED = 100
"""Sentences that are logged once each; beyond that they are not remembered."""


class QueueReader:
    """One channel's queue. `refused` counts an occurrence of an incident; `may` returns whether the
    lease on the jobs is certainly held."""

    def __init__(
        self,
        name: str,
        queue: Queue,
        intake: IntakeStream,
        *,
        metrics: SyncMetrics,
        refused: Callable[[str, str], None],
        may: Callable[[], bool],
    ) -> None:
        self._name = name
        self._queue = queue
        self._intake = intake
        self._metrics = metrics
        self._refused = refused
        self._may = may
        self._noted: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled."""
        failures = 0
        while True:
            if not self._may():
                await asyncio.sleep(IDLE_SECONDS)
                continue
            try:
                await self.round()
                failures = 0
            except (PartnerError, StreamUnavailable) as error:
                failures += 1
                await asyncio.sleep(self._failed(error, failures))
            except Exception:  # orders go on; the log and the incident raise the alarm
                log.exception("Reading the queue of channel %s failed.", self._name)
                self._refused(CHANNEL_UNREACHABLE, self._name)
                await asyncio.sleep(LAST_PAUSE_SECONDS)

    async def round(self) -> int:
        """Take what the queue hands out; return how many messages are on our disk. Raises
        PartnerError, and StreamUnavailable: what was not taken then comes again."""
        done: list[str] = []
        try:
            for one in await self._queue.receive():
                done += [one.handle] if await self._take(one) else []
        finally:
            # Also what came before one that the stream did not take.
            if done:
                await self._queue.delete(done)
                self._metrics.read(self._name).inc(len(done))
        return len(done)

    async def _take(self, one: Taken) -> bool:
        """Say whether a message may be deleted."""
        receipt = one.receipt
        if receipt is None:
            self._note(f"A message stays in the queue: {one.why}")
            return False
        for note in receipt.notes:
            self._note(note)
        if receipt.drift:
            self._refused(API_VERSION_DRIFT, self._name)
        if receipt.ignored:
            return True
        try:
            await self._intake.publish(
                receipt.channel,
                receipt.kind,
                receipt.ref,
                one.raw,
                delivery_id=receipt.delivery_id,
                source=self._queue.kind,
                topic=receipt.topic,
            )
        except TooLargeForStream as error:
            self._note(f"A message stays in the queue: {error}")
            return False
        return True

    def _failed(self, error: PartnerError | StreamUnavailable, failures: int) -> float:
        """Tell it once in a row, and return how long to wait."""
        wait = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10), LAST_PAUSE_SECONDS)
        if failures == 1:
            log.warning("The queue of channel %s is not read: %s", self._name, error)
        if isinstance(error, Unauthorised) or failures == UNREACHABLE_FAILURES:
            self._refused(CHANNEL_UNREACHABLE, self._name)
        if isinstance(error, Unauthorised):
            return LAST_PAUSE_SECONDS
        told = error.retry_after_seconds if isinstance(error, Retryable) else None
        return max(wait, min(told or 0.0, LAST_PAUSE_SECONDS))

    def _note(self, note: str) -> None:
        if note not in self._noted and len(self._noted) < MAX_NOTED:
            self._noted.add(note)
            log.warning("The queue of channel %s: %s", self._name, note)

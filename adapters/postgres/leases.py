"""Who may write which partition's orders: a lease that expires, and an epoch that fences.

The lease keeps two processes from working on the same orders; the epoch makes it safe when one of
them doesn't know that it lost (it was stopped, or cut off): every append and note names the epoch,
and the server compares it in the same transaction. Only the database's clock counts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

import asyncpg

from actors.runtime.errors import JournalUnavailable, LeaseLost
from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements
from schemas.order.ids import PARTITIONS

log = logging.getLogger(__name__)

JOBS = -1
"""The lease, beside those of the partitions, of whoever does the jobs that must run once."""

ALL = tuple(range(PARTITIONS))

_LONGEST_PAUSE_SECONDS = 1.0


def seconds_since_boot() -> float:
    """Return seconds that go on while the machine sleeps, as an event loop's own time does not: a
    process on a machine that slept must not believe that its leases still run."""
    return time.clock_gettime(_SINCE_BOOT)


# Only Linux counts the time asleep.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Leases:
    """Holds partitions for one owner, renews them every third of `ttl_seconds`, and says when one
    is lost. Others may hold the rest.

    `owner` names a process and survives its restarts: restarted, it takes over at once, with
    epoch + 1. `on_lost` is called with the partitions, from the event loop; whoever is told stops
    writing and calling for these alone. `seconds` tells how much time has passed.
    """

    def __init__(
        self,
        pool: Pool,
        owner: str,
        *,
        ttl_seconds: float = 15.0,
        on_lost: Callable[[Sequence[int]], None] = lambda lost: None,
        seconds: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self.owner = owner
        self._pool = pool
        self._ttl_seconds = ttl_seconds
        self._on_lost = on_lost
        self._seconds = seconds
        self._epochs: dict[int, int] = {}
        self._view: Mapping[int, int] = MappingProxyType(self._epochs)
        self._renewing: asyncio.Task[None] | None = None
        self._renew_now = asyncio.Event()
        self._sure_until = 0.0

    @property
    def epochs(self) -> Mapping[int, int]:
        """Partition to epoch, of those held."""
        return self._view

    @property
    def sure(self) -> bool:
        """Whether the lease can't have expired yet: before an outside call this must be true."""
        return bool(self._epochs) and self._seconds() < self._sure_until

    def surely_holds(self, partition: int) -> bool:
        """Whether a lease is held and can't have expired yet."""
        return partition in self._epochs and self.sure

    def epoch_of(self, partition: int) -> int:
        """Return the epoch of a partition that is surely still ours. Raises LeaseLost, and
        JournalUnavailable when its lease was not renewed in time."""
        epoch = self._epochs.get(partition)
        if epoch is None:
            raise LeaseLost(f"Partition {partition} belongs to another process.")
        if not self.sure:
            raise JournalUnavailable("Whether these orders are still ours can't be told just now.")
        return epoch

    async def acquire(self, partitions: Sequence[int] = ALL, *, wait_seconds: float = 60.0) -> None:
        """Take all of these, waiting while another owner's lease on one of them runs, and begin to
        renew.

        Raises LeaseLost, naming the holder, when it still holds one after `wait_seconds`, and
        JournalUnavailable.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wait_seconds
        while not await self.take(partitions):
            holder, left_seconds = await self._holder(partitions)
            if loop.time() >= give_up:
                raise LeaseLost(
                    f"{holder} holds this installation's orders and keeps renewing; stop it, or "
                    f"start this one with its own database (we waited {wait_seconds:g} seconds)."
                )
            log.info("Waiting for the leases that %s holds for %.1f s more.", holder, left_seconds)
            pause = min(max(left_seconds, 0.05), _LONGEST_PAUSE_SECONDS, give_up - loop.time())
            await asyncio.sleep(max(pause, 0.01))

    async def hold(self, partitions: Sequence[int], *, every_seconds: float = 5.0) -> None:
        """Take these whenever no one else holds them, until cancelled."""
        while True:
            if any(partition not in self._epochs for partition in partitions):
                try:
                    await self.take(partitions)
                except JournalUnavailable as error:
                    log.info("Leases %s are not taken now: %s", list(partitions), error)
            await asyncio.sleep(every_seconds)

    async def take(self, partitions: Sequence[int]) -> bool:
        """Take all of these, beside those held, and renew them from now on; False, and nothing
        taken, while another owner's lease on one of them runs. Raises JournalUnavailable."""
        asked = self._seconds()
        rows = await self._pool.fetch(
            statements()["take_leases"], self.owner, self._ttl_seconds, list(partitions)
        )
        if len(rows) < len(partitions):
            return False
        self._taken(rows, asked)
        return True

    def _taken(self, rows: Sequence[asyncpg.Record], asked: float) -> None:
        """Hold what was taken, and begin to renew."""
        sure_until = asked + self._ttl_seconds
        self._sure_until = min(self._sure_until, sure_until) if self._epochs else sure_until
        self._epochs.update((partition, epoch) for partition, epoch in rows)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._keep_renewing())

    async def renew(self) -> None:
        """Renew once; the background does it by itself. Raises JournalUnavailable."""
        asked = self._seconds()
        held = sorted(self._epochs.items())
        rows = await self._pool.fetch(
            statements()["renew_leases"],
            self._ttl_seconds,
            [partition for partition, _ in held],
            [epoch for _, epoch in held],
        )
        kept = {row[0] for row in rows}
        self._sure_until = asked + self._ttl_seconds
        self.report_lost([partition for partition, _ in held if partition not in kept])

    def report_lost(self, partitions: Sequence[int]) -> None:
        """Forget partitions that another process owns now, and tell whoever wants to know."""
        lost = [
            partition for partition in partitions if self._epochs.pop(partition, None) is not None
        ]
        if lost:
            log.error("Another process took over partitions %s.", lost)
            self._renew_now.set()  # who took one may have taken others
            self._on_lost(lost)

    async def release(self, partitions: Sequence[int] | None = None) -> None:
        """Let another owner have these (all) at once; an unreachable server is left to time.
        Whoever works on them has stopped before."""
        given = set(self._epochs) if partitions is None else self._epochs.keys() & set(partitions)
        held = [(partition, self._epochs.pop(partition)) for partition in sorted(given)]
        if not self._epochs:
            await self._stop_renewing()
        if held:
            with suppress(JournalUnavailable):
                await self._pool.fetch(
                    statements()["renew_leases"],
                    0.0,
                    [partition for partition, _ in held],
                    [epoch for _, epoch in held],
                )

    async def _holder(self, partitions: Sequence[int]) -> tuple[str, float]:
        rows = await self._pool.fetch(statements()["lease_holder"], self.owner, list(partitions))
        return (rows[0][0], rows[0][1]) if rows else ("another process", 0.0)

    async def _keep_renewing(self) -> None:
        while self._epochs:
            self._renew_now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._ttl_seconds / 3):
                    await self._renew_now.wait()
            try:
                await self.renew()
            except JournalUnavailable as error:
                # Not lost: no one can take them over while no one reaches the server. `sure` turns
                # false by itself.
                log.warning("The leases could not be renewed: %s", error)

    async def _stop_renewing(self) -> None:
        task, self._renewing = self._renewing, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

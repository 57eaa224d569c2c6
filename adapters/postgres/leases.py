"""Who may write which partition's orders: a lease that expires, and an epoch that fences.

The lease keeps two processes from working on the same orders; the epoch makes it safe when one of
them doesn't know that it lost (it was stopped, or cut off): every append and note names the epoch,
and the server compares it in the same transaction. Only the database's clock counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from actors.runtime.errors import JournalUnavailable, LeaseLost
from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements
from schemas.order.ids import PARTITIONS

log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 1.0


class Leases:
    """Takes all partitions for one owner, renews them every third of `ttl_seconds`, and says when
    one is lost.

    `owner` names this installation and survives its restarts (the instance id): a restarted process
    takes over at once, with epoch + 1. `on_lost` is called with the partitions, from the event
    loop; whoever is told stops writing and calling.
    """

    def __init__(
        self,
        pool: Pool,
        owner: str,
        *,
        partitions: int = PARTITIONS,
        ttl_seconds: float = 15.0,
        on_lost: Callable[[Sequence[int]], None] | None = None,
    ) -> None:
        self.owner = owner
        self._pool = pool
        self._partitions = partitions
        self._ttl_seconds = ttl_seconds
        self._on_lost = on_lost
        self._epochs: dict[int, int] = {}
        self._view: Mapping[int, int] = MappingProxyType(self._epochs)
        self._renewing: asyncio.Task[None] | None = None
        self._sure_until = 0.0

    @property
    def epochs(self) -> Mapping[int, int]:
        """Partition to epoch, of those held."""
        return self._view

    @property
    def sure(self) -> bool:
        """Whether the lease can't have expired yet: before an outside call this must be true."""
        return bool(self._epochs) and asyncio.get_running_loop().time() < self._sure_until

    async def acquire(self, *, wait_seconds: float = 60.0) -> None:
        """Take every partition, waiting while another owner's lease runs, and begin to renew.

        Raises LeaseLost, naming the holder, when it still holds them after `wait_seconds`, and
        JournalUnavailable.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + wait_seconds
        while True:
            asked = loop.time()
            rows = await self._pool.fetch(
                statements()["take_leases"], self.owner, self._ttl_seconds, self._partitions
            )
            if len(rows) == self._partitions:
                break
            holder, left_seconds = await self._holder()
            if loop.time() >= give_up:
                raise LeaseLost(
                    f"{holder} holds this installation's orders and keeps renewing; stop it, or "
                    f"start this one with its own database (we waited {wait_seconds:g} seconds)."
                )
            log.info("Waiting for the leases that %s holds for %.1f s more.", holder, left_seconds)
            pause = min(max(left_seconds, 0.05), _LONGEST_PAUSE_SECONDS, give_up - loop.time())
            await asyncio.sleep(max(pause, 0.01))
        self._epochs.clear()
        self._epochs.update((partition, epoch) for partition, epoch in rows)
        self._sure_until = asked + self._ttl_seconds
        await self._stop_renewing()
        self._renewing = loop.create_task(self._keep_renewing())

    async def renew(self) -> None:
        """Renew once; the background does it by itself. Raises JournalUnavailable."""
        asked = asyncio.get_running_loop().time()
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
            if self._on_lost is not None:
                self._on_lost(lost)

    async def release(self) -> None:
        """Stop renewing and let another owner begin at once; an unreachable server is left to
        time."""
        await self._stop_renewing()
        held = sorted(self._epochs.items())
        self._epochs.clear()
        if held:
            with suppress(JournalUnavailable):
                await self._pool.fetch(
                    statements()["renew_leases"],
                    0.0,
                    [partition for partition, _ in held],
                    [epoch for _, epoch in held],
                )

    async def _holder(self) -> tuple[str, float]:
        rows = await self._pool.fetch(statements()["lease_holder"], self.owner)
        return (rows[0][0], rows[0][1]) if rows else ("another process", 0.0)

    async def _keep_renewing(self) -> None:
        while self._epochs:
            await asyncio.sleep(self._ttl_seconds / 3)
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

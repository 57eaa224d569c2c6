"""Leases of a process that shares an installation's orders with others.

Each member says about every second that it lives, in one statement that also renews what it holds
and shows who else lives and which partitions no one holds. There is no leader: from what it sees
each takes what is missing to its share and gives up what is above it (`service.app.sharing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import asyncpg
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.leases import Leases, seconds_since_boot
from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements
from schemas.order.ids import PARTITIONS

TTL_SECONDS = 3.5
"""After so long without a sign of life a member is gone, and others take what it held: with a look
every BEAT_SECONDS that is within five seconds."""

BEAT_SECONDS = 0.8
"""Four signs of life may come late or be lost before a member counts as gone."""


class Standing(Struct, frozen=True, kw_only=True):
    """What a member saw: the other live members, with how many partitions each holds, and the
    partitions of which no one else's lease runs (also those it holds itself). `at` is the
    database's clock, in seconds since 1970."""

    others: Mapping[str, int]
    free: tuple[int, ...]
    at: float


class SharedLeases(Leases):
    """As `Leases`, beside others. `owner` must be the process's own; one that is restarted takes
    its own leases at once."""

    def __init__(
        self,
        pool: Pool,
        owner: str,
        *,
        ttl_seconds: float = TTL_SECONDS,
        on_lost: Callable[[Sequence[int]], None] = lambda lost: None,
        seconds: Callable[[], float] = seconds_since_boot,
    ) -> None:
        super().__init__(pool, owner, ttl_seconds=ttl_seconds, on_lost=on_lost, seconds=seconds)

    @property
    def sure(self) -> bool:
        """Whether the last sign of life was in time; a member may hold nothing just now."""
        return self._seconds() < self._sure_until

    async def beat(self) -> Standing:
        """Say that we live, renew what is held, and look. Raises JournalUnavailable: then nothing
        is lost yet, and `sure` turns false by itself."""
        asked = self._seconds()
        held = sorted(self._epochs.items())
        (row,) = await self._pool.fetch(
            statements()["beat"],
            self.owner,
            self._ttl_seconds,
            [partition for partition, _ in held],
            [epoch for _, epoch in held],
            PARTITIONS,
        )
        self._sure_until = asked + self._ttl_seconds
        kept = set(row["kept"])
        # One that was taken again meanwhile has another epoch, and is not lost.
        self.report_lost([p for p, e in held if p not in kept and self._epochs.get(p) == e])
        others = dict(zip(row["owners"], row["held"], strict=True))
        return Standing(others=others, free=tuple(row["free"]), at=row["at"])

    async def take_free(self, partitions: Sequence[int]) -> list[int]:
        """Take those of these that no one else holds, and return them. Raises
        JournalUnavailable."""
        asked = self._seconds()
        rows = await self._pool.fetch(
            statements()["take_free_leases"], self.owner, self._ttl_seconds, list(partitions)
        )
        self._taken(rows, asked)
        return sorted(row[0] for row in rows)

    async def release(self, partitions: Sequence[int] | None = None) -> None:
        """Let others have these at once. Of all (None): this process ends its membership."""
        await super().release(partitions)
        if partitions is None:
            with suppress(JournalUnavailable):
                await self._pool.fetch(statements()["leave_members"], self.owner)

    def _taken(self, rows: Sequence[asyncpg.Record], asked: float) -> None:
        """Hold what was taken; the next sign of life renews it."""
        if not self._epochs and not self.sure:
            self._sure_until = asked + self._ttl_seconds
        self._epochs.update((partition, epoch) for partition, epoch in rows)

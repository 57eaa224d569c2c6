"""How many refused messages may wait for a person, channel by channel: one channel's flood takes no
other's place, and nothing that waits is dropped to make room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from actors.runtime.errors import QuarantineFull
from adapters.postgres.pool import Pool

MAX_ITEMS = 100_000
"""Of one channel; more refusals than people can look at in a year: one fault many times over."""

MAX_BYTES = 1024**3
"""Of one channel: a flood of bad payloads must not fill the disk that good orders need."""

RETENTION_DAYS = 90
"""Longer than any sender repeats, and long enough for a quarter's books to be closed."""

FILLING = 0.8
"""The share of a bound at which somebody is told."""

EXPIRING = timedelta(days=14)
"""How long before its time is over somebody is told of what still waits."""

RECOUNT_SECONDS = 5.0
"""How soon it is seen that people made room."""


class Fill(Struct):
    """What waits for a person in one channel's share; `oldest` is None when nothing does."""

    items: int = 0
    bytes: int = 0
    oldest: datetime | None = None

    @property
    def is_full(self) -> bool:
        """Whether no more is taken."""
        return self.items >= MAX_ITEMS or self.bytes >= MAX_BYTES

    def is_filling(self, now: datetime) -> bool:
        """Whether it is about to be full, or about to lose something by age."""
        if self.items >= FILLING * MAX_ITEMS or self.bytes >= FILLING * MAX_BYTES:
            return True
        kept = timedelta(days=RETENTION_DAYS)
        return self.oldest is not None and now - self.oldest > kept - EXPIRING


class Room:
    """Counts what waits. Channels that are not configured share one place, because senders choose
    their names."""

    def __init__(self, pool: Pool, sql: str, channels: Sequence[str]) -> None:
        self._pool = pool
        self._sql = sql
        self.use(channels)
        self._fills: dict[str, Fill] | None = None
        self._counted_at = float("-inf")

    def use(self, channels: Sequence[str]) -> None:
        """Give each of these channels a place of its own from now on."""
        self.channels = sorted(channels)
        self._known = frozenset(channels)

    async def count(self) -> dict[str, Fill]:
        """Count what waits now, by channel ("": those that are not configured). Raises
        JournalUnavailable."""
        rows = await self._pool.fetch(self._sql, self.channels)
        self._fills = {
            row["bucket"]: Fill(row["items"], row["bytes"], row["oldest"]) for row in rows
        }
        self._counted_at = asyncio.get_running_loop().time()
        return self._fills

    async def refuse_full(self, channels: Sequence[str]) -> list[QuarantineFull | None]:
        """Return for each of these messages' channels why it is not taken, None when it is. Raises
        JournalUnavailable."""
        fills = self._fills if self._fills is not None else await self.count()
        full = any(self._of(fills, channel).is_full for channel in channels)
        if full and asyncio.get_running_loop().time() - self._counted_at >= RECOUNT_SECONDS:
            fills = await self.count()
        return [self._refusal(fills, channel) for channel in channels]

    def came(self, channel: str, size: int) -> None:
        """One more waits, or a repeat came: the next count knows."""
        if self._fills is None:
            return
        fill = self._fills.setdefault(self._bucket(channel), Fill())
        fill.items += 1
        fill.bytes += size

    def _bucket(self, channel: str) -> str:
        return channel if channel in self._known else ""

    def _of(self, fills: dict[str, Fill], channel: str) -> Fill:
        return fills.get(self._bucket(channel), Fill())

    def _refusal(self, fills: dict[str, Fill], channel: str) -> QuarantineFull | None:
        fill = self._of(fills, channel)
        if not fill.is_full:
            return None
        named = f"the channel {channel}" if channel in self._known else "unknown channels"
        return QuarantineFull(
            f"The quarantine of {named} is full: {fill.items:,} messages with"
            f" {fill.bytes // 2**20:,} MiB wait for a person. Release or discard some."
        )

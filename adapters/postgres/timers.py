"""Durable timers. They are set and cleared by appends; here they are only read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from actors.runtime.ports import DueTimer, TimerName
from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements


class PostgresTimers:
    """Implements actors.runtime.ports.Timers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due_timers(
        self,
        *,
        partitions: Sequence[int],
        due_before: datetime,
        limit: int,
        exclude: Sequence[TimerName],
    ) -> list[DueTimer]:
        """Return due timers, the longest overdue first. Raises JournalUnavailable."""
        rows = await self._pool.fetch(
            statements()["due_timers"],
            due_before,
            partitions,
            limit,
            [order_id for order_id, _, _ in exclude],
            [key for _, key, _ in exclude],
            [name for _, _, name in exclude],
        )
        return [
            DueTimer(order_id=order_id, key=key, name=name, due_at=due_at)
            for order_id, key, name, due_at in rows
        ]

    async def overdue(self, now: datetime, partitions: Sequence[int]) -> int:
        """Count the timers of these partitions that are due and have not fired, up to 10,000.
        Raises JournalUnavailable."""
        (row,) = await self._pool.fetch(statements()["overdue_timers"], now, partitions)
        return int(row["timers"])

"""How far each channel's sync has come, and which of its orders we have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.order.ids import order_id_for

MAX_OUTCOME = 2_000
"""Characters of an outcome's words that are kept."""


class Progress(Struct, frozen=True, kw_only=True):
    """One job of one channel. `position`: all that changed there before it is compared; `complete`
    False: the last round did not reach the end of its window. `missed` counts since ever."""

    channel: str
    job: str
    position: datetime | None = None
    complete: bool = True
    tried_at: datetime
    succeeded_at: datetime | None = None
    good: bool = True
    outcome: str = ""
    missed: int = 0


class Ours(Struct, frozen=True, kw_only=True):
    """What we have of an order: when the channel's last statement that we took was made, or, while
    the order is only expected, when we last heard of it (by our clock; "" for never); and whether
    nothing can happen to it any more. `heard_at`: the order's time of change in the channel's
    latest message that says only that it is cancelled ("": there was none)."""

    updated_at: str
    final: bool
    heard_at: str = ""


class SyncStore:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def progress(self, channel: str | None = None) -> tuple[Progress, ...]:
        """Return every job's progress, or one channel's."""
        rows = await self._pool.fetch(_sql()["progress"], channel)
        return tuple(Progress(**dict(row)) for row in rows)

    async def keep(self, one: Progress) -> None:
        """Write a job's progress over what was kept of it."""
        await self._pool.fetch(
            _sql()["keep"],
            *(one.channel, one.job, one.position, one.complete, one.tried_at, one.succeeded_at),
            *(one.good, one.outcome[:MAX_OUTCOME], one.missed),
        )

    async def ours(self, channel: str, refs: Sequence[str]) -> dict[str, Ours]:
        """Return what we have of some hundred orders, by reference; a missing one is left out."""
        ids = [order_id_for(channel, ref) for ref in refs]
        rows = await self._pool.fetch(_sql()["orders"], ids)
        return {
            row["ref"]: Ours(
                updated_at=row["updated_at"] or "",
                final=row["final"],
                heard_at=row["heard_at"] or "",
            )
            for row in rows
        }

    async def refused(self, channel: str, refs: Sequence[str]) -> dict[str, datetime]:
        """Return those of the orders that came and did not pass the edge, with when the newest of
        such messages came."""
        rows = await self._pool.fetch(_sql()["refused"], channel, list(refs))
        return {row["ref"]: row["at"] for row in rows}


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("sync.sql").read_text("utf-8"))

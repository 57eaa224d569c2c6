"""When this database was put back to an earlier moment, and what is held since for a person."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.outbox import storable
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

MAX_HELD = 200
"""Of one page: some 50 kB."""

MAX_TEXT = 500
"""Characters of a person's name or reason."""


class Restoration(Struct, frozen=True, kw_only=True):
    """One restoration, in UTC. `taken_at` is the moment it went back to (None: not known),
    `began_at` the first start afterwards, `ended_at` when a person said that nothing more is to be
    held. `how` says in words what showed it."""

    how: str
    taken_at: datetime | None
    restored_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    ended_by: str


class Held(Struct, frozen=True, kw_only=True):
    """An effect that may have been done before the restoration. `kind` is what was to be done,
    `lane` the partner, `key` the thing of the order, `at` when it was asked for again."""

    order_id: str
    order_number: str
    channel: str
    ref: str
    effect: int
    key: str
    kind: str
    lane: str
    at: datetime


class Restorations:
    """Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, how: str, taken_at: datetime | None) -> None:
        """Note that the database was put back to a moment: the next `begin` starts from there."""
        await self._pool.fetch(_sql()["restored"], how, taken_at)

    async def is_foreign(self) -> bool:
        """Whether the database was put back by other means than ours: a dump was loaded, so its
        newest events bear transaction numbers that this cluster has not reached."""
        ((foreign,),) = await self._pool.fetch(_sql()["is_foreign"])
        return bool(foreign)

    async def begin(self, now: datetime) -> int | None:
        """Begin with what was noted since the last start: what is open is looked up, or held, from
        now on. Return how many effects that changed; None when nothing was noted."""
        ((begun, doubted),) = await self._pool.fetch(_sql()["begin"], now)
        return int(doubted) if begun else None

    async def latest(self) -> Restoration | None:
        """Return the last one; None for a database that was never put back."""
        rows = await self._pool.fetch(_sql()["latest"])
        return Restoration(**dict(rows[0])) if rows else None

    async def end(self, now: datetime, person: str, reason: str) -> bool:
        """Hold nothing more for its sake; return whether anything was to end."""
        words = [storable(text)[:MAX_TEXT] for text in (person, reason)]
        return bool(await self._pool.fetch(_sql()["end"], now, *words))

    async def marked(self) -> tuple[int, datetime] | None:
        """Return how often the newest event was named in the streams, and when it was last; None
        when it never was."""
        rows = await self._pool.fetch(_sql()["marked"])
        return (rows[0]["number"], rows[0]["at"]) if rows else None

    async def mark(self, number: int, now: datetime) -> None:
        """Note that the streams were told so often."""
        await self._pool.fetch(_sql()["mark"], number, now)

    async def newest_event(self) -> tuple[str, int] | None:
        """Return the newest event's order and version, None when there is none."""
        rows = await self._pool.fetch(_sql()["newest_event"])
        return (rows[0]["order_id"], rows[0]["version"]) if rows else None

    async def has_event(self, order_id: str, version: int) -> bool:
        """Whether an order has that event."""
        ((there,),) = await self._pool.fetch(_sql()["has_event"], order_id, version)
        return bool(there)

    async def held(self, after: tuple[str, int] = ("", 0)) -> list[Held]:
        """Return up to MAX_HELD of what is held, after an order's id and an effect's number."""
        rows = await self._pool.fetch(_sql()["held"], *after, MAX_HELD)
        return [Held(**dict(row)) for row in rows]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("restorations.sql").read_text("utf-8"))

"""Every version of the mappings, and the orders that wait for one."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.contracts.mappings import Mappings, read_mappings, write_mappings
from schemas.order.ids import OrderId

Source = Literal["api", "command line", "console", "file"]

WOKEN_AT_ONCE = 1_000
"""Orders made to check again by one statement, so that none holds its locks for long."""
MAX_LISTED = 200
"""Rows in one list."""


class Kept(Struct, frozen=True, kw_only=True):
    """A version: who made it, when, why and from where; `bytes` is its length as JSON."""

    version: int
    at: datetime
    person: str
    reason: str
    source: str
    bytes: int


class Waiting(Struct, frozen=True, kw_only=True):
    """An order that waits for a mapping, or one of the latest."""

    order_id: OrderId
    channel: str
    number: str
    waiting_for: str = ""


class PostgresMappings:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def version(self) -> int:
        """Return the current version; 0 before the first."""
        (row,) = await self._pool.fetch(_sql()["current_version"])
        return int(row["version"])

    async def current(self) -> tuple[int, Mappings]:
        """Return the current version and its document, (0, empty) before the first. Raises
        MappingsRefused for one that this release can't read."""
        rows = await self._pool.fetch(_sql()["current"])
        if not rows:
            return 0, Mappings()
        return int(rows[0]["version"]), read_mappings(bytes(rows[0]["document"]))

    async def history(self, limit: int = 50) -> list[Kept]:
        """Return the newest versions (at most 200), newest first."""
        rows = await self._pool.fetch(_sql()["versions"], max(1, min(limit, MAX_LISTED)))
        return [Kept(**dict(row)) for row in rows]

    async def save(
        self,
        mappings: Mappings,
        *,
        seen: int,
        at: datetime,
        person: str,
        reason: str,
        source: Source,
    ) -> int | None:
        """Keep a new version after the one that was `seen`, and audit it; return its number, or
        None when somebody else was first."""
        words = [text_of(one) for one in (person, reason)]
        document = write_mappings(mappings)
        rows = await self._pool.fetch(_sql()["save"], seen, at, *words, source, document)
        return int(rows[0]["version"]) if rows else None

    async def wake(self, now: datetime, set_before: datetime) -> int:
        """Make orders check again whose timer is due until `set_before`, at most 1,000; return how
        many."""
        return len(await self._pool.fetch(_sql()["wake"], now, set_before, WOKEN_AT_ONCE))

    async def waiting(self, limit: int = MAX_LISTED) -> tuple[list[Waiting], int]:
        """Return orders that wait for a mapping (at most 200), and how many there are."""
        rows = await self._pool.fetch(_sql()["waiting"], max(1, min(limit, MAX_LISTED)))
        found = [Waiting(**{k: v for k, v in row.items() if k != "orders"}) for row in rows]
        return found, int(rows[0]["orders"]) if rows else 0

    async def latest(self, limit: int = MAX_LISTED) -> list[Waiting]:
        """Return the newest orders (at most 200)."""
        rows = await self._pool.fetch(_sql()["latest"], max(1, min(limit, MAX_LISTED)))
        return [Waiting(**dict(row)) for row in rows]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("mappings.sql").read_text("utf-8"))

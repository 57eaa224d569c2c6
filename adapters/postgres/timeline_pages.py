"""Long timelines in parts: so many events, and what happened between the first and the last."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.kit.exchanges import ExchangePolicy
from adapters.postgres.exchanges import PostgresExchanges
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse
from adapters.postgres.timeline import (
    Entry,
    effect_entries,
    erased_entry,
    event_entry,
    exchange_entry,
    in_order,
)
from schemas.messages.words import Lines
from schemas.order.ids import OrderId

if TYPE_CHECKING:
    import asyncpg

MAX_EVENTS = 200
"""Events of one part: what a browser shows at once without a pause. As many of an order's effects
and calls at most stand between them."""

_ALWAYS, _NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class TimelinePage(Struct, frozen=True, kw_only=True):
    """Entries, oldest first. `older` is the version before which the next part ends, None when
    this one is the first of all."""

    entries: tuple[Entry, ...]
    older: int | None


class TimelinePages:
    """Reads parts of timelines. Raises JournalUnavailable and KeyMissing."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._exchanges = PostgresExchanges(pool, sealing, ExchangePolicy())

    async def before(
        self, order_id: OrderId, lines: Lines, version: int | None = None
    ) -> TimelinePage:
        """Return the part that ends before an event (None: the newest part). `lines` are the SKUs
        of the order's lines, by their place. At one instant with the event are what it asked for
        and led to: they stand with it."""
        events = await self._pool.fetch(_sql()["events"], order_id, version, MAX_EVENTS + 1)
        more = len(events) > MAX_EVENTS
        events = events[:MAX_EVENTS]
        begin = events[-1]["at"] if more else _ALWAYS
        end = _NEVER
        if version is not None:
            rows = await self._pool.fetch(_sql()["time_of"], order_id, version)
            end = rows[0]["at"] if rows else _NEVER
        entries = [event_entry(*told, lines) for told in map(_plain, events)]
        around = await self._around(order_id, begin, end)
        entries += [one for one in around if begin <= one.at < end]
        older = events[-1]["version"] if more else None
        return TimelinePage(entries=tuple(in_order(entries)), older=older)

    async def _around(self, order_id: OrderId, begin: datetime, end: datetime) -> list[Entry]:
        found: list[Entry] = []
        bounds = order_id, begin, end, MAX_EVENTS
        effects: list[asyncpg.Record] = await self._pool.fetch(_sql()["effects"], *bounds)
        for row in effects:
            found += effect_entries(row)
        erased = await self._pool.fetch(_sql()["erased"], order_id)
        found += [erased_entry(at) for (at,) in erased if at is not None]
        called = await self._exchanges.between(order_id, begin, end, limit=MAX_EVENTS)
        return [*found, *(exchange_entry(one) for one in called)]


def _plain(row: asyncpg.Record) -> tuple[int, str, bytes, datetime]:
    return row["version"], row["type"], row["body"], row["at"]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("timeline_pages.sql").read_text("utf-8"))

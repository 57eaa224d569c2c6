"""What people ask about incidents: a list, and one with its trend, samples and history."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from adapters.postgres.pool import Pool, Reads
from adapters.postgres.statements import parse
from schemas.contracts.incidents import CATEGORIES, ORDERS, UNCATEGORISED

MAX_SAMPLES = 10
"""Newest orders, and newest items of the quarantine, shown with an incident."""

MAX_EPISODES = 20
"""Times it was open, newest first."""

SERIES_DAYS = 14
"""Of the hourly series: a week and the one before."""


class Trend(Struct, frozen=True):
    """Occurrences in a period up to now, and in the one of the same length before. Periods are
    whole hours by the clock; the present hour is as long as it has lasted."""

    now: int
    before: int


class Hour(Struct, frozen=True):
    """Occurrences in the hour that begins then; hours without any are left out."""

    at: datetime
    occurrences: int


class Episode(Struct, frozen=True):
    """One time from opening to resolving (None: not yet)."""

    opened_at: datetime
    resolved_at: datetime | None
    occurrences: int


class IncidentRow(Struct, frozen=True, kw_only=True):
    """One category in a list. Counts are of the channels asked for.

    `affected` counts the orders of the last 24 hours (at the edge: messages), `placed` the orders
    placed then; `share` is the one by the other, at most 1, None when none was placed. `waiting`
    are orders that have neither moved on nor been decided, and items that wait in quarantine.
    """

    category: str
    open: bool
    words: str
    who: str
    fix: str
    runbook: str
    occurrences: int
    waiting: int
    affected: int
    placed: int
    share: float | None
    hour: Trend
    day: Trend
    week: Trend
    channels: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    opened_at: datetime
    resolved_at: datetime | None
    reopened: int


class IncidentView(Struct, frozen=True, kw_only=True):
    """One incident whole. `orders` are order ids, `quarantined` ids of the quarantine."""

    incident: IncidentRow
    series: tuple[Hour, ...]
    orders: tuple[str, ...]
    quarantined: tuple[int, ...]
    episodes: tuple[Episode, ...]


class IncidentViews:
    """Reads incidents. Raises JournalUnavailable. Give it a pool made with `by_key=False`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def list_incidents(
        self,
        now: datetime,
        *,
        is_open: bool | None = None,
        channels: Collection[str] | None = None,
    ) -> tuple[IncidentRow, ...]:
        """Return every category that occurred at these channels (None: all), open ones first, the
        latest first. There are never more than there are categories."""
        rows = await self._pool.fetch(_sql()["list"], _array(channels), now, None, is_open)
        return tuple(map(_row, rows))

    async def show(
        self, category: str, now: datetime, *, channels: Collection[str] | None = None
    ) -> IncidentView | None:
        """Return one incident, None when it never occurred at these channels."""
        given = _array(channels)
        return await self._pool.at_one_moment(lambda reads: _shown(reads, category, now, given))


async def _shown(
    reads: Reads, category: str, now: datetime, channels: list[str] | None
) -> IncidentView | None:
    rows = await reads.fetch(_sql()["list"], channels, now, category, None)
    if not rows:
        return None
    since = now - timedelta(days=SERIES_DAYS)
    series = await reads.fetch(_sql()["series"], category, since, channels)
    orders = await reads.fetch(_sql()["samples"], category, channels, MAX_SAMPLES)
    items = await reads.fetch(_sql()["quarantined_samples"], category, channels, MAX_SAMPLES)
    episodes = await reads.fetch(_sql()["episodes"], category, MAX_EPISODES)
    return IncidentView(
        incident=_row(rows[0]),
        series=tuple(Hour(at, count) for at, count in series),
        orders=tuple(order_id for (order_id,) in orders),
        quarantined=tuple(item_id for (item_id,) in items),
        episodes=tuple(Episode(*row) for row in episodes),
    )


def _row(row: asyncpg.Record) -> IncidentRow:
    told = CATEGORIES.get(row["category"], CATEGORIES[UNCATEGORISED])
    affected = row["affected"] if told.counted_from == ORDERS else row["day_now"]
    placed = row["placed"]
    return IncidentRow(
        category=row["category"],
        open=row["is_open"],
        words=told.words,
        who=told.who,
        fix=told.fix,
        runbook=f"docs/incidents.md#{row['category']}",
        occurrences=row["occurrences"],
        waiting=row["waiting"],
        affected=affected,
        placed=placed,
        share=min(1.0, affected / placed) if placed else None,
        hour=Trend(row["hour_now"], row["hour_before"]),
        day=Trend(row["day_now"], row["day_before"]),
        week=Trend(row["week_now"], row["week_before"]),
        channels=tuple(row["channels"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
        opened_at=row["opened_at"],
        resolved_at=row["resolved_at"],
        reopened=row["reopened"],
    )


def _array(channels: Collection[str] | None) -> list[str] | None:
    return None if channels is None else sorted(channels)


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("incidents.sql").read_text("utf-8"))

"""The figures of the console's first page: how orders flow, and what needs a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from adapters.postgres.pool import Pool, Reads
from adapters.postgres.statements import parse

MOST_COUNTED = 100_000
"""Rows of each kind that are counted; a page says "or more" beyond it."""

MINUTES = 30
"""Of the series of arrivals."""


class Step(Struct, frozen=True, kw_only=True):
    """How many orders under way got this far, and how many of them need a person."""

    progress: str
    orders: int
    attention: int


class Minute(Struct, frozen=True, kw_only=True):
    """Orders placed in one minute, and how many of them have left us by now."""

    orders: int
    left: int


class Lane(Struct, frozen=True, kw_only=True):
    """What waits for one partner instance. `failed` were tried and did not work yet; `words` say
    why it is not called at all ("": it is)."""

    name: str
    waiting: int
    failed: int
    oldest: datetime
    words: str
    since: datetime | None


class Overview(Struct, frozen=True, kw_only=True):
    """All of it, as it was at one moment. `minutes` are the last half hour, the oldest first."""

    steps: tuple[Step, ...]
    attention: int
    oldest_attention: datetime | None
    quarantined: int
    minutes: tuple[Minute, ...]
    lanes: tuple[Lane, ...]


async def read_overview(
    pool: Pool, now: datetime, channels: Collection[str] | None = None
) -> Overview:
    """Read the figures of these channels (None: all). Lanes are those of all channels. Raises
    JournalUnavailable."""
    given = None if channels is None else sorted(channels)
    return await pool.at_one_moment(lambda reads: _read(reads, now, given))


async def read_lanes(pool: Pool) -> tuple[Lane, ...]:
    """Read what waits for which partner instance. Raises JournalUnavailable."""
    return _lanes(await pool.fetch(_sql()["lanes"], MOST_COUNTED))


async def _read(reads: Reads, now: datetime, channels: list[str] | None) -> Overview:
    flow = await reads.fetch(_sql()["flow"], channels, MOST_COUNTED)
    (attention,) = await reads.fetch(_sql()["attention"], channels, MOST_COUNTED)
    arrivals = await reads.fetch(_sql()["arrivals"], channels, MOST_COUNTED, now)
    (quarantined,) = await reads.fetch(_sql()["quarantined"], channels, MOST_COUNTED)
    lanes = await reads.fetch(_sql()["lanes"], MOST_COUNTED)
    by_minute = {row["minute"]: row for row in arrivals}
    minutes = (by_minute.get(minute) for minute in range(MINUTES - 1, -1, -1))
    return Overview(
        steps=tuple(Step(**dict(row)) for row in flow),
        attention=attention["orders"],
        oldest_attention=attention["oldest"],
        quarantined=quarantined["items"],
        minutes=tuple(
            Minute(orders=row["orders"], left=row["left_us"]) if row else Minute(orders=0, left=0)
            for row in minutes
        ),
        lanes=_lanes(lanes),
    )


def _lanes(rows: list[asyncpg.Record]) -> tuple[Lane, ...]:
    return tuple(
        Lane(
            name=row["lane"],
            waiting=row["waiting"],
            failed=row["tried"],
            oldest=row["oldest"],
            words=row["words"],
            since=row["since"],
        )
        for row in rows
    )


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("overview.sql").read_text("utf-8"))

"""Counts failures by category: a projection of events, quarantine and what the edge refused.

Counts and the place read so far are written in one transaction, under a lock on the one row of
progress: whatever dies, each event is counted exactly once, also after Postgres was restored from a
dump. Everything can be counted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from msgspec import Struct

from actors.incidents.incidents import FAILURES, SETTLING, Incident
from adapters.postgres.incident_fold import Fold, Occurrence
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.contracts.incidents import CATEGORIES, UNCATEGORISED
from schemas.messages.codec import decode_event

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

QUIET_SECONDS = 3_600.0
"""How long nothing may have happened before an incident is resolved."""

PAGE = 2_000
"""Events of one transaction: a few milliseconds of the server's time."""

QUARANTINE_PAGE = 500

RETENTION_DAYS = 90
"""Of hourly counts, episodes and orders that are affected no more."""

LOCK_WAIT_MILLISECONDS = 200
"""How long keeping a payload may be held up, or counting be put off, by one another."""

_LAST = 2**62
_MOST = 2**63 - 1


class Page(Struct, frozen=True, kw_only=True):
    """What one transaction did: rows read, new occurrences by category, and the place of the last
    row: it only grows, unless everything is counted again."""

    read: int
    counted: Mapping[str, int]
    place: tuple[int, ...] = (0, 0)


class Told(Struct, frozen=True):
    """Refusals of one category and channel that were answered and not kept."""

    category: str
    channel: str
    occurrences: int
    at: datetime


class Incidents:
    """Writes the projection. Several may run at once, each page is still counted once. Every call
    raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(
        self, pool: Pool, *, quiet_seconds: float = QUIET_SECONDS, page: int = PAGE
    ) -> None:
        self.page = page
        self._pool = pool
        self._quiet = timedelta(seconds=quiet_seconds)

    async def begin(self) -> bool:
        """Go on where counting had stopped, also when the database was restored from a dump, whose
        cluster counts transactions from the beginning; return whether it was. Once at each
        start."""
        return bool(await self._pool.fetch(_sql()["begin"]))

    async def count_events(self) -> Page:
        """Count the next page of events; fewer `read` than `page` says that no more were there."""

        async def work(connection: Connection) -> Page:
            async with connection.transaction():
                progress = await _locked(connection)
                rows = await self._page(connection, progress)
                if not rows and progress["resume"] is not None:
                    await connection.execute(_sql()["resume"])
                    progress = await _locked(connection)
                    rows = await self._page(connection, progress)
                if not rows:
                    return Page(read=0, counted={})
                counted = await self._fold(connection, rows)
                last = rows[-1]
                xid, position = last["xid"], last["position"]
                await connection.execute(_sql()["progress_events"], xid, position, last["at"])
                place = (progress["counted_to"], xid, position)
                return Page(read=last["read"], counted=counted, place=place)

        return await self._pool.run(work)

    async def _page(self, connection: Connection, progress: asyncpg.Record) -> list[asyncpg.Record]:
        is_dump = progress["resume"] is not None
        return await connection.fetch(
            _sql()["page"],
            *(progress["xid"], progress["position"], self.page),
            *(list(FAILURES), list(SETTLING)),
            *(progress["counted_to"], progress["dumped_to"] if is_dump else _MOST, is_dump),
        )

    async def count_quarantine(self, limit: int = QUARANTINE_PAGE) -> Page:
        """Count the next page of what was quarantined."""
        if not (await self._pool.fetch(_sql()["anything_quarantined"]))[0][0]:
            return Page(read=0, counted={})

        async def work(connection: Connection) -> Page:
            async with connection.transaction():
                progress = await _locked(connection)
                # Ids are given out before they are committed. Holding up writers for this moment
                # makes sure that no lower one comes later.
                await connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MILLISECONDS}")
                await connection.execute("LOCK TABLE quarantine IN SHARE MODE")
                rows = await connection.fetch(
                    _sql()["quarantine_page"], progress["quarantine_id"], limit
                )
                if not rows:
                    return Page(read=0, counted={})
                given = [
                    Occurrence(category=_known(row["reason"]), channel=row["channel"], at=row["at"])
                    for row in rows
                ]
                counted = await self._occur(connection, given, up_to=progress["quarantine_id"])
                await connection.execute(_sql()["progress_quarantine"], rows[-1]["id"])
                return Page(read=len(rows), counted=counted, place=(0, rows[-1]["id"]))

        async def unless_busy(connection: Connection) -> Page:
            try:
                return await work(connection)
            except asyncpg.LockNotAvailableError:
                # Something long goes on there (old items are taken away): the next round counts.
                return Page(read=0, counted={})

        return await self._pool.run(unless_busy)

    async def count_told(self, told: Sequence[Told]) -> Page:
        """Count what was refused with an answer, at most some hundred sums at once."""

        async def work(connection: Connection) -> Page:
            async with connection.transaction():
                await _locked(connection)
                given = [_occurrence(one) for one in told]
                await connection.execute(
                    _sql()["add_told"],
                    *([one.category for one in given], [one.channel for one in given]),
                    *([one.count for one in given], [one.at for one in given]),
                )
                return Page(read=len(told), counted=await self._occur(connection, given))

        return await self._pool.run(work) if told else Page(read=0, counted={})

    async def resolve(self, now: datetime) -> int:
        """Resolve what is due and return how many incidents are open. Call it when everything up
        to now was counted."""

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                await _locked(connection)
                fold = Fold(self._quiet)
                fold.incidents = await _incidents(connection)
                due = fold.due(now)
                waiting = await _undecided(connection, due)
                over = [category for category in due if category not in waiting]
                rows = await connection.fetch(_sql()["decided"], over) if over else []
                decided = {row["reason"]: row["at"] for row in rows}
                for category in over:
                    fold.resolve(category, now, decided.get(category))
                await _write(connection, fold)
                return sum(one.is_open for one in fold.incidents.values())

        return await self._pool.run(work)

    async def oldest_unread(self) -> datetime | None:
        """Return when the oldest event was decided that is not counted yet, None for none."""
        rows = await self._pool.fetch(_sql()["oldest_unread"])
        return rows[0]["at"] if rows else None

    async def forget(self) -> None:
        """Begin again: forget all counts. What the edge refused is kept apart and counted again."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await _locked(connection)
                await connection.execute(_sql()["forget_all"])
                rows = await connection.fetch(_sql()["all_told"])
                told = [
                    Occurrence(
                        category=_known(row["category"]),
                        channel=row["channel"],
                        at=row["last_at"],
                        count=row["occurrences"],
                    )
                    for row in rows
                ]
                await self._occur(connection, told)

        await self._pool.run(work)

    async def rebuild(self, now: datetime) -> int:
        """Count everything again and return how many events and items that were."""
        await self.forget()
        total = 0
        while (page := await self.count_events()).read:
            total += page.read
        while (page := await self.count_quarantine()).read:
            total += page.read
        await self.resolve(now)
        await self.prune(now)
        return total

    async def prune(self, now: datetime, *, retention_days: float = RETENTION_DAYS) -> None:
        """Forget what is older than the retention; orders that still wait are kept."""
        await self._pool.fetch(_sql()["prune"], now - timedelta(days=retention_days))

    async def _fold(self, connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[str, int]:
        rows = [row for row in rows if row["tells"]]
        if not rows:
            return {}
        fold = await _loaded(connection, self._quiet)
        ids = sorted({row["order_id"] for row in rows})
        for row in await connection.fetch(_sql()["affected_orders"], ids):
            fold.know(**dict(row))
        for row in rows:
            try:
                event = decode_event(row["body"])
            except msgspec.MsgspecError:
                # A newer version beside us wrote it: count it, and leave it to that version.
                if row["type"] in FAILURES:
                    fold.occur(
                        Occurrence(category=UNCATEGORISED, channel=row["channel"], at=row["at"])
                    )
                continue
            fold.happened(row["order_id"], row["channel"], row["at"], event)
        await _write(connection, fold)
        return fold.counted

    async def _occur(
        self, connection: Connection, occurrences: Sequence[Occurrence], up_to: int = _LAST
    ) -> dict[str, int]:
        fold = await _loaded(connection, self._quiet)
        categories = sorted({one.category for one in occurrences})
        fold.undecided = await _undecided(connection, categories, up_to)
        for one in occurrences:
            fold.occur(one)
        await _write(connection, fold)
        return fold.counted


def _occurrence(told: Told) -> Occurrence:
    return Occurrence(
        category=_known(told.category), channel=told.channel, at=told.at, count=told.occurrences
    )


def _known(category: str) -> str:
    return category if category in CATEGORIES else UNCATEGORISED


async def _locked(connection: Connection) -> asyncpg.Record:
    """Lock the row of progress, so that counting goes on one at a time."""
    row = await connection.fetchrow(_sql()["lock_progress"])
    if row is None:
        await connection.execute(_sql()["begin_progress"])
        row = await connection.fetchrow(_sql()["lock_progress"])
        assert row is not None, "it was written a moment ago, and no one deletes it"
    return row


async def _incidents(connection: Connection) -> dict[str, Incident]:
    rows = await connection.fetch(_sql()["incidents"])
    return {row["category"]: Incident(**dict(row)) for row in rows}


async def _undecided(
    connection: Connection, categories: Sequence[str], up_to: int = _LAST
) -> set[str]:
    """Return those of the categories of which something waits in quarantine, up to an id."""
    if not categories:
        return set()
    rows = await connection.fetch(_sql()["undecided"], list(categories), up_to)
    return {row["reason"] for row in rows}


async def _loaded(connection: Connection, quiet: timedelta) -> Fold:
    fold = Fold(quiet)
    fold.incidents = await _incidents(connection)
    for category, channel in await connection.fetch(_sql()["known_channels"]):
        fold.channel_known(category, channel)
    return fold


async def _write(connection: Connection, fold: Fold) -> None:
    for name, columns in fold.columns().items():
        if columns and columns[0]:
            await connection.execute(_sql()[name], *columns)


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("incidents.sql").read_text("utf-8"))

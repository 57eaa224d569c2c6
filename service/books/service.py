"""Enters documents of the journal's orders, and exports them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.postgres.accounting import Accounting, Document
from service.books.entering import MOVES, TYPES, in_zones
from service.settings import Settings

MAX_DAYS = 366
"""The longest export: a year, leap or not."""

FIRST = date(1, 1, 1)


class BooksRefused(Exception):
    """What can't be exported; the text says why."""


class BooksService:
    """Raises JournalUnavailable. A reload changes `settings`."""

    def __init__(self, accounting: Accounting, settings: Settings) -> None:
        self.settings = settings
        self._accounting = accounting

    async def catch_up(self, now: datetime, steps: int) -> bool:
        """Enter what is lacking, in so many steps at most. Return whether that was all."""
        zones = {
            name: ZoneInfo(one.time_zone) if one.time_zone else None
            for name, one in self.settings.channels.items()
        }
        for _ in range(steps):
            if not await self._accounting.enter(TYPES, MOVES, in_zones(zones), now):
                return True
        return False

    def checked(self, first: date, last: date) -> None:
        """Raise BooksRefused for days that can't be exported."""
        if first > last:
            raise BooksRefused("The first day is after the last one: no day is in between.")
        if (last - first).days >= MAX_DAYS:
            raise BooksRefused(f"An export has {MAX_DAYS} days at most: take several.")

    async def page(
        self, channels: Sequence[str] | None, first: date, last: date, after: tuple[date, int]
    ) -> list[Document]:
        """Return the next page of documents of these days, both included, after that day and id."""
        return await self._accounting.documents(channels, first, last, after)

    async def pages(
        self, channels: Sequence[str] | None, first: date, last: date
    ) -> AsyncIterator[list[Document]]:
        """Yield the documents of these days, both included, page by page; memory stays that of one.
        Raises BooksRefused."""
        self.checked(first, last)
        after = FIRST, 0
        while page := await self.page(channels, first, last, after):
            yield page
            after = page[-1].day, page[-1].id

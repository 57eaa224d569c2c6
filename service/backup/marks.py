"""Notices at a start that the database and the streams do not belong to the same moment, and keeps
telling one where the other is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from actors.runtime.errors import JournalUnavailable, StreamUnavailable
from actors.runtime.ports import Clock
from adapters.nats.marks import Mark
from adapters.postgres.restorations import Restorations

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
"""A store that is behind by less than this is not noticed; a message on disk and a row are the
price of each."""

OLDER = "the streams know of more than the database: it was put back by other means"


class KeepsMark(Protocol):
    """Where the mark is kept: `adapters.nats.marks.Marks`."""

    async def read(self) -> Mark | None:
        """Return the last mark."""
        ...

    async def write(self, mark: Mark) -> None:
        """Keep a mark."""
        ...


class StoresCompared:
    """Compares once, then keeps the mark while `may` says that this process does so."""

    def __init__(
        self,
        marks: KeepsMark,
        restorations: Restorations,
        clock: Clock,
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may = may
        self._marks = marks
        self._restorations = restorations
        self._clock = clock
        self._number = 0
        self._told: tuple[str, int] | None = None

    async def compare(self) -> None:
        """Say in words which store is behind, and note a restoration where it is the database.
        Raises JournalUnavailable. Streams that do not answer are compared at the next start."""
        ours = await self._restorations.marked()
        try:
            theirs = await self._marks.read()
        except StreamUnavailable as error:
            log.warning("Database and streams are not compared now: %s", error)
            return
        number, at = ours if ours is not None else (0, None)
        self._number = max(number, theirs.number if theirs is not None else 0)
        if theirs is None:
            if at is not None:
                _streams_are_empty(at)
            return
        if theirs.number > number + 1 or not await self._restorations.has_event(
            theirs.order_id, theirs.version
        ):
            await self._restorations.note(OLDER, at)
        elif theirs.number < number and at is not None:
            _streams_are_older(at)

    async def run(self) -> None:
        """Tell the streams where the database is, until cancelled."""
        while True:
            try:
                if self._may():
                    await self.round()
            except (StreamUnavailable, JournalUnavailable) as error:
                log.info("The mark of the database is written later: %s", error)
            await asyncio.sleep(PERIOD_SECONDS)

    async def round(self) -> None:
        """Tell them once, if anything is new. Raises StreamUnavailable and JournalUnavailable."""
        newest = await self._restorations.newest_event()
        if newest is None or newest == self._told:
            return
        order_id, version = newest
        known = await self._restorations.marked()  # another process may have kept it meanwhile
        self._number = max(self._number, known[0] if known is not None else 0)
        mark = Mark(number=self._number + 1, order_id=order_id, version=version)
        await self._marks.write(mark)
        await self._restorations.mark(mark.number, self._clock.now())
        self._number, self._told = mark.number, newest


_WHAT_NOW = (
    "Shops with an API are compared by themselves within minutes; have every other sender and the"
    " warehouses send again what they sent since then: repeats change nothing."
)


def _streams_are_empty(at: datetime) -> None:
    log.warning(
        "The streams are empty, and the database knew them last at %s: messages that were accepted"
        " and not processed are gone. Your turn: %s",
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        _WHAT_NOW,
    )


def _streams_are_older(at: datetime) -> None:
    log.warning(
        "The streams were put back to a moment before %s: messages may come again, which changes"
        " nothing, and those accepted since then are gone. Your turn: %s",
        f"{at:%Y-%m-%d %H:%M:%S} UTC",
        _WHAT_NOW,
    )

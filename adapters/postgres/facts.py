"""What became of orders and messages, read for other services: the events and the quarantine are
the outbox, so that deciding and storing an order costs nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.reader import Cursor
from adapters.postgres.statements import parse

PAGE = 2_000
"""Events of one page, of which about a tenth is told."""

ITEMS = 500
"""Items of the quarantine of one page."""


_MOST = 2**63 - 1


class Stretch(Struct, frozen=True):
    """A page of events: after which it begins, with which it ends, how many it has, and when the
    last one was decided. It has only events above one position, up to another."""

    after: Cursor
    end: Cursor
    events: int
    at: datetime
    above: int
    up_to: int

    @property
    def is_followed(self) -> bool:
        """Whether there may be another page already."""
        return self.events == PAGE or self.up_to < _MOST


class TellableEvent(Struct, frozen=True, kw_only=True):
    """An event of which something is told, with its order. `inputs` are the ids of the inputs that
    led to it, `before` the encoded events up to it that name its order's parcels."""

    version: int
    type: str
    body: bytes
    at: datetime
    channel: str
    ref: str
    number: str
    order_id: str
    reference: str
    inputs: tuple[str, ...]
    before: tuple[bytes, ...]


class TellableItem(Struct, frozen=True, kw_only=True):
    """An item of the quarantine whose state was not told yet."""

    id: int
    delivery_id: str
    channel: str
    kind: str
    ref: str
    reason: str
    state: str
    attempt: int
    at: datetime


class FactReader:
    """Reads in the order of commits, as `adapters.postgres.reader` does, and remembers how far it
    got. One process at a time. Every call raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, channels: Sequence[str]) -> bool:
        """Tell of these channels from now on. For those that were told of before it goes on where
        it had stopped, also when the database was restored from a dump, whose cluster counts
        transactions from the beginning: returns whether it was."""
        await self._pool.fetch(_sql()["begin_progress"])
        ((restored,),) = await self._pool.fetch(_sql()["begin"], list(channels))
        return bool(restored)

    async def next_page(self) -> Stretch | None:
        """Return the next page of events; None when there is none."""
        ((xid, position, above, dumped_to, resume),) = await self._pool.fetch(_sql()["place"])
        after = Cursor(xid, position)
        if resume is not None:
            asked = (xid, position, PAGE, above, dumped_to)
            for row in await self._pool.fetch(_sql()["dumped_end"], *asked):
                return _stretch(after, row, above, dumped_to)
            await self._pool.fetch(_sql()["resume"])
            return await self.next_page()
        for row in await self._pool.fetch(_sql()["page_end"], xid, position, PAGE, above):
            return _stretch(after, row, above, _MOST)
        return None

    async def page(
        self,
        page: Stretch,
        channels: Sequence[str],
        *,
        types: Sequence[str],
        with_parcels: Sequence[str],
        of_parcels: Sequence[str],
    ) -> list[TellableEvent]:
        """Return the page's events of these channels and types, in the order of commits; those of
        the types `with_parcels` with what came before of the types `of_parcels`."""
        rows = await self._pool.fetch(
            _sql()["page"],
            *(page.after.xid, page.after.position, page.end.xid, page.end.position),
            *(list(channels), list(types), list(with_parcels), list(of_parcels)),
            *(page.above, page.up_to),
        )
        return [
            TellableEvent(
                version=row["version"],
                type=row["type"],
                body=row["body"],
                at=row["at"],
                channel=row["channel"],
                ref=row["ref"],
                number=row["number"],
                order_id=row["order_id"],
                reference=row["reference"],
                inputs=tuple(row["inputs"]),
                before=tuple(row["before"]),
            )
            for row in rows
        ]

    async def advance(self, end: Cursor) -> None:
        """Everything up to here was told."""
        await self._pool.fetch(_sql()["advance"], end.xid, end.position)

    async def untold(self, channels: Sequence[str]) -> list[TellableItem]:
        """Return up to ITEMS items of these channels whose state was not told."""
        rows = await self._pool.fetch(_sql()["untold"], list(channels), ITEMS)
        return [TellableItem(**dict(row)) for row in rows]

    async def told(self, items: Sequence[TellableItem]) -> None:
        """These states were told. What has changed meanwhile is told again."""
        await self._pool.fetch(
            _sql()["told"], [item.id for item in items], [item.state for item in items]
        )


def _stretch(after: Cursor, row: asyncpg.Record, above: int, up_to: int) -> Stretch:
    end = Cursor(row["xid"], row["position"])
    return Stretch(after, end, row["events"], row["at"], above, up_to)


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("facts.sql").read_text("utf-8"))

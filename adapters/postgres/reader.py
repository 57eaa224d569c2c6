"""Reads all orders' events in the order in which they were committed, and never skips one.

A transaction takes its number when it begins to write and commits later, so the highest position
seen says nothing about lower ones still to come: reading by position alone missed one event in five
with eight writers. Here only transactions older than every one still open are read, ordered by
(transaction, position): nothing can be added before a place already read. One transaction left open
(a forgotten session) holds the reader back and is ended by the server's time-outs.

A cursor belongs to one database cluster: after a dump and restore the transaction numbers start
again.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements

# About 1 MB of events: some milliseconds to fetch, and no burden to hold.
MAX_PAGE = 2000


class Cursor(Struct, frozen=True, order=True):
    """A place in the sequence of all events: the last one read. The default is before the first."""

    xid: int = 0
    position: int = 0


class StoredEvent(Struct, frozen=True, kw_only=True):
    """One event as stored; `body` is its JSON, `cursor` the place after it."""

    order_id: str
    version: int
    type: str
    body: bytes
    at: datetime
    cursor: Cursor


class EventReader:
    """Pages through events; the reader keeps the cursor, in the same transaction as what it
    builds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, after: Cursor, *, limit: int = MAX_PAGE) -> list[StoredEvent]:
        """Return the next events after the cursor, none when there are none yet (at most MAX_PAGE).

        Raises JournalUnavailable.
        """
        rows = await self._pool.fetch(
            statements()["read_events"], after.xid, after.position, min(limit, MAX_PAGE)
        )
        return [
            StoredEvent(
                order_id=order_id,
                version=version,
                type=kind,
                body=body,
                at=at,
                cursor=Cursor(xid, position),
            )
            for order_id, version, kind, body, at, xid, position in rows
        ]

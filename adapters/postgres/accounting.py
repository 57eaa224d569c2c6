"""The accounting export in Postgres: documents are entered once, in the order of the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from msgspec import Struct

from actors.order.state import State
from actors.order.stream import StateOutdated, decode_state
from actors.runtime.ports import BODY, STATED
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import parse
from adapters.postgres.views import Views
from schemas.messages.codec import decode_order
from schemas.order.canonical import Order
from schemas.order.ids import OrderId

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_EVENTS = 500
"""Events of one transaction: at most so many orders, opened within half a second."""

MAX_DOCUMENTS = 1_000
"""Documents of one page."""

_decode = msgspec.json.Decoder(tuple[tuple[str, str, int], ...]).decode

Entries = tuple[tuple[str, str, int], ...]
"""Role, detail, and minor units of the currency: a debit is above zero, a credit below."""


class Document(Struct, frozen=True, kw_only=True):
    """A document of one order. `number` counts those of its part (`sale`, `money`, `charges`).
    `reference` is ours, `day` the one in the shop's time zone. `id` is 0 until it is entered."""

    order_id: str
    part: str
    number: int
    kind: str
    channel: str
    ref: str
    order_number: str
    reference: str
    day: date
    currency: str
    entries: Entries
    id: int = 0


class Standing(Struct, frozen=True, kw_only=True):
    """An order as it stands: its state, the channel's latest statement, when its money
    changed last (None: never since it was placed), and what was entered of it before, by part."""

    order_id: str
    channel: str
    ref: str
    number: str
    reference: str
    state: State
    order: Order
    moved_at: datetime | None
    entered: tuple[Document, ...]


Wanted = Callable[[Standing], Sequence[Document]]
"""Returns the documents that an order lacks. Pure."""


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("accounting.sql").read_text("utf-8"))


class Accounting:
    """Every call raises JournalUnavailable; those that open orders KeyMissing and Damaged."""

    def __init__(self, pool: Pool, sealing: Sealing) -> None:
        self._pool = pool
        self._sealing = sealing
        self._views = Views(pool, sealing)

    async def enter(
        self, types: Collection[str], moves: Collection[str], wanted: Wanted, now: datetime
    ) -> bool:
        """Read on in the journal, and enter what the orders lack of which events of these types
        tell. `moves` are those that move money. Return whether there may be more to read."""

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                place = await connection.fetchrow(_sql()["place"])
                assert place is not None, "the migration wrote it"
                after = place["xid"], place["position"]
                rows = await connection.fetch(_sql()["read"], *after, MAX_EVENTS)
                if not rows:
                    return False
                named = sorted({row["order_id"] for row in rows if row["type"] in types})
                if named:
                    standing = await self._standing(connection, named, moves)
                    lacking = [one for order in standing for one in wanted(order)]
                    await _enter(connection, lacking, now)
                await connection.execute(_sql()["reached"], rows[-1]["xid"], rows[-1]["position"])
                return len(rows) == MAX_EVENTS

        return await self._pool.run(work)

    async def documents(
        self, channels: Sequence[str] | None, first: date, last: date, after: tuple[date, int]
    ) -> list[Document]:
        """Return the next page of documents of these days, both included. `after` is the last one's
        day and id."""
        seen = None if channels is None else list(channels)
        asked = seen, first, last, *after, MAX_DOCUMENTS
        rows = await self._pool.fetch(_sql()["documents"], *asked)
        return [
            Document(**{**dict(row.items()), "entries": _decode(row["entries"])}) for row in rows
        ]

    async def _standing(
        self, connection: Connection, order_ids: list[str], moves: Collection[str]
    ) -> list[Standing]:
        entered: dict[str, list[Document]] = {}
        for row in await connection.fetch(_sql()["entered"], order_ids):
            entered.setdefault(row["order_id"], []).append(_entered(row))
        rows = await connection.fetch(_sql()["orders"], order_ids, list(moves))
        found = []
        for row in rows:
            order = self._stated(row)
            if order is None:
                continue  # erased: what was entered stays
            found.append(
                Standing(
                    order_id=row["order_id"],
                    channel=row["channel"],
                    ref=row["ref"],
                    number=row["number"],
                    reference=row["reference"],
                    state=await self._state(row),
                    order=order,
                    moved_at=row["moved_at"],
                    entered=tuple(entered.get(row["order_id"], ())),
                )
            )
        return found

    async def _state(self, row: asyncpg.Record) -> State:
        try:
            return decode_state(row["state"])
        except StateOutdated:
            return await self._views.state(OrderId(row["order_id"]))

    def _stated(self, row: asyncpg.Record) -> Order | None:
        order_id = row["order_id"]
        key = row["stated_master"], row["stated_wrapped"]
        body = self._sealing.stored(order_id, STATED, row["stated"], key)
        if body is None:
            key = row["master"], row["wrapped"]
            body = self._sealing.stored(order_id, BODY, row["body"], key)
        return decode_order(body) if body else None


def _entered(row: asyncpg.Record) -> Document:
    return Document(
        order_id=row["order_id"],
        part=row["part"],
        number=row["number"],
        kind="",
        channel="",
        ref="",
        order_number="",
        reference="",
        day=date.min,
        currency=row["currency"],
        entries=_decode(row["entries"]),
    )


_COLUMNS = (
    *("order_id", "part", "number", "kind", "channel", "ref", "order_number", "reference", "day"),
    "currency",
)


async def _enter(connection: Connection, lacking: Sequence[Document], now: datetime) -> None:
    if not lacking:
        return
    columns = [[getattr(one, name) for one in lacking] for name in _COLUMNS]
    entries = [msgspec.json.encode(one.entries).decode() for one in lacking]
    await connection.execute(_sql()["enter"], now, *columns, entries)

"""Walks through every order's whole stream, to verify that its events still give its stored
state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

import asyncpg
from msgspec import MsgspecError, Struct

from actors.runtime.ports import BODY, STATED
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Sealing
from adapters.postgres.statements import statements
from schemas.messages.codec import decode_event, decode_order
from schemas.messages.events import OrderEvent
from schemas.order.canonical import Order
from schemas.order.ids import OrderId

# States of 200 orders are about a megabyte; their events come in parts of at most MAX_PAGE_EVENTS.
_PAGE_ORDERS = 200
# About 5 MB. One order with more comes whole all the same: its stream is what is to be verified.
MAX_PAGE_EVENTS = 10_000


class Stream(Struct, frozen=True, kw_only=True):
    """One order: what is stored as its state at `version`, and its events up to there."""

    order_id: str
    version: int
    state: bytes
    events: tuple[OrderEvent, ...]


async def streams(pool: Pool, *, after: str = "") -> AsyncIterator[Stream]:
    """Yield every order after the given id, by id. Each is consistent in itself while others write.

    Raises JournalUnavailable, and ValueError, naming the order, for an event that can't be decoded.
    """
    while True:
        page = await pool.fetch(statements()["replay_orders"], after, _PAGE_ORDERS)
        for part in _parts(page):
            rows = await pool.fetch(
                statements()["replay_events"],
                [order_id for order_id, _, _ in part],
                [version for _, version, _ in part],
            )
            events: dict[str, list[OrderEvent]] = {order_id: [] for order_id, _, _ in part}
            for order_id, _, body in rows:
                events[order_id].append(_decoded(order_id, body))
            for order_id, version, state in part:
                yield Stream(
                    order_id=order_id,
                    version=version,
                    state=state,
                    events=tuple(events.pop(order_id)),
                )
        if len(page) < _PAGE_ORDERS:
            return
        after = page[-1]["order_id"]


async def events_until(
    pool: Pool, order_id: str, until: int | datetime | None
) -> list[tuple[int, datetime, OrderEvent]]:
    """Return one order's events up to a version or a moment, each with its version and time; all of
    them for None.

    Raises JournalUnavailable, and ValueError, naming the order, for an event that can't be decoded.
    """
    version, at = (None, until) if isinstance(until, datetime) else (until, None)
    rows = await pool.fetch(statements()["replay_until"], order_id, version, at)
    return await asyncio.to_thread(_read, order_id, rows)


async def version_at(pool: Pool, order_id: str, at: datetime) -> int:
    """Return the version that an order had at a moment, 0 before its first event. Raises
    JournalUnavailable."""
    rows = await pool.fetch(statements()["replay_version"], order_id, at)
    return int(rows[0]["version"])


async def appends_of(pool: Pool, order_id: str) -> dict[int, int]:
    """Return how many inputs each append of an order took, by the order's version after it. Raises
    JournalUnavailable."""
    rows = await pool.fetch(statements()["replay_appends"], order_id)
    return {row["version"]: row["inputs"] for row in rows}


async def bodies_of(
    pool: Pool, sealing: Sealing, order_id: str
) -> tuple[Order | None, Order | None]:
    """Return the canonical order that is acted on, and what its channel stated last (the same where
    nothing else is kept); None for what was erased. Raises JournalUnavailable, KeyMissing and
    Damaged."""
    found: dict[str, Order] = {}
    for row in await pool.fetch(statements()["replay_bodies"], order_id):
        key = row["master"], row["wrapped"]
        opened = sealing.stored(OrderId(order_id), row["name"], row["body"], key)
        if opened:
            found[row["name"]] = decode_order(opened)
    body = found.get(BODY)
    return body, found.get(STATED, body)


def _read(order_id: str, rows: Sequence[asyncpg.Record]) -> list[tuple[int, datetime, OrderEvent]]:
    return [(row["version"], row["at"], _decoded(order_id, row["body"])) for row in rows]


def _decoded(order_id: str, body: bytes) -> OrderEvent:
    try:
        event: OrderEvent = decode_event(body)
    except MsgspecError as error:
        raise ValueError(f"An event of the order {order_id} can't be read: {error}.") from error
    return event


def _parts(page: Sequence[asyncpg.Record]) -> Iterator[list[asyncpg.Record]]:
    """Divide orders so that each part has a bounded number of events: a version counts them."""
    part: list[asyncpg.Record] = []
    count = 0
    for row in page:
        if part and count + row["version"] > MAX_PAGE_EVENTS:
            yield part
            part, count = [], 0
        part.append(row)
        count += row["version"]
    if part:
        yield part

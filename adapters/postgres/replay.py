"""Walks through every order's whole stream, to verify that its events still give its stored
state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import asyncpg
from msgspec import MsgspecError, Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import statements
from schemas.messages.codec import decode_event
from schemas.messages.events import OrderEvent

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

"""Follows orders' events for the stock: goods that left are on hand no more, and what waits for
stock is known by SKU, so that it is tried when some arrives.

No order waits for this. Until it has followed, goods that left are still reserved and on hand,
which promises nothing twice. What it changes and how far it got are one transaction; one process at
a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from msgspec import Struct

from actors.fulfilment.thing import SHORT
from actors.order.state import State
from actors.order.stream import StateOutdated, decode_state, replay
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.messages import events as e
from schemas.messages.codec import decode_event
from schemas.messages.effects import Seen

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

PAGE = 2_000
"""Events of one page, of which about a tenth concerns stock."""

WOKEN_AT_ONCE = 1_000
"""Fulfilments that are tried at once, so that no statement holds timers for long."""

_MOST = 2**63 - 1

LEFT = ("fulfilment.handed_over.v1", "fulfilment.part_handed_over.v1", "fulfilment.fulfilled.v1")
WAITS = ("fulfilment.backordered.v1", "fulfilment.short.v1")
_GONE = frozenset({"travelling", "fulfilled"})


class _Gone(Struct, frozen=True):
    """Units of a line that left with an event."""

    order_id: str
    key: str
    line_id: str
    quantity: int
    number: int
    at: float


class _Waits(Struct, frozen=True):
    """Units that wait for a SKU, and how much of it was free when they were tried."""

    order_id: str
    key: str
    sku: str
    quantity: int
    tried: int
    promised_at: datetime


class StockFollower:
    """Takes a pool whose plans go by key. Raises JournalUnavailable within its deadline when
    Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self) -> None:
        """Go on where it stopped, also when the database was restored from a dump."""
        await self._pool.fetch(_sql()["begin"])

    async def follow(self) -> int:
        """Follow the next page; return how many events it had."""
        return await self._pool.run(_follow)

    async def wake(self, now: datetime) -> int:
        """Try again what waits for stock that has arrived since it was tried, the oldest promise
        first; return how many fulfilments."""
        if not (await self._pool.fetch(_sql()["anyone_waiting"]))[0][0]:
            return 0

        async def work(connection: Connection) -> int:
            async with connection.transaction():
                await connection.execute(_sql()["no_longer"])
                await connection.execute(_sql()["lower"])
                return len(await connection.fetch(_sql()["arrived"], now, WOKEN_AT_ONCE))

        return await self._pool.run(work)


async def _follow(connection: Connection) -> int:
    async with connection.transaction():
        row = await connection.fetchrow(_sql()["place"])
        if row is None:
            return 0
        is_dump = row["resume"] is not None
        up_to = row["dumped_to"] if is_dump else _MOST
        after = (row["xid"], row["position"])
        bounds = (PAGE, row["told_to"], up_to, is_dump)
        end = await connection.fetchrow(_sql()["page_end"], *after, *bounds)
        if end is None:
            if is_dump:
                await connection.execute(_sql()["resume"])
            return 0
        page = (*after, end["xid"], end["position"])
        rows = await connection.fetch(_sql()["page"], *page, [*LEFT, *WAITS], row["told_to"], up_to)
        gone, waits = _read(rows, await _states(connection, rows))
        for some in _apart(gone):
            await _consume(connection, some)
        if waits:
            await connection.execute(_sql()["waits"], *_columns(waits))
        await connection.execute(_sql()["advance"], end["xid"], end["position"])
        return int(end["events"])


async def _states(connection: Connection, rows: Sequence[asyncpg.Record]) -> dict[str, State]:
    """Return the orders' states; one that another version made is rebuilt from its events."""
    states: dict[str, State] = {}
    for row in rows:
        order_id = row["order_id"]
        if order_id in states:
            continue
        try:
            states[order_id] = decode_state(row["state"])
        except StateOutdated:
            events = await connection.fetch(_sql()["history"], order_id)
            states[order_id] = replay([decode_event(one["body"]) for one in events])
    return states


def _read(
    rows: Sequence[asyncpg.Record], states: Mapping[str, State]
) -> tuple[list[_Gone], list[_Waits]]:
    gone: list[_Gone] = []
    waits: dict[tuple[str, str, str], _Waits] = {}
    for order_id, version, body, at, _, placed_at in rows:
        event, state = decode_event(body), states[order_id]
        if isinstance(event, e.HandedOver | e.PartHandedOver | e.Fulfilled):
            gone += [
                _Gone(
                    order_id, event.key, state.lines[x.line].line_id, x.quantity, version,
                    at.timestamp(),
                )
                for x in event.moves
                if x.source == "allocated" and x.to in _GONE
            ]  # fmt: skip
        elif isinstance(event, e.FulfilmentBackordered | e.Backordered):
            for one in _waiting(order_id, state, event, placed_at):
                waits[one.order_id, one.key, one.sku] = one
    return gone, list(waits.values())


def _waiting(
    order_id: str, state: State, event: e.FulfilmentBackordered | e.Backordered, placed_at: datetime
) -> list[_Waits]:
    thing = state.fulfilments.get(event.key)
    if thing is None or thing.stage != SHORT:
        return []
    needed: dict[str, int] = {}
    for at, quantity in thing.left:
        sku = state.lines[at].sku
        needed[sku] = needed.get(sku, 0) + quantity
    free = _free(event.seen)
    promised = _promised(state, placed_at)
    short = [sku for sku in needed if sku in event.skus] or list(needed)
    return [
        _Waits(order_id, event.key, sku, needed[sku], free.get(sku, 0), promised) for sku in short
    ]


def _free(seen: Sequence[Seen]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in seen:
        found[one.sku] = found.get(one.sku, 0) + max(0, one.available)
    return found


def _promised(state: State, placed_at: datetime) -> datetime:
    """Return what the order's place in the queue is by: when its goods have to leave, else when it
    was placed."""
    try:
        return datetime.fromisoformat(state.ship_by) if state.ship_by else placed_at
    except ValueError:
        return placed_at


def _apart(gone: Sequence[_Gone]) -> list[list[_Gone]]:
    """Return them in rounds, none of which names a line of a fulfilment twice."""
    rounds: list[dict[tuple[str, str, str], _Gone]] = []
    for one in gone:
        name = (one.order_id, one.key, one.line_id)
        for some in rounds:
            if name not in some:
                some[name] = one
                break
        else:
            rounds.append({name: one})
    return [list(some.values()) for some in rounds]


async def _consume(connection: Connection, some: Sequence[_Gone]) -> None:
    orders, keys = [one.order_id for one in some], [one.key for one in some]
    await connection.fetch(_sql()["lock"], orders, keys)
    await connection.execute(
        _sql()["consume"],
        *(orders, keys, [one.line_id for one in some], [one.quantity for one in some]),
        *([one.number for one in some], [one.at for one in some]),
    )


def _columns(waits: Sequence[_Waits]) -> tuple[Sequence[object], ...]:
    return (
        [one.order_id for one in waits],
        [one.key for one in waits],
        [one.sku for one in waits],
        [one.quantity for one in waits],
        [one.tried for one in waits],
        [one.promised_at for one in waits],
    )


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock_follow.sql").read_text("utf-8"))

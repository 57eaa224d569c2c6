"""The bare loop's Postgres: one commit at a time writes everything that waits, with plain
unnest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import asyncpg

from ops.bench.calls import (
    BODY_BYTES,
    EXCHANGES,
    KEY_BYTES,
    LINES_BYTES,
    MAIL,
    NAME_BYTES,
    PLACE,
    SEAL_BYTES,
    Step,
)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

T = TypeVar("T")

FILLER = b"x" * 4096
DAY = timedelta(days=1)

ORDERS = """
INSERT INTO orders AS o (order_id, version, partition, channel, ref, number, reference, stage,
    progress, waiting_for, currency, total_minor, final, needs_person, state, placed_at,
    updated_at, progress_since)
SELECT order_id, version, 0, 'acme-us', ref, number, reference, stage, stage, 'the next step',
    'USD', 12345, final, false, state, at, at, at
FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[],
    $8::bytea[], $9::timestamptz[])
    AS n (order_id, version, ref, number, reference, stage, final, state, at)
ON CONFLICT (order_id) DO UPDATE SET version = excluded.version, stage = excluded.stage,
    progress = excluded.progress, final = excluded.final, state = excluded.state,
    updated_at = excluded.updated_at, progress_since = excluded.progress_since
"""
INBOX = """
INSERT INTO inbox (order_id, input_id, version, at)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[])
"""
EVENTS = """
INSERT INTO events (order_id, version, type, body, at)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::bytea[], $5::timestamptz[])
"""
EFFECTS = """
INSERT INTO effects (order_id, number, partition, key, lane, kind, body, due_at, written_by, trace,
    at)
SELECT order_id, number, 0, key, lane, kind, body, at, 1, '', at
FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bytea[],
    $7::timestamptz[]) AS e (order_id, number, key, lane, kind, body, at)
"""
SETTLED = """
UPDATE effects f SET status = 'done', settled_at = s.at
FROM unnest($1::text[], $2::int[], $3::timestamptz[]) AS s (order_id, number, at)
WHERE f.order_id = s.order_id AND f.number = s.number
"""
TIMERS = """
INSERT INTO timers (order_id, key, name, partition, due_at)
SELECT order_id, key, name, 0, due_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
    AS t (order_id, key, name, due_at)
ON CONFLICT (order_id, key, name) DO UPDATE SET due_at = excluded.due_at
"""
CLEARED = """
DELETE FROM timers t USING unnest($1::text[], $2::text[], $3::text[]) AS c (order_id, key, name)
WHERE t.order_id = c.order_id AND t.key = c.key AND t.name = c.name
"""
BODIES = """
INSERT INTO order_bodies (order_id, name, body, updated_at)
SELECT order_id, '', body, at
FROM unnest($1::text[], $2::bytea[], $3::timestamptz[]) AS b (order_id, body, at)
"""
KEYS = """
INSERT INTO body_keys (order_id, name, customer, email, phone, master, wrapped)
SELECT order_id, name, who, who, who, 'M1', wrapped
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[]) AS k (order_id, name, who, wrapped)
"""
DOCUMENTS = """
INSERT INTO documents (order_id, name, key, content_type, content, at)
SELECT order_id, 'label', 'L1', 'image/gif', content, at
FROM unnest($1::text[], $2::bytea[], $3::timestamptz[]) AS d (order_id, content, at)
"""
RESERVE = """
INSERT INTO reservations (order_id, key, line_id, sku, place, quantity, change, number, tracked,
    reserved_at, changed_at)
SELECT order_id, 'F1', line_id, sku, 'main', quantity, quantity, 1, false, now(), now()
FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS l (order_id, line_id, sku, quantity)
"""
NOTE = """
UPDATE effects f SET attempts = 1, error = 'being sent' FROM unnest($1::text[]) AS n (order_id)
WHERE f.order_id = n.order_id AND f.number = $2
"""
KEEP = """
INSERT INTO exchanges (order_id, key, effect, partner, at, duration_ms, method, status, said)
SELECT order_id, key, effect, partner, now(), 5, method, 200, said
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::bytea[])
    AS x (order_id, key, effect, partner, method, said)
"""
DUE = "SELECT order_id FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT 500"


class Order:
    """One order under way."""

    __slots__ = ("gid", "id", "lines", "number", "packed", "reference", "track", "version")

    def __init__(self, serial: int, gid: str, number: str, lines: list[tuple[str, str, int]]):
        self.id = f"{serial:022d}"
        self.reference = f"1B{serial:033d}"
        self.gid = gid
        self.number = number
        self.lines = lines
        self.version = 0
        loop = asyncio.get_running_loop()
        self.packed: asyncio.Future[None] = loop.create_future()
        self.track: asyncio.Future[None] = loop.create_future()


class Written:
    """One step of an order that waits for its commit."""

    __slots__ = ("at", "document", "first", "order", "step")

    def __init__(self, order: Order, step: Step, document: bytes | None) -> None:
        self.order = order
        self.step = step
        self.document = document
        self.at = datetime.now(UTC)
        self.first = order.version + 1
        order.version += len(step.events)


class Batcher(Generic[T]):
    """Collects items that arrive during a write into the next one."""

    def __init__(self, write: Callable[[list[T]], Awaitable[None]]) -> None:
        self._write = write
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self.commits = 0

    def put(self, item: T) -> asyncio.Future[None]:
        """Return a future that is done when the item is on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._wake.set()
        return future

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write([item for item, _ in batch])
                self.commits += 1
                for _, future in batch:
                    future.set_result(None)


class Store:
    """Five connections: steps, stock, notes, records of calls, timers."""

    def __init__(self, connections: list[Connection]) -> None:
        self._steps, self._stock, self._notes, self._records, self._timers = connections
        self.steps: Batcher[Written] = Batcher(self._write)
        self.stock: Batcher[Order] = Batcher(self._reserve)
        self.notes: Batcher[Order] = Batcher(self._note)
        self.records: Batcher[Order] = Batcher(self._keep)

    @classmethod
    async def open(cls, dsn: str) -> Store:
        """Connect and create the tables."""
        settings = {"jit": "off", "synchronous_commit": "on"}
        connections = [await asyncpg.connect(dsn, server_settings=settings) for _ in range(5)]
        tables = Path(__file__).with_name("bare.sql").read_text("utf-8")
        await connections[0].execute(tables)
        return cls(connections)

    def commit(
        self, order: Order, step: Step, document: bytes | None = None
    ) -> asyncio.Future[None]:
        """Write one step of an order."""
        return self.steps.put(Written(order, step, document))

    async def due(self) -> list[str]:
        """Return the orders whose timers are due."""
        rows = await self._timers.fetch(DUE, datetime.now(UTC))
        return [row[0] for row in rows]

    async def _write(self, batch: list[Written]) -> None:
        connection = self._steps
        async with connection.transaction():
            await self._write_orders(batch)
            await connection.execute(
                INBOX,
                [w.order.id for w in batch],
                [f"{w.step.name}:{w.step.settles}" for w in batch],
                [w.first for w in batch],
                [w.at for w in batch],
            )
            events = [(w, n, size) for w in batch for n, size in enumerate(w.step.events)]
            await connection.execute(
                EVENTS,
                [w.order.id for w, _, _ in events],
                [w.first + n for w, n, _ in events],
                [w.step.name for w, _, _ in events],
                [FILLER[:size] for _, _, size in events],
                [w.at for w, _, _ in events],
            )
            await self._write_effects(batch)
            await self._write_timers(batch)
            await self._write_files(batch)

    async def _write_orders(self, batch: list[Written]) -> None:
        # Only the row of an order's last step matters.
        rows = list({w.order.id: w for w in batch}.values())
        await self._steps.execute(
            ORDERS,
            [w.order.id for w in rows],
            [w.order.version for w in rows],
            [w.order.gid for w in rows],
            [w.order.number for w in rows],
            [w.order.reference for w in rows],
            [w.step.name for w in rows],
            [w.step.final for w in rows],
            [FILLER[: w.step.state_bytes] for w in rows],
            [w.at for w in rows],
        )

    async def _write_effects(self, batch: list[Written]) -> None:
        effects = [(w, *effect) for w in batch for effect in w.step.effects]
        if effects:
            await self._steps.execute(
                EFFECTS,
                [w.order.id for w, _, _, _, _ in effects],
                [number for _, number, _, _, _ in effects],
                [key for _, _, _, key, _ in effects],
                [lane for _, _, lane, _, _ in effects],
                [f"{lane}.do_it.v1" for _, _, lane, _, _ in effects],
                [FILLER[:size] for _, _, _, _, size in effects],
                [w.at for w, _, _, _, _ in effects],
            )
        settled = [w for w in batch if w.step.settles]
        if settled:
            await self._steps.execute(
                SETTLED,
                [w.order.id for w in settled],
                [w.step.settles for w in settled],
                [w.at for w in settled],
            )

    async def _write_timers(self, batch: list[Written]) -> None:
        # If a timer is set twice in a batch, the last time counts; the track timer is due at once.
        timers = {
            (w.order.id, key, name): w.at + DAY * (name != "track")
            for w in batch
            for key, name in w.step.sets
        }
        if timers:
            await self._steps.execute(
                TIMERS,
                [order_id for order_id, _, _ in timers],
                [key for _, key, _ in timers],
                [name for _, _, name in timers],
                list(timers.values()),
            )
        cleared = [(w.order.id, *named) for w in batch for named in w.step.clears]
        if cleared:
            await self._steps.execute(
                CLEARED,
                [order_id for order_id, _, _ in cleared],
                [key for _, key, _ in cleared],
                [name for _, _, name in cleared],
            )

    async def _write_files(self, batch: list[Written]) -> None:
        placed = [w for w in batch if w.step is PLACE]
        if placed:
            await self._steps.execute(
                BODIES,
                [w.order.id for w in placed],
                [FILLER[: BODY_BYTES + LINES_BYTES * len(w.order.lines)] for w in placed],
                [w.at for w in placed],
            )
        found = [w for w in batch if w.document is not None]
        keys = [(w.order.id, "") for w in placed] + [(w.order.id, "label") for w in found]
        if keys:
            await self._steps.execute(
                KEYS,
                [order_id for order_id, _ in keys],
                [name for _, name in keys],
                [None if name else _name_of(order_id) for order_id, name in keys],
                [FILLER[:KEY_BYTES]] * len(keys),
            )
        if found:
            await self._steps.execute(
                DOCUMENTS,
                [w.order.id for w in found],
                [FILLER[:SEAL_BYTES] + (w.document or b"") for w in found],
                [w.at for w in found],
            )

    async def _reserve(self, batch: list[Order]) -> None:
        lines = [(order.id, *line) for order in batch for line in order.lines]
        await self._stock.execute(
            RESERVE,
            [order_id for order_id, _, _, _ in lines],
            [line_id for _, line_id, _, _ in lines],
            [sku for _, _, sku, _ in lines],
            [quantity for _, _, _, quantity in lines],
        )

    async def _note(self, batch: list[Order]) -> None:
        await self._notes.execute(NOTE, [order.id for order in batch], MAIL)

    async def _keep(self, batch: list[Order]) -> None:
        rows = [(order.id, *one) for order in batch for one in EXCHANGES]
        await self._records.execute(
            KEEP,
            [order_id for order_id, _, _, _, _, _ in rows],
            [key for _, _, key, _, _, _ in rows],
            [effect for _, _, _, effect, _, _ in rows],
            [partner for _, partner, _, _, _, _ in rows],
            [method for _, _, _, _, method, _ in rows],
            [FILLER[:size] for _, _, _, _, _, size in rows],
        )


def _name_of(order_id: str) -> bytes:
    """Bytes as those of a digest: no order's are near another's."""
    return hash(order_id).to_bytes(8, "big", signed=True) * (NAME_BYTES // 8)

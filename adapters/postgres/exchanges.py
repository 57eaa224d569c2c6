"""Keeps exchanges with partners: written in batches behind the calls, sealed like personal data,
bounded for each order, gone after some weeks, and dropped where there is no room.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import asyncpg
import msgspec
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable
from adapters.kit.exchanges import Exchange, ExchangePolicy
from adapters.postgres.pool import Pool
from adapters.postgres.sealing import Damaged, Sealing
from adapters.postgres.statements import parse
from schemas.order.ids import OrderId
from schemas.order.things import Key

log = logging.getLogger(__name__)

SAID = "exchange"
"""The name under which what was said is sealed, with its order as its place."""

MAX_WAITING = 2_000
"""Exchanges that wait for a batch: 32 MB of full bodies, and seconds of the busiest hour."""

BATCH = 400
LINGER_SECONDS = 0.5
"""How long a batch stays open: no call waits for it."""

PAUSE_SECONDS = 5.0
"""Pause after Postgres did not answer."""

TRIM_EVERY = 50
"""Of one order's exchanges, after how many it is looked for what is above the bound. To look for it
with each batch cost as much as the writing."""

MAX_COUNTED = 20_000
"""Orders whose exchanges are counted between two such looks, 3 MB; the one counted longest is
looked at when another comes."""

EXPIRED_AT_ONCE = 5_000
"""Rows that one statement removes: some ten milliseconds."""

_NEWEST = 2**63 - 1


class KeptExchange(Struct, frozen=True, kw_only=True):
    """An exchange as stored; `id` rises with time. `readable` False: what was said can't be opened
    any more, and is empty."""

    id: int
    exchange: Exchange
    readable: bool = True


class _Said(Struct, frozen=True, array_like=True):
    url: str
    error: str
    request: bytes
    response: bytes


_encode = msgspec.msgpack.Encoder().encode
_said = msgspec.msgpack.Decoder(_Said)


class PostgresExchanges:
    """`adapters.kit.exchanges.Exchanges` over Postgres. `dropped` counts what there was no room
    for. `run` writes until it is cancelled; everything else raises JournalUnavailable."""

    def __init__(self, pool: Pool, sealing: Sealing, policy: ExchangePolicy) -> None:
        self._pool = pool
        self._sealing = sealing
        self._policy = policy
        self._waiting: deque[Exchange] = deque()
        self._came = asyncio.Event()
        self._counted: dict[OrderId, int] = {}
        self._trim_every = min(TRIM_EVERY, max(1, policy.per_order // 4))
        self.dropped = 0

    def wants(self, order_id: OrderId, status: int) -> bool:
        """See `Exchanges`."""
        return len(self._waiting) < MAX_WAITING and self._policy.wants(order_id, status)

    def record(self, exchange: Exchange) -> None:
        """See `Exchanges`."""
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(exchange)
        self._came.set()

    async def run(self) -> None:
        """Write what comes, until cancelled; then what is left, once."""
        try:
            while True:
                await self._came.wait()
                await asyncio.sleep(LINGER_SECONDS)
                await self._flush_or_wait()
        finally:
            try:
                await self.flush()
            except JournalUnavailable as error:
                log.info("%d exchanges were not written: %s", len(self._waiting), error)

    async def _flush_or_wait(self) -> None:
        try:
            await self.flush()
        except JournalUnavailable as error:
            log.info("Exchanges with partners wait to be written: %s", error)
            await asyncio.sleep(PAUSE_SECONDS)
        except Exception:  # what is only for reading must not end the process
            log.exception("Exchanges with partners could not be written; they are dropped.")

    async def flush(self) -> int:
        """Write everything that waits; return how many were stored."""
        written = 0
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                written += await self._write(batch)
            except JournalUnavailable:
                self._waiting.extendleft(reversed(batch))
                raise
        self._came.clear()
        return written

    async def _write(self, batch: Sequence[Exchange]) -> int:
        rows = await self._pool.fetch(
            _sql()["keep"],
            [one.order_id for one in batch],
            [one.key for one in batch],
            [one.effect for one in batch],
            [one.partner for one in batch],
            [one.at for one in batch],
            [one.duration_ms for one in batch],
            [one.method for one in batch],
            [one.status for one in batch],
            [self._sealed(one) for one in batch],
        )
        if due := self._to_trim(batch):
            await self._trim(due)
        return len(rows)

    async def _trim(self, due: list[OrderId]) -> None:
        """Let the oldest go. The batch is written: whoever failed here must not write it again, and
        the next exchange of these orders tries once more."""
        try:
            await self._pool.fetch(_sql()["trim"], due, self._policy.per_order)
        except JournalUnavailable as error:
            log.info("Old exchanges with partners stay for now: %s", error)
            self._counted.update(dict.fromkeys(due, self._trim_every - 1))

    def _to_trim(self, batch: Sequence[Exchange]) -> list[OrderId]:
        """Count what was written, and return the orders of which enough is new. An order may have
        as many more than the policy says, and after a restart as many again."""
        counted, due = self._counted, []
        for one in batch:
            count = counted.get(one.order_id, 0) + 1
            if count < self._trim_every:
                counted[one.order_id] = count
                continue
            counted.pop(one.order_id, None)
            due.append(one.order_id)
        while len(counted) > MAX_COUNTED:
            first = next(iter(counted))
            del counted[first]
            due.append(first)
        return due

    def _sealed(self, one: Exchange) -> bytes:
        said = _encode(_Said(one.url, one.error, one.request, one.response))
        return self._sealing.enclose(one.order_id, SAID, said)

    async def of_order(
        self, order_id: OrderId, *, before: int = _NEWEST, limit: int = 100
    ) -> tuple[KeptExchange, ...]:
        """Return an order's latest exchanges with ids below `before`, oldest first."""
        rows = await self._pool.fetch(_sql()["of_order"], order_id, before, limit)
        return tuple(self._opened(order_id, row) for row in rows)

    async def between(
        self, order_id: OrderId, begin: datetime, end: datetime, *, limit: int
    ) -> tuple[KeptExchange, ...]:
        """Return an order's latest exchanges of `begin <= time < end`, oldest first."""
        rows = await self._pool.fetch(_sql()["between"], order_id, begin, end, limit)
        return tuple(self._opened(order_id, row) for row in rows)

    def _opened(self, order_id: OrderId, row: asyncpg.Record) -> KeptExchange:
        readable = True
        try:
            said = _said.decode(self._sealing.disclose(order_id, SAID, row["said"]))
        except Damaged:
            said, readable = _Said("", "", b"", b""), False
        exchange = Exchange(
            order_id=order_id,
            key=Key(row["key"]),
            effect=row["effect"],
            partner=row["partner"],
            at=row["at"],
            duration_ms=row["duration_ms"],
            method=row["method"],
            status=row["status"],
            url=said.url,
            error=said.error,
            request=said.request,
            response=said.response,
        )
        return KeptExchange(id=row["id"], exchange=exchange, readable=readable)

    async def expire(self, *, now: datetime) -> int:
        """Remove up to EXPIRED_AT_ONCE exchanges older than the policy's days; return how many
        went. 0: none is left."""
        before = now - timedelta(days=self._policy.days)
        return len(await self._pool.fetch(_sql()["expire"], before, EXPIRED_AT_ONCE))


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("exchanges.sql").read_text("utf-8"))

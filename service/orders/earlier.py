"""Orders at an earlier moment, and what would be decided of their past today, for the console.

One replay runs at a time, on a thread of its own: an order of ten thousand events takes a second,
in which the service goes on answering.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from actors.order.stream import OrderSummary, replay, row_of
from adapters.postgres.mappings import PostgresMappings
from adapters.postgres.order_parts import OrderParts, parts_of, skus_of
from adapters.postgres.pool import Pool
from adapters.postgres.replay import events_until, version_at
from adapters.postgres.rules import PostgresRules
from adapters.postgres.sealing import Sealing
from adapters.postgres.views import OrderRow
from schemas.messages.events import OrderEvent
from schemas.messages.words import event_words
from schemas.order.ids import OrderId
from service.app.errors import OperatorError
from service.orders.what_if import WhatIf, what_if_of
from service.settings import Settings

MAX_DECIDED = 2_000
"""Events of an order whose inputs are decided again here: some seconds. A longer past is for the
command line, which has a process of its own."""


class Told(Struct, frozen=True, kw_only=True):
    """An event in words, with its version and time (UTC)."""

    version: int
    at: datetime
    words: str


class Moment(Struct, frozen=True, kw_only=True):
    """An order after one of its events (`told`), and the event that came next (None: it was the
    last)."""

    told: Told
    row: OrderSummary
    parts: OrderParts
    next: Told | None


class Earlier:
    """Every call raises JournalUnavailable, and OperatorError for what this version can't read.
    `settings` are those in use; a reload changes them."""

    def __init__(self, pool: Pool, sealing: Sealing, settings: Settings) -> None:
        self.pool = pool
        self.sealing = sealing
        self.settings = settings
        self.mappings = PostgresMappings(pool)
        self.rules = PostgresRules(pool)
        self._turn = asyncio.Semaphore(1)

    async def version_at(self, order_id: OrderId, at: datetime) -> int:
        """Return the version that an order had then, 0 before its first event."""
        return await version_at(self.pool, order_id, at)

    async def moment(self, order_id: OrderId, version: int) -> Moment:
        """Return an order after the event of this version, from 1 to its newest."""
        async with self._turn:
            try:
                found = await events_until(self.pool, order_id, version + 1)
            except ValueError as error:
                raise OperatorError(f"{error} Was it written by a newer version?") from error
            return await asyncio.to_thread(_moment, found, version)

    async def what_if(self, row: OrderRow) -> WhatIf:
        """Decide an order's inputs again by what is in use now."""
        if row.version > MAX_DECIDED:
            raise OperatorError(
                f"The order has {row.version:,} events, and {MAX_DECIDED:,} are decided again here"
                " at most. On the service's machine, `orderwright orders replay"
                f" {row.order_id} --what-if` decides all of them."
            )
        async with self._turn:
            return await what_if_of(self, row)


def _moment(found: Sequence[tuple[int, datetime, OrderEvent]], version: int) -> Moment:
    until = [one for one in found if one[0] <= version]
    state = replay([event for _, _, event in until])
    lines = skus_of(state)

    def told(one: tuple[int, datetime, OrderEvent]) -> Told:
        return Told(version=one[0], at=one[1], words=event_words(one[2], lines))

    after = found[len(until) :]
    return Moment(
        told=told(until[-1]),
        row=row_of(state),
        parts=parts_of(state),
        next=told(after[0]) if after else None,
    )

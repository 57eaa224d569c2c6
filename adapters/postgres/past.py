"""The orders of the past with what was ordered, page by page: what rules are tried on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
from msgspec import Struct

from actors.runtime.ports import BODY
from adapters.postgres.pool import Pool
from adapters.postgres.rules import statements_of_rules
from adapters.postgres.sealing import Sealing
from schemas.messages.codec import decode_event, decode_order
from schemas.messages.effects import tag_of
from schemas.messages.rule_events import RulesDecided
from schemas.order.canonical import Order
from schemas.order.ids import OrderId

PAGE = 500
"""Orders read at once: about a megabyte."""


class PastOrder(Struct, frozen=True):
    """An order as it was acted on last; `order` is None when it was erased. `decided` is the last
    decision about it, where that was asked for and there is one."""

    order_id: OrderId
    channel: str
    number: str
    order: Order | None
    decided: RulesDecided | None = None


class Past:
    """Reads orders placed since a moment, the newest first. Raises JournalUnavailable, KeyMissing
    and Damaged."""

    def __init__(self, pool: Pool, sealing: Sealing, *, page: int = PAGE) -> None:
        self._pool = pool
        self._sealing = sealing
        self._page = page

    async def count(self, since: datetime) -> int:
        """Return how many orders there are."""
        (row,) = await self._pool.fetch(statements_of_rules()["past_count"], since)
        return int(row["orders"])

    async def pages(
        self, since: datetime, *, decided: bool = False
    ) -> AsyncIterator[list[PastOrder]]:
        """Yield pages of orders; memory stays that of one. `decided`: with the last decision about
        each."""
        before, last = datetime(9999, 1, 1, tzinfo=UTC), ""
        while True:
            asked = since, before, last, self._page
            rows = await self._pool.fetch(statements_of_rules()["past"], *asked)
            if not rows:
                return
            known = await self._decided([row["order_id"] for row in rows]) if decided else {}
            yield [
                PastOrder(
                    row["order_id"],
                    row["channel"],
                    row["number"],
                    self._opened(row),
                    known.get(row["order_id"]),
                )
                for row in rows
            ]
            before, last = rows[-1]["placed_at"], rows[-1]["order_id"]

    async def _decided(self, order_ids: list[str]) -> dict[str, RulesDecided]:
        sql = statements_of_rules()["past_worlds"]
        rows = await self._pool.fetch(sql, order_ids, tag_of(RulesDecided))
        found = {row["order_id"]: decode_event(bytes(row["body"])) for row in rows}
        return {name: one for name, one in found.items() if isinstance(one, RulesDecided)}

    def _opened(self, row: asyncpg.Record) -> Order | None:
        order_id, key = row["order_id"], (row["master"], row["wrapped"])
        body = self._sealing.stored(order_id, BODY, row["body"], key)
        return decode_order(body) if body else None

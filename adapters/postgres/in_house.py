"""Orders whose goods are in the house: not all of them have left."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from pathlib import Path

import asyncpg
from msgspec import Struct

from actors.order.stream import StateOutdated, decode_state
from adapters.postgres.order_parts import OrderParts, parts_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from adapters.postgres.views import Views
from schemas.order.ids import OrderId

MAX_ORDERS = 200
"""Orders that are shown, the oldest first: more than a house packs in an hour."""


class InHouse(Struct, frozen=True, kw_only=True):
    """An order and its parts."""

    order_id: str
    number: str
    channel: str
    ref: str
    placed_at: datetime
    parts: OrderParts


class PostgresInHouse:
    """Raises JournalUnavailable."""

    def __init__(self, pool: Pool, views: Views) -> None:
        self._pool = pool
        self._views = views

    async def oldest(self, channels: Collection[str] | None) -> list[InHouse]:
        """Return at most 200 orders of these channels (None: all), the oldest first. However many
        orders wait for stock, none of theirs takes the place of one whose goods are here."""
        given = None if channels is None else sorted(channels)
        rows = await self._pool.fetch(_sql()["oldest"], given, MAX_ORDERS)
        return [await self._one(row) for row in rows]

    async def _one(self, row: asyncpg.Record) -> InHouse:
        plain = {name: value for name, value in row.items() if name != "state"}
        return InHouse(**plain, parts=await self._of(row))

    async def _of(self, row: asyncpg.Record) -> OrderParts:
        try:
            return parts_of(decode_state(row["state"]))
        except StateOutdated:
            return parts_of(await self._views.state(OrderId(row["order_id"])))


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("in_house.sql").read_text("utf-8"))

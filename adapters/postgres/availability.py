"""What the public feed is made of: free units by SKU, and what happened to parcels when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.messages import events as e
from schemas.messages.codec import decode_event
from schemas.messages.effects import tag_of

MAX_ORDERS = 2_000
"""Orders of a channel that are looked at, the newest: a quantile of more is hardly another one."""
PAGE = 200
"""Orders whose events are read at once."""

_TOLD: tuple[type[e.Event], ...] = (
    e.Placed, e.Changed, e.UnitsScheduled, e.FulfilmentBackordered, e.Backordered, e.HandedOver,
    e.PartHandedOver, e.Delivered,
)  # fmt: skip
STEPS = [tag_of(one) for one in _TOLD]


class Step(Struct, frozen=True):
    """An event of an order, and when it was recorded."""

    event: e.OrderEvent
    at: datetime


class Way(Struct, frozen=True):
    """What happened to an order that was placed then, in its order."""

    placed_at: datetime
    steps: tuple[Step, ...]


class Availability:
    """Raises JournalUnavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def free(
        self, places: Sequence[str], after: str, buffer: int, limit: int
    ) -> list[tuple[str, int]]:
        """Return the next SKUs after one ("": the first), with the units that are free at these
        places beyond a buffer at each. A SKU that no place counts is not there."""
        rows = await self._pool.fetch(_sql()["free"], list(places), after, buffer, limit)
        return [(row["sku"], row["units"]) for row in rows]

    async def newest(self, channel: str, since: datetime) -> list[tuple[str, datetime]]:
        """Return the newest MAX_ORDERS orders of a channel, with when they were placed."""
        rows = await self._pool.fetch(_sql()["newest"], channel, since, MAX_ORDERS)
        return [(row["order_id"], row["placed_at"]) for row in rows]

    async def ways(self, some: Sequence[tuple[str, datetime]]) -> list[Way]:
        """Return what happened to orders, at most PAGE of them."""
        steps: dict[str, list[Step]] = {order_id: [] for order_id, _ in some}
        for row in await self._pool.fetch(_sql()["steps"], list(steps), STEPS):
            steps[row["order_id"]].append(Step(decode_event(row["body"]), row["at"]))
        return [Way(placed_at, tuple(steps[order_id])) for order_id, placed_at in some]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("availability.sql").read_text("utf-8"))

"""Lets go of what an order that ended needs no more: which inputs it took, and its effects.

Events are kept permanently: they are the truth. A repeat that comes after its inbox row is gone
finds an order at its end, where nothing it could say changes anything. Files and personal data have
clocks of their own (`docs/privacy.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

BATCH = 500
"""Orders of one statement: some ten thousand rows, far inside the pool's deadline."""

MOST_ORDERS = 250_000
"""Orders looked at in one round: with one every ten minutes that is 36 million a day, above the
seven million that a machine takes in when it is busy all day."""

_BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), "")


class Swept(Struct, frozen=True, kw_only=True):
    """How much one round looked at and let go."""

    orders: int = 0
    inbox: int = 0
    effects: int = 0


class Retention:
    """Goes through the orders from the oldest on, and begins again at the end; where it is, is not
    stored, because going through what is gone already costs little."""

    def __init__(self, pool: Pool, *, batch: int = BATCH) -> None:
        self._pool = pool
        self._batch = batch
        self._place = _BEGINNING

    async def sweep(
        self,
        now: datetime,
        *,
        inbox_days: float,
        effects_days: float,
        most_orders: int = MOST_ORDERS,
    ) -> Swept:
        """Go on with the next orders, `most_orders` at most. Raises JournalUnavailable; the next
        round then goes on at the same place."""
        inbox_before = now - timedelta(days=inbox_days)
        effects_before = now - timedelta(days=effects_days)
        youngest = max(inbox_before, effects_before)
        looked_at = inbox = effects = 0
        while looked_at < most_orders:
            rows = await self._pool.fetch(
                _sql()["next_orders"], *self._place, youngest, self._batch
            )
            ended = [(one["order_id"], one["ended_at"]) for one in rows if one["ended_at"]]
            inbox += await self._drop("drop_inbox", ended, inbox_before)
            effects += await self._drop("drop_effects", ended, effects_before)
            looked_at += len(rows)
            if len(rows) < self._batch:
                self._place = _BEGINNING
                break
            self._place = (rows[-1]["placed_at"], rows[-1]["order_id"])
        return Swept(orders=looked_at, inbox=inbox, effects=effects)

    async def _drop(
        self, name: str, ended: Sequence[tuple[str, datetime]], before: datetime
    ) -> int:
        order_ids = [order_id for order_id, at in ended if at < before]
        if not order_ids:
            return 0
        rows = await self._pool.fetch(_sql()[name], order_ids, before)
        return int(rows[0]["rows"])


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("retention.sql").read_text("utf-8"))

"""Finds a customer's data and destroys the keys that open it.

What goes: the keys of an order's body and files and what they sealed, and whatever a message in
quarantine held. What stays: events, effects, totals and incidents, which name no one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.privacy import Whose
from adapters.postgres.statements import parse
from schemas.messages import events as e
from schemas.messages.effects import tag_of

PAGE = 200
"""Orders erased in one statement: some 20 ms, so that no order's own commit waits long."""

SCAN = 2_000
"""Orders looked at in one page of a walk through all of them: about 10 ms."""

ITEMS = 100
"""Messages in quarantine that one statement erases."""

SENTENCE = "What the message held was erased with the customer's data; nothing of it is left."

LEAVING = [
    tag_of(kind) for kind in (e.HandedOver, e.PartHandedOver, e.Fulfilled, e.ShippedElsewhere)
]
"""The events that say that goods left, by us or by somebody else."""

BEGINNING = (datetime(1970, 1, 1, tzinfo=UTC), "")
"""Before every order."""


class Found(Struct, frozen=True, kw_only=True):
    """An order that a request is about. `kept`: something of it can still be read."""

    order_id: str
    ref: str
    number: str
    final: bool
    kept: bool


class Walked(Struct, frozen=True, kw_only=True):
    """A page of a walk through all orders, oldest first: those that were final for so long, those
    that are not final (by id, with what people call them), those of these that left for so long,
    and where the next page begins (None: nowhere)."""

    due: tuple[str, ...]
    left: tuple[str, ...]
    waiting: Mapping[str, str]
    after: tuple[datetime, str] | None


class Erasing:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keeps(self, channel: str) -> bool:
        """Say whether there is an order or a message in quarantine of a channel."""
        (row,) = await self._pool.fetch(_sql()["keeps"], channel)
        return bool(row["keeps"])

    async def of_customer(self, whose: Whose, *, after: str = "") -> tuple[Found, ...]:
        """Return at most PAGE orders by id, with ids above `after`."""
        rows = await self._pool.fetch(
            _sql()["of_customer"],
            *(whose.channel, whose.customers, whose.emails, whose.phones, whose.order_ids),
            *(after, PAGE),
        )
        return tuple(Found(**dict(row)) for row in rows)

    async def walk(
        self,
        bounds: Mapping[str, datetime],
        after: tuple[datetime, str],
        *,
        placed_before: datetime,
        shipped: Sequence[str] = (),
        limit: int = SCAN,
    ) -> Walked:
        """Look at the next orders: `bounds` says for each channel since when an order must have
        been final or, of the channels `shipped`, nothing of it have left any more. Other channels'
        orders are passed by."""
        rows = await self._pool.fetch(
            _sql()["by_age"],
            *(*after, placed_before, list(bounds), list(bounds.values()), limit),
            *(list(shipped), LEAVING),
        )
        last = (rows[-1]["placed_at"], rows[-1]["order_id"]) if len(rows) == limit else None
        return Walked(
            due=tuple(row["order_id"] for row in rows if row["due"]),
            left=tuple(row["order_id"] for row in rows if row["left"]),
            waiting={row["order_id"]: row["number"] for row in rows if row["waits"]},
            after=last,
        )

    async def erase_orders(
        self,
        order_ids: Sequence[str],
        *,
        person: str,
        target: str,
        reason: str,
        at: datetime,
        forced: bool = False,
    ) -> tuple[str, ...]:
        """Destroy the orders' keys; return those that had something left. Orders that are not final
        are left alone, unless `forced`. Several statements when there are many."""
        erased: list[str] = []
        for start in range(0, len(order_ids), PAGE):
            page = list(order_ids[start : start + PAGE])
            rows = await self._pool.fetch(
                _sql()["erase_orders"], page, forced, at, person, target, reason
            )
            erased += [row["order_id"] for row in rows]
        return tuple(erased)

    async def erase_items(
        self, ids: Sequence[int], *, person: str, reason: str, at: datetime
    ) -> int:
        """Empty messages in quarantine for good; open ones count as discarded. Return how many had
        something left."""
        sentences = json.dumps([SENTENCE]).encode()
        erased = 0
        for start in range(0, len(ids), ITEMS):
            page = list(ids[start : start + ITEMS])
            rows = await self._pool.fetch(
                _sql()["erase_items"], page, sentences, at, person, reason
            )
            erased += len(rows)
        return erased

    async def items_of(self, channel: str) -> tuple[int, ...]:
        """Return at most ITEMS ids of a channel's messages in quarantine that hold something."""
        rows = await self._pool.fetch(_sql()["items_of"], channel, ITEMS)
        return tuple(row["id"] for row in rows)


@cache
def _sql() -> Mapping[str, str]:
    named = parse(Path(__file__).with_name("erasing.sql").read_text("utf-8"))
    return {name: text.replace("{kept}", named["kept"]) for name, text in named.items()}

"""What channels are told of the units that may be sold, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.kit.offering import Heard, Offered
from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

MAX_PAGE = 200
"""Rows in one list."""


class Told(Struct, frozen=True, kw_only=True):
    """What a channel was told last of an SKU at a place; `why` says what keeps it from being
    sold."""

    channel: str
    place: str
    sku: str
    units: int
    at: datetime
    outcome: str
    why: str


class StockOffers:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(
        self,
        channel: str,
        places: Sequence[str],
        *,
        buffer: int,
        after: tuple[str, str],
        before: datetime,
        limit: int,
    ) -> list[Offered]:
        """Return at most `limit` figures by place and SKU, after the given ones, that the channel
        was not told, or not since `before`. `buffer` units of each are kept back."""
        asked = channel, list(places), buffer, *after, before, limit
        return [Offered(**dict(row)) for row in await self._pool.fetch(_sql()["due"], *asked)]

    async def heard(
        self, channel: str, at: datetime, told: Sequence[tuple[Offered, Heard]]
    ) -> None:
        """Keep what became of figures; those that are to be told again soon are left out."""
        kept = [(one, said) for one, said in told if said.outcome != "stale"]
        if not kept:
            return
        await self._pool.fetch(
            _sql()["heard"],
            channel,
            at,
            [one.place for one, _ in kept],
            [one.sku for one, _ in kept],
            [one.units for one, _ in kept],
            [said.outcome for _, said in kept],
            [text_of(said.why) for _, said in kept],
        )

    async def page(
        self, *, after: tuple[str, str, str], only_faults: bool, limit: int
    ) -> list[Told]:
        """Return what channels were told, by channel, place and SKU; `only_faults`: what they do
        not know or refused. At most MAX_PAGE."""
        most = max(1, min(limit, MAX_PAGE))
        rows = await self._pool.fetch(_sql()["page"], *after, only_faults, most)
        return [Told(**dict(row)) for row in rows]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock_offers.sql").read_text("utf-8"))

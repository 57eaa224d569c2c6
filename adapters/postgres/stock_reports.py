"""The last report of each place whose stock a partner counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

MAX_SPELLED = 100_000
"""SKUs with small letters at one place: some ten megabytes."""


class Report(Struct, frozen=True, kw_only=True):
    """A report: how many figures it had, how many balances changed, how many figures were older
    than the last count, at how many SKUs promised units are missing, and what is wrong ("":
    nothing)."""

    place: str
    partner: str
    at: datetime
    figures: int
    changed: int
    stale: int
    missing: int
    fault: str


class StockReports:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def is_due(self, place: str, partner: str, since: datetime) -> bool:
        """Return whether the partner was not asked about the place after `since`."""
        return not await self._pool.fetch(_sql()["due"], place, partner, since)

    async def keep(self, one: Report) -> None:
        """Keep a report instead of the place's last one."""
        counts = one.figures, one.changed, one.stale, one.missing
        told = one.place, one.partner, one.at, *counts, text_of(one.fault)
        await self._pool.fetch(_sql()["keep"], *told)

    async def all(self) -> list[Report]:
        """Return the last report of each place; at most 200."""
        return [Report(**dict(row)) for row in await self._pool.fetch(_sql()["all"])]

    async def spelled(self, place: str) -> dict[str, str]:
        """Return how SKUs of a place with small letters are written, by their capitals."""
        rows = await self._pool.fetch(_sql()["spelled"], place, MAX_SPELLED)
        return {row["sku"].upper(): row["sku"] for row in rows}

    async def unknown(self, skus: Sequence[str], limit: int) -> list[str]:
        """Return the first SKUs of a report that were never counted, sent or declared here."""
        rows = await self._pool.fetch(_sql()["unknown"], [text_of(one) for one in skus], limit)
        return [row["sku"] for row in rows]


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock_reports.sql").read_text("utf-8"))

"""Figures about all orders together: how many stand where, and how long they took."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse


class Figures(Struct, frozen=True, kw_only=True):
    """Counts by stage; `final` and `attention` count across stages. Times in seconds since 1970,
    durations in seconds; None while nothing has happened."""

    stages: dict[str, int]
    final: int
    attention: int
    quarantined: int
    first_at: float | None
    last_at: float | None

    @property
    def orders(self) -> int:
        """How many orders there are."""
        return sum(self.stages.values())


async def read_figures(pool: Pool) -> Figures:
    """Read the counts. Raises JournalUnavailable."""
    rows = await pool.fetch(_sql()["stages"])
    stages: dict[str, int] = {}
    for row in rows:
        stages[row["stage"]] = stages.get(row["stage"], 0) + row["orders"]
    span = (await pool.fetch(_sql()["span"]))[0]
    return Figures(
        stages=stages,
        final=sum(row["orders"] for row in rows if row["final"]),
        attention=sum(row["orders"] for row in rows if row["attention"]),
        quarantined=(await pool.fetch(_sql()["quarantined"]))[0]["items"],
        first_at=span["first_at"],
        last_at=span["last_at"],
    )


async def final_refs(pool: Pool, channel: str) -> set[str]:
    """Return the references of a channel's orders that are final."""
    return {row["ref"] for row in await pool.fetch(_sql()["final_refs"], channel)}


async def shipped_seconds(pool: Pool) -> tuple[float | None, float | None]:
    """Return median and 99th percentile from receipt to the carrier's first scan."""
    row = (await pool.fetch(_sql()["shipped_seconds"]))[0]
    return row["p50"], row["p99"]


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("figures.sql").read_text("utf-8"))

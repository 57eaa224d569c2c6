"""Figures about orders: how many stand where, what became of some, and how long they took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct

from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse


class Figures(Struct, frozen=True, kw_only=True):
    """Counts by stage; `final` and `attention` count across stages."""

    stages: dict[str, int]
    final: int
    attention: int
    quarantined: int

    @property
    def orders(self) -> int:
        """How many orders there are."""
        return sum(self.stages.values())


class Fate(Struct, frozen=True, kw_only=True):
    """What became of one order. `reference` is its own signed one. Times in seconds since 1970."""

    reference: str
    stage: str
    final: bool
    attention: bool
    placed_at: float
    changed_at: float


async def read_figures(pool: Pool) -> Figures:
    """Read the counts. Raises JournalUnavailable."""
    rows = await pool.fetch(_sql()["stages"])
    stages: dict[str, int] = {}
    for row in rows:
        stages[row["stage"]] = stages.get(row["stage"], 0) + row["orders"]
    return Figures(
        stages=stages,
        final=sum(row["orders"] for row in rows if row["final"]),
        attention=sum(row["orders"] for row in rows if row["attention"]),
        quarantined=(await pool.fetch(_sql()["quarantined"]))[0]["items"],
    )


async def read_fates(pool: Pool, channel: str, refs: Sequence[str]) -> dict[str, Fate]:
    """Return what became of these orders of a channel, by reference; without those unknown. Raises
    JournalUnavailable."""
    rows = await pool.fetch(_sql()["fates"], channel, refs)
    return {
        ref: Fate(
            reference=reference,
            stage=stage,
            final=final,
            attention=attention,
            placed_at=placed_at,
            changed_at=changed_at,
        )
        for ref, reference, stage, final, attention, placed_at, changed_at in rows
    }


async def shipped_seconds(
    pool: Pool, channel: str, refs: Sequence[str]
) -> tuple[float | None, float | None]:
    """Return median and 99th percentile from receipt to the first parcel's departure; None while
    nothing was shipped. Raises JournalUnavailable."""
    row = (await pool.fetch(_sql()["shipped_seconds"], channel, refs))[0]
    return row["p50"], row["p99"]


@cache
def _sql() -> Mapping[str, str]:
    return parse(Path(__file__).with_name("figures.sql").read_text("utf-8"))

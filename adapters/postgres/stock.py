"""Stock as a partner like any other, except that it lives in our own Postgres.

Reserving is all or nothing for each order and get-or-create for each line: a repeat finds what the
first call did. Many orders share one statement; when some SKU does not suffice for all of them,
the server's own check refuses the statement and the orders are taken one after another, first come,
first served.

A SKU without a stock row at the place is *untracked*: it reserves whatever is asked. On-hand
figures come from the ERP; until an import brings them, nothing is held up for want of a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable, Rejected, Unknown
from actors.runtime.ports import Call
from adapters.postgres.group import Group
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse
from schemas.messages.effects import (
    ReleaseStock,
    ReserveStock,
    Result,
    StockReserved,
    StockShort,
    Undone,
)
from schemas.order.canonical import Line

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_BATCH = 200
"""Orders in one statement: larger ones gain little and hold popular SKUs' rows longer."""

MAX_LEVELS = 1_000
"""Rows in one page of stock levels: about 100 kB."""


class StockRow(Struct, frozen=True, kw_only=True):
    """What lies at a place. `reserved` never exceeds `on_hand` less `safety`."""

    place: str
    sku: str
    on_hand: int
    safety: int = 0
    reserved: int = 0


class StockRefused(ValueError):
    """Figures that can't be: below nothing, or below what is reserved already."""


class _Wanted(Struct, frozen=True):
    order_id: str
    number: int
    lines: tuple[Line, ...]


class _Release(Struct, frozen=True):
    order_id: str
    number: int


class StockPartner:
    """Implements actors.runtime.ports.Partner for ReserveStock and ReleaseStock at one place."""

    name = "stock"
    can_look_up = True

    def __init__(self, pool: Pool, *, place: str = "main", max_batch: int = MAX_BATCH) -> None:
        self._pool = pool
        self._place = place
        self._reserved = StockReserved(place=place)
        self._reserves: Group[_Wanted, Result] = Group(
            self._reserve_batch,
            key=lambda wanted: wanted.order_id,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )
        self._releases: Group[_Release, Result] = Group(
            self._release_batch,
            key=lambda release: release.order_id,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )

    async def perform(self, call: Call) -> Result:
        """Reserve or release. Raises Unknown when Postgres did not answer (repeat it: harmless) and
        Rejected for an order whose texts can't be stored."""
        try:
            if isinstance(call.effect, ReserveStock):
                lines = tuple(line for line in call.stated.lines if line.requires_shipping)
                if not lines:
                    return self._reserved
                if len({line.line_id for line in lines}) < len(lines):
                    raise Rejected(
                        "Two lines of the order have one id, so neither can be reserved."
                    )
                return await self._reserves.submit(_Wanted(call.order_id, call.number, lines))
            if isinstance(call.effect, ReleaseStock):
                return await self._releases.submit(_Release(call.order_id, call.number))
        except JournalUnavailable as error:
            raise Unknown(f"Whether the stock was changed is unknown: {error}") from error
        raise Rejected(f"Stock can't do {type(call.effect).__name__}; this effect isn't for it.")

    async def look_up(self, call: Call) -> Result | None:
        """Return what an earlier call did, None when it did nothing (or was short)."""
        try:
            rows = await self._pool.fetch(_sql()["reservations"], [call.order_id])
        except JournalUnavailable as error:
            raise Unknown(f"The stock can't be asked: {error}") from error
        if isinstance(call.effect, ReleaseStock):
            left = any(held and number < call.number for _, _, number, held in rows)
            return None if left else Undone()
        found = {line_id for _, line_id, _, held in rows if held}
        wanted = {line.line_id for line in call.stated.lines if line.requires_shipping}
        return self._reserved if wanted <= found else None

    async def seed(self, rows: Sequence[StockRow]) -> None:
        """Set on-hand and safety figures; what is reserved stays. Raises StockRefused when they
        would fall below what is reserved, and then changes nothing."""
        try:
            await self._pool.fetch(
                _sql()["seed"],
                [row.place for row in rows],
                [row.sku for row in rows],
                [row.on_hand for row in rows],
                [row.safety for row in rows],
            )
        except asyncpg.CheckViolationError as error:
            raise StockRefused(
                "On hand less the safety stock must stay at or above what is reserved; "
                "release orders first."
            ) from error

    async def levels(self, *, after: tuple[str, str] = ("", "")) -> list[StockRow]:
        """Return at most MAX_LEVELS rows by place and SKU, after the given ones."""
        rows = await self._pool.fetch(_sql()["stock_levels"], *after, MAX_LEVELS)
        return [
            StockRow(place=place, sku=sku, on_hand=on_hand, safety=safety, reserved=reserved)
            for place, sku, on_hand, safety, reserved in rows
        ]

    async def _reserve_batch(self, batch: Sequence[_Wanted]) -> Sequence[Result | Exception]:
        try:
            await self._pool.fetch(_sql()["reserve"], self._place, *_columns(batch))
        except asyncpg.CheckViolationError:
            # Some SKU does not suffice for all of them: see who can be served.
            return await self._pool.run(lambda connection: self._one_by_one(connection, batch))
        except asyncpg.DataError as error:
            return await self._halves(batch, error)
        return [self._reserved] * len(batch)

    async def _halves(
        self, batch: Sequence[_Wanted], error: Exception
    ) -> Sequence[Result | Exception]:
        """Find the order that can't be stored; nothing of the failed statement was kept."""
        if len(batch) == 1:
            return [Rejected(f"The order's lines can't be stored as reservations: {error}")]
        middle = len(batch) // 2
        first = await self._reserve_batch(batch[:middle])
        return [*first, *await self._reserve_batch(batch[middle:])]

    async def _one_by_one(
        self, connection: Connection, batch: Sequence[_Wanted]
    ) -> Sequence[Result | Exception]:
        skus = sorted({line.sku for wanted in batch for line in wanted.lines})
        async with connection.transaction():
            stock = await connection.fetch(_sql()["lock_stock"], self._place, skus)
            free: dict[str, int] = {row["sku"]: row["free"] for row in stock}
            # Read after the locks are held, so that it sees what the last holder did.
            rows = await connection.fetch(
                _sql()["reservations"], [wanted.order_id for wanted in batch]
            )
            known = {
                (order_id, line_id): (number, held) for order_id, line_id, number, held in rows
            }
            answers = [self._try(wanted, free, known) for wanted in batch]
            served = [
                wanted
                for wanted, answer in zip(batch, answers, strict=True)
                if answer is self._reserved
            ]
            if served:
                await connection.fetch(_sql()["reserve"], self._place, *_columns(served))
        return answers

    def _try(
        self,
        wanted: _Wanted,
        free: dict[str, int],
        known: dict[tuple[str, str], tuple[int, bool]],
    ) -> Result:
        """Take an order's need from `free`, or say what is short and take nothing."""
        need: dict[str, int] = {}
        for line in wanted.lines:
            number, held = known.get((wanted.order_id, line.line_id), (-1, False))
            if line.sku in free and not held and number < wanted.number:
                need[line.sku] = need.get(line.sku, 0) + line.quantity
        short = tuple(sorted(sku for sku, quantity in need.items() if free[sku] < quantity))
        if short:
            return StockShort(skus=short)
        for sku, quantity in need.items():
            free[sku] -= quantity
        return self._reserved

    async def _release_batch(self, batch: Sequence[_Release]) -> Sequence[Result]:
        await self._pool.fetch(
            _sql()["release"],
            [release.order_id for release in batch],
            [release.number for release in batch],
        )
        return [Undone()] * len(batch)


def _columns(batch: Sequence[_Wanted]) -> tuple[Sequence[object], ...]:
    lines = [(wanted, line) for wanted in batch for line in wanted.lines]
    return (
        [wanted.order_id for wanted, _ in lines],
        [line.line_id for _, line in lines],
        [line.sku for _, line in lines],
        [line.quantity for _, line in lines],
        [wanted.number for wanted, _ in lines],
    )


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock.sql").read_text("utf-8"))

"""Stock as a partner like any other, except that it lives in our own Postgres.

Reserving is all or nothing for each fulfilment and get-or-create for each of its lines: a repeat
finds what the first call did. Many orders share one statement; when some SKU does not suffice for
all of them, the server's own check refuses the statement and the orders are taken one after
another, first come, first served.

A SKU without a stock row at the place is *untracked*: it reserves whatever is asked. On-hand
figures come from the ERP; until an import brings them, nothing is held up for want of a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    Seen,
    StockReserved,
    StockShort,
    Undone,
    Units,
)

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_BATCH = 200
"""Fulfilments in one statement: larger ones gain little and hold popular SKUs' rows longer."""

MAX_LEVELS = 1_000
"""Rows in one page of stock levels: about 100 kB."""

UNTRACKED = -1
"""What is available of a SKU that is not counted at a place."""

Shelf = tuple[str, str]
"""A place and a SKU."""


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
    """What one effect asks for one fulfilment."""

    order_id: str
    key: str
    number: int
    place: str
    units: tuple[Units, ...]
    places: tuple[str, ...] = ()

    @property
    def fulfilment(self) -> tuple[str, str]:
        """Whose it is."""
        return (self.order_id, self.key)


class _Held(Struct, frozen=True):
    """What a fulfilment holds of a line."""

    quantity: int
    change: int
    number: int
    tracked: bool


Kept = Mapping[tuple[str, str, str, str, str], _Held]
"""What fulfilments hold, by order, key, line, SKU and place."""

_NOTHING = _Held(0, 0, -1, False)


class StockPartner:
    """Implements actors.runtime.ports.Partner for ReserveStock and ReleaseStock."""

    name = "stock"
    can_look_up = True

    def __init__(self, pool: Pool, *, max_batch: int = MAX_BATCH) -> None:
        self._pool = pool
        self._reserves: Group[_Wanted, Result] = Group(
            self._reserve_batch,
            key=lambda wanted: wanted.fulfilment,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )
        self._releases: Group[_Wanted, Result] = Group(
            self._release_batch,
            key=lambda wanted: wanted.fulfilment,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )

    async def perform(self, call: Call) -> Result:
        """Reserve or release. Raises Unknown when Postgres did not answer (repeat it: harmless) and
        Rejected for units that can't be stored."""
        wanted = _wanted(call)
        try:
            if isinstance(call.effect, ReserveStock):
                if not wanted.units:
                    return StockReserved(place=wanted.place)
                return await self._reserves.submit(wanted)
            return await self._releases.submit(wanted)
        except JournalUnavailable as error:
            raise Unknown(f"Whether the stock was changed is unknown: {error}") from error

    async def look_up(self, call: Call) -> Result | None:
        """Return what an earlier call did, None when it did nothing (or was short)."""
        wanted = _wanted(call)
        try:
            kept = await _kept(self._pool, [wanted])
        except JournalUnavailable as error:
            raise Unknown(f"The stock can't be asked: {error}") from error
        if isinstance(call.effect, ReserveStock):
            held = all(_of(kept, wanted, unit).quantity >= unit.quantity for unit in wanted.units)
            return StockReserved(place=wanted.place) if held else None
        return Undone() if _released(kept, wanted) else None

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

    async def levels(self, *, after: Shelf = ("", "")) -> list[StockRow]:
        """Return at most MAX_LEVELS rows by place and SKU, after the given ones."""
        rows = await self._pool.fetch(_sql()["stock_levels"], *after, MAX_LEVELS)
        return [
            StockRow(place=place, sku=sku, on_hand=on_hand, safety=safety, reserved=reserved)
            for place, sku, on_hand, safety, reserved in rows
        ]

    async def _reserve_batch(self, batch: Sequence[_Wanted]) -> Sequence[Result | Exception]:
        try:
            await self._pool.fetch(_sql()["reserve"], *_columns(batch))
        except asyncpg.CheckViolationError:
            # Some SKU does not suffice for all of them: see who can be served.
            return await self._pool.run(lambda connection: self._one_by_one(connection, batch))
        except asyncpg.DataError as error:
            return await self._halves(batch, error)
        return [StockReserved(place=wanted.place) for wanted in batch]

    async def _halves(
        self, batch: Sequence[_Wanted], error: Exception
    ) -> Sequence[Result | Exception]:
        """Find the units that can't be stored; nothing of the failed statement was kept."""
        if len(batch) == 1:
            return [Rejected(f"The units can't be stored as reservations: {error}")]
        middle = len(batch) // 2
        first = await self._reserve_batch(batch[:middle])
        return [*first, *await self._reserve_batch(batch[middle:])]

    async def _one_by_one(
        self, connection: Connection, batch: Sequence[_Wanted]
    ) -> Sequence[Result | Exception]:
        shelves = sorted({(wanted.place, unit.sku) for wanted in batch for unit in wanted.units})
        async with connection.transaction():
            stock = await connection.fetch(
                _sql()["lock_stock"], [place for place, _ in shelves], [sku for _, sku in shelves]
            )
            free: dict[Shelf, int] = {(place, sku): left for place, sku, left in stock}
            # Read after the locks are held, so that it sees what the last holder did.
            kept = await _kept(connection, batch)
            short = [_take(wanted, free, kept) for wanted in batch]
            served = [wanted for wanted, skus in zip(batch, short, strict=True) if not skus]
            if served:
                await connection.fetch(_sql()["reserve"], *_columns(served))
            seen = await _seen(
                connection, [wanted for wanted, skus in zip(batch, short, strict=True) if skus]
            )
        return [
            StockShort(skus=skus, seen=_shown(wanted, seen))
            if skus
            else StockReserved(place=wanted.place)
            for wanted, skus in zip(batch, short, strict=True)
        ]

    async def _release_batch(self, batch: Sequence[_Wanted]) -> Sequence[Result]:
        await self._pool.fetch(_sql()["release"], *_columns(batch))
        return [Undone()] * len(batch)


def _wanted(call: Call) -> _Wanted:
    """Return what a call asks. Raises Rejected for what does not concern stock."""
    effect = call.effect
    if not isinstance(effect, ReserveStock | ReleaseStock):
        raise Rejected(f"Stock can't do {type(effect).__name__}; this effect isn't for it.")
    # A line may come to one SKU in several parts.
    sums: dict[tuple[str, str], int] = {}
    for unit in effect.units:
        sums[unit.line_id, unit.sku] = sums.get((unit.line_id, unit.sku), 0) + unit.quantity
    units = tuple(Units(line_id, sku, quantity) for (line_id, sku), quantity in sums.items())
    places = effect.places if isinstance(effect, ReserveStock) else ()
    return _Wanted(call.order_id, call.key, call.number, effect.place, units, places)


def _take(wanted: _Wanted, free: dict[Shelf, int], kept: Kept) -> tuple[str, ...]:
    """Take a fulfilment's need from `free`, or return what is short and take nothing."""
    need: dict[Shelf, int] = {}
    for unit in wanted.units:
        shelf, held = (wanted.place, unit.sku), _of(kept, wanted, unit)
        uncounted = shelf not in free or (held.quantity > 0 and not held.tracked)
        if not uncounted and held.number < wanted.number:
            need[shelf] = need.get(shelf, 0) + max(0, unit.quantity - held.quantity)
    short = tuple(sorted(sku for (place, sku), count in need.items() if free[place, sku] < count))
    if not short:
        for shelf, count in need.items():
            free[shelf] -= count
    return short


def _of(kept: Kept, wanted: _Wanted, unit: Units) -> _Held:
    return kept.get((*wanted.fulfilment, unit.line_id, unit.sku, wanted.place), _NOTHING)


def _released(kept: Kept, wanted: _Wanted) -> bool:
    """Whether an earlier call gave back what is asked. All of a fulfilment was when it holds
    nothing from before; so much of a line when this very effect, or one that a person tries again,
    was the last to change it. A second release of as much is taken for a repeat: then something
    stays reserved, and nothing is promised twice."""
    if not wanted.units:
        return not any(
            held.quantity and held.number < wanted.number
            for name, held in kept.items()
            if name[:2] == wanted.fulfilment
        )
    found = [(unit, _of(kept, wanted, unit)) for unit in wanted.units]
    return all(
        held.quantity == 0 or held.number >= wanted.number or held.change == -unit.quantity
        for unit, held in found
    )


async def _kept(where: Pool | Connection, batch: Sequence[_Wanted]) -> Kept:
    rows = await where.fetch(
        _sql()["reservations"],
        [wanted.order_id for wanted in batch],
        [wanted.key for wanted in batch],
    )
    return {tuple(row)[:5]: _Held(*tuple(row)[5:]) for row in rows}


async def _seen(connection: Connection, short: Sequence[_Wanted]) -> Mapping[Shelf, int]:
    """Return what all places asked for could promise now of all SKUs asked for."""
    if not short:
        return {}
    places = {place for wanted in short for place in (wanted.place, *wanted.places)}
    skus = {unit.sku for wanted in short for unit in wanted.units}
    rows = await connection.fetch(_sql()["seen"], sorted(places), sorted(skus))
    return {(place, sku): available for place, sku, available in rows}


def _shown(wanted: _Wanted, seen: Mapping[Shelf, int]) -> tuple[Seen, ...]:
    places = wanted.places or (wanted.place,)
    skus = dict.fromkeys(unit.sku for unit in wanted.units)
    return tuple(
        Seen(place, sku, max(0, seen[place, sku]) if (place, sku) in seen else UNTRACKED)
        for place in places
        for sku in skus
    )


def _columns(batch: Sequence[_Wanted]) -> tuple[Sequence[object], ...]:
    """One row a unit; one without line for a fulfilment of which all is meant."""
    rows: list[tuple[_Wanted, str | None, str | None, int | None]] = [
        (wanted, unit.line_id, unit.sku, unit.quantity) for wanted in batch for unit in wanted.units
    ]
    rows += [(wanted, None, None, None) for wanted in batch if not wanted.units]
    return (
        [wanted.order_id for wanted, _, _, _ in rows],
        [wanted.key for wanted, _, _, _ in rows],
        [line_id for _, line_id, _, _ in rows],
        [sku for _, _, sku, _ in rows],
        [wanted.place for wanted, _, _, _ in rows],
        [quantity for _, _, _, quantity in rows],
        [wanted.number for wanted, _, _, _ in rows],
    )


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock.sql").read_text("utf-8"))

"""Stock as a partner like any other, except that it lives in our own Postgres.

Reserving is all or nothing for each fulfilment and get-or-create for each of its lines: a repeat
finds what the first call did. Many orders share one statement; when some SKU does not suffice for
all of them, the server's own check refuses the statement and the orders are taken one after
another, first come, first served.

Most orders never come here: what they need is reserved in the commit that records their decision
(`expected`, and the statement `append`). What was short lately, or may have been reserved before,
takes the way over this partner.

A SKU without any stock row, or that is declared untracked at the place, reserves whatever is asked;
one that is counted at other places has nothing where it is not counted. On-hand
figures come through `stock_ledger`; until they do, nothing is held up for want of a figure, and
`doctor` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from msgspec import Struct

from actors.runtime.errors import JournalUnavailable, Rejected, Unknown
from actors.runtime.partner import Call
from adapters.postgres.group import Group
from adapters.postgres.pool import Pool
from adapters.postgres.reserving import (
    Held,
    Kept,
    Shelf,
    Wanted,
    held_of,
    reservation_columns,
    take,
    wanted_of,
)
from adapters.postgres.shortages import Shortages
from adapters.postgres.statements import parse
from adapters.postgres.stock_ledger import Figure, LedgerRefused, StockLedger
from schemas.messages.effects import (
    Effect,
    ReserveStock,
    RestockReturn,
    Result,
    Seen,
    StockReserved,
    StockReturned,
    StockShort,
    Undone,
)

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

MAX_BATCH = 200
"""Fulfilments in one statement: larger ones gain little and hold popular SKUs' rows longer."""

MAX_LEVELS = 1_000
"""Rows in one page of stock levels: about 100 kB."""

UNTRACKED = -1
"""What is available of a SKU that is not counted, or declared untracked, at a place."""


class StockRow(Struct, frozen=True, kw_only=True):
    """What lies at a place. `reserved` never exceeds `on_hand` less `safety`."""

    place: str
    sku: str
    on_hand: int
    safety: int = 0
    reserved: int = 0


class StockRefused(ValueError):
    """Figures that can't be: below nothing, or below what is reserved already."""


class StockPartner:
    """Implements actors.runtime.local.LocalPartner for ReserveStock, ReleaseStock and
    RestockReturn."""

    name = "stock"
    can_look_up = True

    def __init__(self, pool: Pool, *, max_batch: int = MAX_BATCH) -> None:
        self._pool = pool
        self._short = Shortages()
        self._reserves: Group[Wanted, Result] = Group(
            self._reserve_batch,
            key=lambda wanted: wanted.fulfilment,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )
        self._releases: Group[Wanted, Result] = Group(
            self._release_batch,
            key=lambda wanted: wanted.fulfilment,
            deadline_seconds=pool.deadline_seconds,
            max_batch=max_batch,
        )

    async def perform(self, call: Call) -> Result:
        """Reserve, release, or enter what came back. Raises Unknown when Postgres did not answer
        (repeat it: harmless) and Rejected for units that can't be stored."""
        if isinstance(call.effect, RestockReturn):
            return await self._restock(call, call.effect)
        wanted = wanted_of(call.order_id, call.key, call.number, call.effect)
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
        if isinstance(call.effect, RestockReturn):
            return await self._restocked(call, call.effect)
        wanted = wanted_of(call.order_id, call.key, call.number, call.effect)
        try:
            kept = await _kept(self._pool, [wanted])
        except JournalUnavailable as error:
            raise Unknown(f"The stock can't be asked: {error}") from error
        if isinstance(call.effect, ReserveStock):
            held = all(
                held_of(kept, wanted, unit).quantity >= unit.quantity for unit in wanted.units
            )
            return StockReserved(place=wanted.place) if held else None
        return Undone() if _released(kept, wanted) else None

    async def _restock(self, call: Call, effect: RestockReturn) -> Result:
        skus, units = [x.sku for x in effect.units], [x.quantity for x in effect.units]
        given = (call.order_id, call.key, call.number, effect.place, skus, units)
        try:
            await self._pool.fetch(_sql()["restock"], *given)
        except JournalUnavailable as error:
            raise Unknown(f"Whether the stock has what came back is unknown: {error}") from error
        except (asyncpg.CheckViolationError, asyncpg.DataError) as error:
            raise Rejected(f"What came back can't be entered: {error}") from error
        return StockReturned(place=effect.place)

    async def _restocked(self, call: Call, effect: RestockReturn) -> Result | None:
        try:
            rows = await self._pool.fetch(
                _sql()["restocked"], call.order_id, call.key, effect.place
            )
        except JournalUnavailable as error:
            raise Unknown(f"The stock can't be asked: {error}") from error
        return StockReturned(place=effect.place) if rows else None

    def expected(self, effect: Effect) -> Result | None:
        """Return what reserving comes to if the stock suffices; None when it was short or held by
        somebody lately, and for what needs no stock or gives it back."""
        if not isinstance(effect, ReserveStock) or not effect.units:
            return None
        if self._short.concern(effect, _now()):
            return None
        return StockReserved(place=effect.place)

    def stand_back(self) -> None:
        """Somebody holds rows of the stock for long: expect nothing for a while, and let those
        orders wait alone."""
        self._short.stand_back(_now())

    async def short_among(self, asked: Sequence[Sequence[Wanted]]) -> list[bool]:
        """Return for each who asks whether too little is free for it, first come, first served, and
        remember what was short. It is a guess: others reserve meanwhile. Raises
        JournalUnavailable."""
        free = dict(await _seen(self._pool, [wanted for one in asked for wanted in one]))
        found = []
        for one in asked:
            short = [take(wanted, free, {}) for wanted in one]
            self._remember(one, short)
            found.append(any(short))
        return found

    def _remember(self, batch: Sequence[Wanted], short: Sequence[Sequence[str]]) -> None:
        for wanted, skus in zip(batch, short, strict=True):
            self._short.remember([(wanted.place, sku) for sku in skus], _now())

    async def seed(self, rows: Sequence[StockRow]) -> None:
        """Set on-hand and safety figures; what is reserved stays. Raises StockRefused when they
        would fall below what is reserved, and then changes nothing."""
        figures = [
            Figure(place=one.place, sku=one.sku, units=one.on_hand, safety=one.safety)
            for one in rows
        ]
        try:
            await StockLedger(self._pool).put(
                figures,
                kind="counted",
                person="seed",
                reason="stock put on the shelf",
                keep_promises=True,
            )
        except LedgerRefused as error:
            raise StockRefused(
                "On hand less the safety stock must stay at or above what is reserved; "
                f"release orders first. {error}"
            ) from error

    async def levels(self, *, after: Shelf = ("", "")) -> list[StockRow]:
        """Return at most MAX_LEVELS rows by place and SKU, after the given ones."""
        rows = await self._pool.fetch(_sql()["stock_levels"], *after, MAX_LEVELS)
        return [
            StockRow(place=place, sku=sku, on_hand=on_hand, safety=safety, reserved=reserved)
            for place, sku, on_hand, safety, reserved in rows
        ]

    async def _reserve_batch(self, batch: Sequence[Wanted]) -> Sequence[Result | Exception]:
        try:
            await self._pool.fetch(_sql()["reserve"], *reservation_columns(batch))
        except asyncpg.CheckViolationError:
            # Some SKU does not suffice for all of them: see who can be served.
            return await self._pool.run(lambda connection: self._one_by_one(connection, batch))
        except asyncpg.DataError as error:
            return await self._halves(batch, error)
        return [StockReserved(place=wanted.place) for wanted in batch]

    async def _halves(
        self, batch: Sequence[Wanted], error: Exception
    ) -> Sequence[Result | Exception]:
        """Find the units that can't be stored; nothing of the failed statement was kept."""
        if len(batch) == 1:
            return [Rejected(f"The units can't be stored as reservations: {error}")]
        middle = len(batch) // 2
        first = await self._reserve_batch(batch[:middle])
        return [*first, *await self._reserve_batch(batch[middle:])]

    async def _one_by_one(
        self, connection: Connection, batch: Sequence[Wanted]
    ) -> Sequence[Result | Exception]:
        shelves = sorted({(wanted.place, unit.sku) for wanted in batch for unit in wanted.units})
        async with connection.transaction():
            stock = await connection.fetch(
                _sql()["lock_stock"], [place for place, _ in shelves], [sku for _, sku in shelves]
            )
            free: dict[Shelf, int] = {(place, sku): left for place, sku, left in stock}
            # Read after the locks are held, so that it sees what the last holder did.
            kept = await _kept(connection, batch)
            short = [take(wanted, free, kept) for wanted in batch]
            self._remember(batch, short)
            served = [wanted for wanted, skus in zip(batch, short, strict=True) if not skus]
            if served:
                await connection.fetch(_sql()["reserve"], *reservation_columns(served))
            seen = await _seen(
                connection, [wanted for wanted, skus in zip(batch, short, strict=True) if skus]
            )
        return [
            StockShort(skus=skus, seen=_shown(wanted, seen))
            if skus
            else StockReserved(place=wanted.place)
            for wanted, skus in zip(batch, short, strict=True)
        ]

    async def _release_batch(self, batch: Sequence[Wanted]) -> Sequence[Result]:
        await self._pool.fetch(_sql()["release"], *reservation_columns(batch))
        return [Undone()] * len(batch)


def _released(kept: Kept, wanted: Wanted) -> bool:
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
    found = [(unit, held_of(kept, wanted, unit)) for unit in wanted.units]
    return all(
        held.quantity == 0 or held.number >= wanted.number or held.change == -unit.quantity
        for unit, held in found
    )


async def _kept(where: Pool | Connection, batch: Sequence[Wanted]) -> Kept:
    rows = await where.fetch(
        _sql()["reservations"],
        [wanted.order_id for wanted in batch],
        [wanted.key for wanted in batch],
    )
    return {tuple(row)[:5]: Held(*tuple(row)[5:]) for row in rows}


async def _seen(where: Pool | Connection, short: Sequence[Wanted]) -> Mapping[Shelf, int]:
    """Return what all places asked for could promise now of all SKUs asked for."""
    if not short:
        return {}
    places = {place for wanted in short for place in (wanted.place, *wanted.places)}
    skus = {unit.sku for wanted in short for unit in wanted.units}
    rows = await where.fetch(_sql()["seen"], sorted(places), sorted(skus))
    return {(place, sku): available for place, sku, available in rows}


def _shown(wanted: Wanted, seen: Mapping[Shelf, int]) -> tuple[Seen, ...]:
    places = wanted.places or (wanted.place,)
    skus = dict.fromkeys(unit.sku for unit in wanted.units)
    return tuple(
        Seen(place, sku, max(0, seen[place, sku]) if (place, sku) in seen else UNTRACKED)
        for place in places
        for sku in skus
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock.sql").read_text("utf-8"))

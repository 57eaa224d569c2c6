"""What lies at places, as a ledger: every change is a movement, written with its balance.

Reservations and releases are written by `stock.sql` and by the statement `append`, the hand-over of
goods by `stock_follow`. This module does what people, files and reports of ERP and warehouse do:
count, receive, adjust, move and return. All of one call takes effect, or nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec
from msgspec import Struct

from adapters.postgres.audit import text_of
from adapters.postgres.pool import Pool
from adapters.postgres.statements import parse

if TYPE_CHECKING:
    from adapters.postgres.pool import Connection

Kind = Literal["counted", "received", "adjusted", "moved", "returned"]

MAX_FIGURE = 1_000_000_000
"""Units of one SKU at one place. A larger figure is a slip, such as a bar code in the wrong
column."""

CHUNK = 2_000
"""Rows of one statement: some ten milliseconds."""

MAX_PAGE = 200
"""Rows in one list."""

EVERY = "*"
"""Stands for every place, or every SKU, in what is declared not to be counted."""


class Figure(Struct, frozen=True, kw_only=True):
    """Units of a SKU at a place: counted there, or added to what is there. `safety` are units that
    are never promised (None: as before)."""

    place: str
    sku: str
    units: int
    safety: int | None = None


class Balance(Struct, frozen=True, kw_only=True):
    """What lies at a place. `missing` are promised units that a count did not find; `available` is
    what can be promised, below 0 while units are missing."""

    place: str
    sku: str
    on_hand: int
    safety: int
    reserved: int
    missing: int
    counted_at: datetime | None = None

    @property
    def available(self) -> int:
        """What can be promised."""
        return self.on_hand - self.safety - self.reserved


class Promised(Struct, frozen=True, kw_only=True):
    """Units of an SKU at a place that are promised to a fulfilment of an order. `lacking` are those
    of them that are not there, when what is there goes to older orders first."""

    number: str
    channel: str
    order_id: str
    key: str
    place: str
    units: int
    placed_at: datetime
    lacking: int = 0


class Movement(Struct, frozen=True, kw_only=True):
    """A change of a balance. `order_id` and `key` say for which fulfilment."""

    position: int
    at: datetime
    kind: str
    place: str
    sku: str
    on_hand: int
    reserved: int
    order_id: str
    key: str
    person: str
    reason: str


class Changed(Struct, frozen=True, kw_only=True):
    """What came of figures: `rows` given, `changed` whose balance is another now, `stale` older
    than what was counted already, and the first balances where units are `missing`."""

    rows: int
    changed: int
    stale: int
    missing: tuple[tuple[str, str, int], ...] = ()


class Untracked(Struct, frozen=True, kw_only=True):
    """A declaration that a SKU is not counted at a place; EVERY stands for all of them."""

    place: str
    sku: str
    at: datetime
    person: str
    reason: str


class Uncounted(Struct, frozen=True, kw_only=True):
    """A SKU that has left a place, and that no one counts or declared not to be counted there."""

    place: str
    sku: str
    units: int
    last_at: datetime


class Difference(Struct, frozen=True, kw_only=True):
    """A balance that is not the sum of its movements (`moved`, `promised`)."""

    place: str
    sku: str
    on_hand: int | None
    moved: int
    reserved: int | None
    promised: int


class Verified(Struct, frozen=True, kw_only=True):
    """How much was compared, how many balances differ, and the first of those."""

    balances: int
    movements: int
    reservations: int
    faults: int
    differences: tuple[Difference, ...]


class Summary(Struct, frozen=True, kw_only=True):
    """Balances, those where units are missing, and declarations of what is not counted."""

    balances: int
    missing: int
    untracked: int


class LedgerRefused(ValueError):
    """Figures that can't be; nothing was changed."""


class StockLedger:
    """Raises JournalUnavailable within the pool's deadline when Postgres does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def put(
        self,
        figures: Sequence[Figure],
        *,
        kind: Kind,
        person: str,
        reason: str,
        at: datetime | None = None,
        keep_promises: bool = False,
        only_left: bool = False,
        told: Callable[[int], None] = lambda rows: None,
    ) -> Changed:
        """Enter figures of one moment (`at`, now without it): counts for `counted`, else what is
        added (below 0: taken off). What moved after a count's moment is added to it, and a count of
        an earlier moment than the last one is left out. With `only_left` a count of an earlier
        moment may have what came since already: only what left since is taken off. With
        `keep_promises` nothing may fall below what is promised. `told` hears how many rows are
        entered so far. Raises LedgerRefused."""
        check(figures, counts=kind == "counted")
        ordered = sorted(figures, key=lambda one: (one.place, one.sku))
        words = (text_of(person), text_of(reason))

        async def work(connection: Connection) -> Changed:
            async with connection.transaction():
                await connection.execute(_sql()["one_at_a_time"])
                moment = at or await connection.fetchval("SELECT now()")
                given = (kind, moment, *words, keep_promises, only_left)
                changed = await _put_all(connection, ordered, given, told)
                after = {"rows": changed.rows, "changed": changed.changed}
                target = f"stock:{ordered[0].sku}" if len(ordered) == 1 else "stock"
                audited = (words[0], f"stock.{kind}", text_of(target), words[1])
                encoded = msgspec.json.encode(after).decode()
                await connection.execute(_sql()["audit"], moment, *audited, encoded)
                return changed

        try:
            return await self._pool.run(work)
        except asyncpg.DataError as error:
            raise LedgerRefused(f"The figures can't be stored: {error}.") from error

    async def page(
        self,
        *,
        after: tuple[str, str] = ("", ""),
        place: str = "",
        only_missing: bool = False,
        only_out: bool = False,
        limit: int = MAX_PAGE,
    ) -> list[Balance]:
        """Return balances by SKU and place, after those named; at most MAX_PAGE."""
        most = max(1, min(limit, MAX_PAGE))
        rows = await self._pool.fetch(_sql()["page"], *after, place, only_missing, only_out, most)
        return [Balance(**dict(row)) for row in rows]

    async def balances(self, sku: str, place: str = "") -> list[Balance]:
        """Return where a SKU is counted, at most MAX_PAGE places."""
        rows = await self._pool.fetch(_sql()["balances"], text_of(sku), text_of(place), MAX_PAGE)
        return [Balance(**dict(row)) for row in rows]

    async def movements(
        self, sku: str, places: Sequence[str], limit: int = MAX_PAGE
    ) -> list[Movement]:
        """Return the last movements of a SKU at these places, newest first; at most MAX_PAGE."""
        most = max(1, min(limit, MAX_PAGE))
        rows = await self._pool.fetch(_sql()["movements"], text_of(sku), list(places), most)
        return [Movement(**dict(row)) for row in rows]

    async def promised(self, sku: str, place: str) -> list[Promised]:
        """Return whose a SKU's units at a place are, the oldest order first; at most MAX_PAGE."""
        rows = await self._pool.fetch(_sql()["promised"], text_of(place), text_of(sku), MAX_PAGE)
        return [Promised(**dict(row), place=place) for row in rows]

    async def declare(
        self, place: str, sku: str, *, at: datetime, person: str, reason: str
    ) -> None:
        """Declare that a SKU is not counted at a place, EVERY for all of them; what waits for it is
        tried. Raises LedgerRefused where something of it is counted."""
        found = await self._pool.fetch(_sql()["counted_there"], text_of(place), text_of(sku))
        if found:
            raise LedgerRefused(
                f"{found[0]['sku']} is counted at {found[0]['place']}, so it is tracked there. "
                "Declare single SKUs or places of which nothing is counted; with both --place and "
                "--sku, one SKU at one place."
            )
        words = [text_of(one) for one in (place, sku)]
        by = [text_of(one) for one in (person, reason)]

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_sql()["declare"], *words, at, *by)
                await connection.execute(_sql()["try_declared"], words[1], at)
                target = f"stock:{words[1]}"
                after = msgspec.json.encode({"place": words[0], "sku": words[1]}).decode()
                audited = (by[0], "stock.untracked", target, by[1], after)
                await connection.execute(_sql()["audit"], at, *audited)

        await self._pool.run(work)

    async def untracked(self) -> list[Untracked]:
        """Return what is declared not to be counted; at most MAX_PAGE."""
        return [Untracked(**dict(x)) for x in await self._pool.fetch(_sql()["untracked"], MAX_PAGE)]

    async def uncounted(self) -> list[Uncounted]:
        """Return what left without being counted or declared, the latest first; at most
        MAX_PAGE."""
        return [Uncounted(**dict(x)) for x in await self._pool.fetch(_sql()["uncounted"], MAX_PAGE)]

    async def summary(self) -> Summary:
        """Return how much is known."""
        (row,) = await self._pool.fetch(_sql()["summary"])
        return Summary(**dict(row))

    async def verify(self) -> Verified:
        """Compare every balance with the sum of its movements."""
        (counts,) = await self._pool.fetch(_sql()["counts"])
        rows = await self._pool.fetch(_sql()["verify"], MAX_PAGE)
        return Verified(
            **dict(counts),
            faults=rows[0]["faults"] if rows else 0,
            differences=tuple(
                Difference(**{k: v for k, v in row.items() if k != "faults"}) for row in rows
            ),
        )


def check(figures: Sequence[Figure], *, counts: bool) -> None:
    """Raise LedgerRefused for figures that can't be, and for a SKU that is named twice for a
    place."""
    seen: set[tuple[str, str]] = set()
    for one in figures:
        shelf = (one.place, one.sku)
        if shelf in seen:
            raise LedgerRefused(f"{one.sku} is there twice for {one.place}; name it once.")
        seen.add(shelf)
        if counts and one.units < 0:
            raise LedgerRefused(
                f"{one.units} of {one.sku} on hand at {one.place}: there can't be less than none."
            )
        for units in (one.units, one.safety or 0):
            if abs(units) > MAX_FIGURE:
                raise LedgerRefused(
                    f"{units} of {one.sku} at {one.place}: more than {MAX_FIGURE:,} units are "
                    "taken for a slip."
                )
        if one.safety is not None and one.safety < 0:
            raise LedgerRefused(f"A safety stock of {one.safety} of {one.sku}: it is at least 0.")


_Given = tuple[Kind, datetime, str, str, bool, bool]


async def _put_all(
    connection: Connection,
    figures: Sequence[Figure],
    given: _Given,
    told: Callable[[int], None],
) -> Changed:
    rows: list[asyncpg.Record] = []
    changed, stale = 0, 0
    for start in range(0, len(figures), CHUNK):
        some = figures[start : start + CHUNK]
        found = await _put(connection, some, given)
        stale += len(some) - len(found)
        changed += sum(row["on_hand"] != row["before"] for row in found)
        rows += [row for row in found if row["reserved"] and _lacks(row) > 0]
        told(start + len(some))
    missing = tuple((row["place"], row["sku"], _lacks(row)) for row in rows[:MAX_PAGE])
    return Changed(rows=len(figures), changed=changed, stale=stale, missing=missing)


async def _put(
    connection: Connection, some: Sequence[Figure], given: _Given
) -> list[asyncpg.Record]:
    kind, at, person, reason, keep_promises, only_left = given
    places, skus = [one.place for one in some], [one.sku for one in some]
    await connection.fetch(_sql()["lock"], places, skus)
    found = await connection.fetch(
        _sql()["put"],
        *(places, skus, [one.units for one in some], [one.safety for one in some]),
        *(kind, at, kind != "counted", person, reason, only_left),
    )
    for row in found:
        if row["on_hand"] < 0:
            raise LedgerRefused(
                f"Only {row['before']} of {row['sku']} are at {row['place']}; no more can be taken "
                "off. Count it if more were there."
            )
        less = kind == "counted" or row["on_hand"] < row["before"]
        if keep_promises and row["reserved"] and _lacks(row) > 0 and less:
            raise LedgerRefused(
                f"{row['reserved']} of {row['sku']} at {row['place']} are promised to orders (and "
                f"{row['safety']} are safety stock): no more than "
                f"{max(0, row['before'] - row['safety'] - row['reserved'])} can leave it."
            )
    return found


def _lacks(row: asyncpg.Record) -> int:
    return int(row["reserved"] + row["safety"] - row["on_hand"])


@cache
def _sql() -> dict[str, str]:
    return parse(Path(__file__).with_name("stock_ledger.sql").read_text("utf-8"))

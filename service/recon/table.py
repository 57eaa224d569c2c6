"""A run as a table: root causes by channel and currency, with counts, amounts and variance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from adapters.postgres.recon import Cell, KeptDifference, Total
from service.console.rendering import money
from service.recon.cases import CAUSES

BOOKS = {
    "journal": "Our order",
    "shop": "The shop's order",
    "gateway": "The gateway's entry",
    "erp": "The ERP's document",
}
"""What each side's document is called."""

_ABSENT_HERE = "order_not_received"
"""The one cause whose expected document is ours, and missing."""


class Field(Struct, frozen=True, kw_only=True):
    """What one root cause, or all of them, comes to in a channel and currency: differences that
    count, those that are accepted, the amount in minor units, and that in percent of what the
    orders come to (None: they come to nothing)."""

    count: int
    accepted: int
    off_minor: int
    percent: float | None


class Column(Struct, frozen=True, kw_only=True):
    """A channel and currency: orders that were compared and what they come to, in minor units."""

    channel: str
    currency: str
    orders: int
    gross_minor: int
    all: Field


class Line(Struct, frozen=True, kw_only=True):
    """A root cause with its words, and what it comes to in each column (None: nothing)."""

    type: str
    cause: str
    words: str
    fields: tuple[Field | None, ...]


class Table(Struct, frozen=True, kw_only=True):
    """Root causes by channel and currency. `columns` are as many as each line has fields."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]


class Side(Struct, frozen=True, kw_only=True):
    """One of the two documents of a difference: in whose books it is, its ids there ("": none), and
    what it says."""

    name: str
    book: str
    ids: str
    says: str


def table_of(totals: Sequence[Total], cells: Sequence[Cell]) -> Table:
    """Return what a run found as a table. A channel and currency without compared orders has a
    column when something differs there."""
    grosses = {(one.channel, one.currency): one for one in totals}
    keys = sorted({*grosses, *((one.channel, one.currency) for one in cells)})
    known = list(CAUSES)
    found: dict[tuple[str, str], dict[tuple[str, str], Cell]] = {}
    for cell in cells:
        found.setdefault((cell.type, cell.cause), {})[(cell.channel, cell.currency)] = cell

    def gross(key: tuple[str, str]) -> int:
        return grosses[key].gross_minor if key in grosses else 0

    def place(key: tuple[str, str]) -> tuple[int, str]:
        return known.index(key[1]) if key[1] in CAUSES else len(known), key[1]

    columns = tuple(
        Column(
            channel=key[0],
            currency=key[1],
            orders=grosses[key].orders if key in grosses else 0,
            gross_minor=gross(key),
            all=_sum([x for x in cells if (x.channel, x.currency) == key], gross(key)),
        )
        for key in keys
    )
    lines = tuple(
        Line(
            type=type_,
            cause=cause,
            words=words_of_cause(cause),
            fields=tuple(
                _sum([found[(type_, cause)][key]], gross(key))
                if key in found[(type_, cause)]
                else None
                for key in keys
            ),
        )
        for type_, cause in sorted(found, key=place)
    )
    return Table(columns=columns, lines=lines)


def words_of_cause(cause: str) -> str:
    """Return what a root cause is and what to do, "" for one that is not known any more."""
    return CAUSES[cause].words if cause in CAUSES else ""


def pair_of(one: KeptDifference, expected: str, found: str) -> tuple[Side, Side]:
    """Return the two documents of a difference. `expected` and `found` are what is shown of its two
    values."""
    first, _, second = one.sides.partition("-")
    says = (expected, found)
    if one.cause == _ABSENT_HERE:
        says = (found, money(one.expected_minor, one.currency))
    here = "" if one.cause == _ABSENT_HERE or not one.order_id else one.number or one.ref
    ids = here if first == "journal" else one.ref
    return (
        Side(name=first, book=BOOKS.get(first, first), ids=ids, says=says[0]),
        Side(name=second, book=BOOKS.get(second, second), ids=one.about, says=says[1]),
    )


def _sum(cells: Iterable[Cell], gross_minor: int) -> Field:
    several = list(cells)
    off = sum(one.off_minor for one in several)
    return Field(
        count=sum(one.count for one in several),
        accepted=sum(one.accepted for one in several),
        off_minor=off,
        percent=round(100 * off / gross_minor, 4) if gross_minor else None,
    )

"""Rows of a CSV become canonical orders. Pure translation, behind the same edge as all others.

Whatever can't be read stays with its row numbers and sentences. An order is taken whole or not at
all: a broken row beside it, or rows of it elsewhere in the file, refuse it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapters.channels.canonical.source import Canonical
from adapters.channels.csv.cells import CellRefused, Reading, cell_of, value_of
from adapters.channels.csv.columns import ATTRIBUTE, BY_NAME, SHOWN_FAULTS, Column
from adapters.channels.csv.rows import Row, Sheet, rows_of
from schemas.contracts import refusals
from schemas.contracts.refusals import Refused, refused
from schemas.contracts.strict_json import shown
from schemas.messages import codec
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import DOUBT, ORDER_SCHEMA, Order

# Any: a canonical order as JSON, put together field by field.
Json = dict[str, Any]

MAX_ROWS = 1_000_000
"""Of one file. A million orders take ten minutes to place; a longer file is split by its sender."""

MAX_LINES = 600
"""Of one order: the canonical order's bound. At most 500 of them are goods, which is checked with
the whole order."""

MAX_ORDER_CHARACTERS = 1_000_000
"""Of one order's cells: what the stream takes as one message."""

MAX_APART = 10_000
"""Orders whose rows don't stand together. More of them say that the file is not sorted at all."""

_BUCKETS = 256  # a million references are sorted four thousand at a time, in 8 MB

_CANONICAL = Canonical()


class Survey(Struct, frozen=True):
    """What a first look through the file found. `apart` holds digests of the references whose rows
    don't stand together."""

    rows: int
    orders: int
    apart: frozenset[int]


class Found(Struct, frozen=True, kw_only=True):
    """One order of the file, or why its rows are none. `raw` is the canonical order, encoded;
    `digest` its SHA-256, by which a repeat is known."""

    first_row: int
    last_row: int
    ref: str
    order: Order | None = None
    raw: bytes = b""
    digest: str = ""
    reason: str = ""
    sentences: tuple[str, ...] = ()


class _Group:
    """Rows of one order, as they come. Beyond the bounds rows are counted and not kept."""

    def __init__(self, ref: str, row: Row) -> None:
        self.ref = ref
        self.first = self.last = row.number
        self.rows: list[Row] = []
        self.faults: list[tuple[str, str]] = []
        self._size = 0
        self._lines = 0

    def take(self, row: Row) -> None:
        """Add a row."""
        self.last = row.number
        self._lines += 1
        self._size += sum(map(len, row.cells))
        if self._lines <= MAX_LINES and self._size <= MAX_ORDER_CHARACTERS:
            self.rows.append(row)
        elif self._lines == MAX_LINES + 1:
            told = f"The order has more than {MAX_LINES} rows; an order may have {MAX_LINES} lines."
            self.refuse(refusals.SCHEMA_MISMATCH, told)
        elif self._size > MAX_ORDER_CHARACTERS and self.rows:
            told = f"The order has more than {MAX_ORDER_CHARACTERS:,} characters; shorten it."
            self.refuse(refusals.TOO_LARGE, told)
            self.rows.clear()

    def refuse(self, reason: str, sentence: str) -> None:
        """Note what is wrong; the order won't be taken."""
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append((reason, sentence))
        elif len(self.faults) == SHOWN_FAULTS:
            told = "There are more faults; fix these first and import it again."
            self.faults.append((reason, told))


def survey(sheet: Sheet, most_rows: int = MAX_ROWS) -> Survey:
    """Look through all rows before any of them is taken. Raises Refused for too many."""
    column = _ref_column(sheet)
    buckets = [array("Q") for _ in range(_BUCKETS)]
    rows = 0
    last = ""
    for row in rows_of(sheet):
        rows += 1
        if row.number > most_rows + 1:
            told = f"The file has more than {most_rows:,} rows; split it."
            raise refused(refusals.TOO_LARGE, told)
        ref = _ref_of(row, column)
        if not ref or ref == last:
            continue
        last, name = ref, _digest_of(ref)
        buckets[name % _BUCKETS].append(name)
    apart: set[int] = set()
    for bucket in buckets:
        apart.update(one for one, other in pairwise(sorted(bucket)) if one == other)
        if len(apart) > MAX_APART:
            told = f"Rows of more than {MAX_APART:,} orders stand apart; sort the file by ref."
            raise refused(refusals.CSV_MALFORMED, told)
    return Survey(rows, sum(map(len, buckets)), frozenset(apart))


def orders_of(sheet: Sheet, found: Survey, reading: Reading) -> Iterator[Found]:
    """Yield every order of the file and every row that belongs to none, in the file's order."""
    for group in _groups(sheet):
        if group.ref and _digest_of(group.ref) in found.apart:
            told = (
                f"Rows of {shown(group.ref)} stand elsewhere in the file too; put all rows of an "
                "order together."
            )
            group.refuse(refusals.CSV_MALFORMED, told)
        yield _found(group, sheet, reading)


def _groups(sheet: Sheet) -> Iterator[_Group]:
    """Yield the rows of each order. A row that can't be told an order's refuses those beside it,
    for it may be a line of theirs."""
    column = _ref_column(sheet)
    width = _width(sheet)
    group: _Group | None = None
    doubtful = ""
    for row in rows_of(sheet):
        ref, fault = _ref_of(row, column), row.fault or _ragged(row, sheet, width)
        if not ref and not fault:
            fault = f"Row {row.number} has no ref; write the order's ref on each of its rows."
        if group is None or (ref and ref != group.ref):
            if group is not None:
                yield group
            group = _Group(ref, row)
            if doubtful:
                group.refuse(refusals.CSV_MALFORMED, doubtful)
        if fault:
            group.last = row.number
            reason = refusals.CSV_MALFORMED if row.fault or ref else refusals.REF_MISSING
            group.refuse(reason, fault)
        else:
            group.take(row)
        doubtful = ""
        if not ref and row.fault:
            doubtful = f"Row {row.number}, just before this order, can't be read and may be its."
    if group is not None:
        yield group


def _found(group: _Group, sheet: Sheet, reading: Reading) -> Found:
    found = Found(first_row=group.first, last_row=group.last, ref=group.ref)
    tree: Json = {}
    if group.rows:
        tree = _Draft(group, sheet, reading).order()
    if group.faults:
        told = tuple(dict.fromkeys(sentence for _, sentence in group.faults))
        return replace(found, reason=group.faults[0][0], sentences=told)
    try:
        placed = _CANONICAL.translate("place", "", msgspec.json.encode(tree))
    except Refused as error:
        return replace(found, reason=error.reason, sentences=error.sentences)
    assert isinstance(placed, PlaceOrder)
    raw = codec.encode(placed.order)
    digest = hashlib.sha256(raw).hexdigest()
    return replace(found, order=placed.order, raw=raw, digest=digest)


class _Draft:
    """An order in the making. What is wrong is noted in the group."""

    def __init__(self, group: _Group, sheet: Sheet, reading: Reading) -> None:
        self._group = group
        self._columns = [
            (place, column) for place, column in enumerate(sheet.columns) if column is not None
        ]
        self._reading = reading
        self._currency = ""
        self._lost: list[str] = []

    def order(self) -> Json:
        """Put the canonical order together from the group's rows."""
        stated = self._stated()
        lines = [self._line(number, row) for number, row in enumerate(self._group.rows, 1)]
        if self._group.faults:
            return {}
        totals = self._totals(stated, lines)
        tree: Json = {"schema": ORDER_SCHEMA, "lines": lines, "totals": totals, "attributes": {}}
        named: dict[str, object] = {}
        for column, value in stated.items():
            if column.name.startswith(ATTRIBUTE):
                tree["attributes"][column.name[len(ATTRIBUTE) :]] = value
            elif column.place.startswith("discounts."):
                named[column.place.rpartition(".")[2]] = value
            elif not column.place.startswith("totals."):
                _put(tree, column.place, value)
        if self._lost:
            name = DOUBT + refusals.PHONE_INVALID
            tree["attributes"][name] = f"{' '.join(self._lost)} It is left out: ask for it."
        tree.setdefault("number", self._group.ref)
        tree.setdefault("updated_at", tree.get("placed_at"))
        if named:
            tree["discounts"] = [{"amount_minor": totals["discount_minor"], **named}]
        for name in ("ship_to", "bill_to"):
            if name in tree:
                self._complete(name, tree[name])
        return tree

    def _stated(self) -> dict[Column, object]:
        """Return what the rows say about the order as a whole; rows must not contradict."""
        found: dict[Column, object] = {}
        ordered = sorted(self._columns, key=lambda one: one[1].name != "currency")
        for place, column in ordered:
            if column.of_line:
                continue
            said = [(row.number, cell_of(row.cells, place, column)) for row in self._group.rows]
            said = [one for one in said if one[1]]
            if not said:
                if column.required:
                    told = f"The {column.name} in row {self._group.first} is empty; fill it in."
                    self._refuse(told)
                continue
            (number, text), *others = said
            for other, differs in others:
                if differs != text:
                    told = (
                        f"The {column.name} in row {other} is another than in row {number} of the "
                        "same order; make them equal, or leave the further ones empty."
                    )
                    self._refuse(told, refusals.CSV_MALFORMED)
                    break
            value = self._value(number, text, column)
            if value == "":
                told = f"The {column.name} in row {number} was shortened by a spreadsheet."
                self._lost.append(told)
            elif value is not None:
                found[column] = value
            if column.name == "currency":
                self._currency = str(value or "")
        return found

    def _line(self, number: int, row: Row) -> Json:
        line: Json = {"line_id": str(number)}
        for place, column in self._columns:
            if not column.of_line:
                continue
            text = cell_of(row.cells, place, column)
            if text:
                line[column.place] = self._value(row.number, text, column)
            elif column.required:
                self._refuse(f"The {column.name} in row {row.number} is empty; fill it in.")
        if self._group.faults:
            return line
        line.setdefault("title", line["sku"][:256])
        if "total_minor" not in line:
            full = line["unit_price_minor"] * line["quantity"]
            line["total_minor"] = full - line.get("discount_minor", 0)
            if line["total_minor"] < 0:
                told = f"The line_discount in row {row.number} is more than the line costs."
                self._refuse(told, refusals.TOTAL_MISMATCH)
        return line

    def _totals(self, stated: dict[Column, object], lines: list[Json]) -> Json:
        totals: Json = {
            "discount_minor": sum(line.get("discount_minor", 0) for line in lines),
            "tax_minor": sum(line.get("tax_minor", 0) for line in lines),
            "shipping_minor": 0,
        }
        gross = sum(line["total_minor"] for line in lines) + totals["discount_minor"]
        totals["subtotal_minor"] = gross
        for column, value in stated.items():
            if column.place.startswith("totals."):
                totals[column.place.rpartition(".")[2]] = value
        return totals

    def _complete(self, name: str, address: Json) -> None:
        """An address that is begun has what every address has."""
        address["lines"] = list(address.get("lines", {}).values())
        country = address.get("country", "")
        emirate = address.get("region", "") if country == "AE" else ""
        address.setdefault("city", _CITY_STATES.get(country, emirate))
        if "postal_code" in address:
            address["postal_code"] = _whole_code(country, address["postal_code"])
        for field, column in (("name", "name"), ("lines", "line1"), ("country", "country")):
            if not address.get(field):
                told = f"The {name}_{column} is empty, but other fields of that address are not."
                self._refuse(f"{told[:-1]}; fill it in.")

    def _value(self, number: int, text: str, column: Column) -> object:
        try:
            return value_of(text, column, self._currency, self._reading)
        except CellRefused as error:
            reason = _REASONS.get(column.kind, refusals.SCHEMA_MISMATCH)
            self._refuse(f"The {column.name} in row {number} {error}.", reason)
            return None

    def _refuse(self, sentence: str, reason: str = refusals.SCHEMA_MISMATCH) -> None:
        self._group.refuse(reason, sentence)


_CITY_STATES = {
    "SG": "Singapore", "HK": "Hong Kong", "MO": "Macao", "MC": "Monaco", "VA": "Vatican City",
    "GI": "Gibraltar",
}  # fmt: skip
"""Where the country is the city, and people leave the city out; in the Emirates the region is."""

_DIGITS = {
    "IT": (5, 3),
    **dict.fromkeys(("FI", "PR", "VI"), (5, 2)),
    **dict.fromkeys(("US", "DE", "FR", "ES", "EE", "MX", "KR", "TR", "MY", "UA", "DZ"), (5, 1)),
    **dict.fromkeys(("NO", "ZA"), (4, 3)),
    **dict.fromkeys(("AU", "NZ"), (4, 1)),
    **dict.fromkeys(("SG", "RO", "CN", "CO", "KZ"), (6, 1)),
    "BR": (8, 1),
}
"""Countries whose postal codes have so many digits, and with how many zeros they may begin: a
spreadsheet drops these, and what is left can have been nothing else."""


_TWO_ZEROS_FROM = 501
"""The first ZIP code; those of Puerto Rico and the Virgin Islands begin with two zeros, too."""


def _whole_code(country: str, code: str) -> str:
    digits, zeros = _DIGITS.get(country, (0, 0))
    if country == "US" and len(code) == 3 and code.isdecimal() and int(code) >= _TWO_ZEROS_FROM:
        zeros = 2
    is_damaged = code.isascii() and code.isdecimal() and digits - zeros <= len(code) < digits
    return code.zfill(digits) if is_damaged else code


_REASONS = {"money": refusals.MONEY_UNREADABLE, "time": refusals.DATE_IMPOSSIBLE}


def _put(tree: Json, place: str, value: object) -> None:
    *way, last = place.split(".")
    for step in way:
        tree = tree.setdefault(step, {})
    tree[last] = value


def _ref_column(sheet: Sheet) -> int:
    return next(at for at, one in enumerate(sheet.columns) if one is not None and one.name == "ref")


def _ref_of(row: Row, column: int) -> str:
    return cell_of(row.cells, column, BY_NAME["ref"])


def _width(sheet: Sheet) -> int:
    """Return how many cells a row has at least: empty names at the header's end count for none."""
    return max(at for at, one in enumerate(sheet.columns, 1) if one is not None)


def _ragged(row: Row, sheet: Sheet, width: int) -> str:
    cells = row.cells
    if len(cells) < width:
        return (
            f"Row {row.number} has {len(cells)} cells, but the header names {width}; a delimiter "
            "is missing."
        )
    for place, cell in enumerate(cells):
        if (place >= len(sheet.columns) or sheet.columns[place] is None) and cell.strip():
            return (
                f"Row {row.number} has the cell {place + 1}, for which the header has no name; "
                "put quotes around a cell that has the delimiter in it."
            )
    return ""


def _digest_of(ref: str) -> int:
    """Name a reference in 64 bits. In one of thirty million files of a million orders two have the
    same name; then both are refused."""
    return int.from_bytes(hashlib.blake2b(ref.encode(), digest_size=8).digest(), "big")

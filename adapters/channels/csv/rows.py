"""The rows of a CSV file, read a piece at a time: whatever is broken stays one row.

A quote that is never closed would take the rest of the file into one cell. Here it costs its own
row, which is told, and reading goes on with the next line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Literal, TextIO

from msgspec import Struct

from adapters.channels.csv.columns import Column, header_of, known_among
from adapters.channels.csv.shopify_export import Dialect, dialect_of
from schemas.contracts import refusals
from schemas.contracts.refusals import refused

Encoding = Literal["utf-8", "cp1252"]

MAX_ROW_CHARACTERS = 100_000
"""A note, a gift message and a dozen attributes, all of full length; what is longer is a quote that
was never closed. Also below what Python's reader takes for one cell (131,072)."""

_DELIMITERS = (",", ";", "\t")
_OTHERS = {b"\xff\xfe": "in UTF-16", b"\xfe\xff": "in UTF-16", b"PK\x03\x04": "a workbook"}
_MARK = "\ufeff".encode()
_PIECE_BYTES = 1024 * 1024


class Row(Struct, frozen=True):
    """One row. `number` is the one a spreadsheet shows, the header being 1. With a `fault` the
    cells are those before it, as far as they can be told apart."""

    number: int
    cells: list[str]
    fault: str = ""


class Sheet(Struct, frozen=True):
    """A file whose header was read. `head_lines` stand before its first row. `dialect` reads rows
    that are another program's (None: they are ours)."""

    text: TextIO
    columns: tuple[Column | None, ...]
    delimiter: str
    head_lines: int
    dialect: Dialect | None = None


def open_sheet(raw: BinaryIO, encoding: Encoding = "utf-8") -> Sheet:
    """Look through the bytes for their encoding, then read the header.

    Raises Refused for what is not CSV, is in another encoding, or has a wrong header.
    """
    _require_encoding(raw, encoding)
    raw.seek(0)
    text = io.TextIOWrapper(raw, encoding=encoding, newline="")
    lines = 1
    line = (_line(text) or "").removeprefix(_MARK.decode())
    hint = line.strip().lower()
    if hint in {"sep=,", "sep=;"} or line.rstrip("\r\n").lower() == "sep=\t":  # Excel's own hint
        lines = 2
        line = _line(text) or ""
    if not line.strip():
        raise refused(refusals.CSV_MALFORMED, "The first row is empty; it must name the columns.")
    delimiter = max(_DELIMITERS, key=lambda one: known_among(_header(line, one)))
    cells = _header(line, delimiter)
    if not cells:
        told = "The header can't be read: a quote is not closed, or text follows a closed one."
        raise refused(refusals.CSV_MALFORMED, told)
    if (dialect := dialect_of(cells)) is not None:
        return Sheet(text, dialect.columns, delimiter, lines, dialect)
    return Sheet(text, header_of(cells), delimiter, lines)


def rows_of(sheet: Sheet) -> Iterator[Row]:
    """Yield, from the beginning, the rows behind the header that have anything in them.

    Memory is bounded by MAX_ROW_CHARACTERS, whatever the file holds.
    """
    for row in _rows(sheet):
        if sheet.dialect is None or row.fault:
            yield row
        else:
            yield Row(row.number, *sheet.dialect.ours(row.number, row.cells))


def _rows(sheet: Sheet) -> Iterator[Row]:
    text, delimiter = sheet.text, sheet.delimiter
    text.seek(0)
    for _ in range(sheet.head_lines):
        _line(text)
    lines = _Lines(text)
    number = 1
    while (line := lines.next()) != "":
        number += 1
        if line is None:
            told = f"Row {number} has more than {MAX_ROW_CHARACTERS:,} characters; shorten it."
            yield Row(number, [], told)
        elif '"' not in line:
            cells = line.rstrip("\r\n").split(delimiter)
            if any(map(str.strip, cells)):
                yield Row(number, cells)
        else:
            row = _quoted(number, line, lines, delimiter)
            if row.fault or any(map(str.strip, row.cells)):
                yield row


class _Lines:
    """The lines of a text. Those that were looked at in vain can be put back."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._again: deque[str | None] = deque()

    def next(self) -> str | None:
        """Return a line with its end, "" behind the last, None for one beyond the bound."""
        return self._again.popleft() if self._again else _line(self._text)

    def put_back(self, lines: list[str | None]) -> None:
        """Have these come next."""
        self._again.extendleft(reversed(lines))


class _Unclosed(Exception):
    """A quote is not closed within the bound."""


def _quoted(number: int, first: str, lines: _Lines, delimiter: str) -> Row:
    """Read a row with quotes in it, which may go over several lines."""
    taken: list[str | None] = []

    def feed() -> Iterator[str]:
        yield first
        size = len(first)
        while (line := lines.next()) != "":
            taken.append(line)
            size += len(line or "")
            if line is None or size > MAX_ROW_CHARACTERS:
                raise _Unclosed
            yield line

    try:
        return Row(number, next(csv.reader(feed(), delimiter=delimiter, strict=True)))
    except (csv.Error, _Unclosed) as error:
        # What stands behind the broken line is read again, so that it isn't lost with it.
        lines.put_back(taken)
        if isinstance(error, csv.Error) and not taken:
            told = "a quoted cell goes on behind its closing quote"
        else:
            told = "a quote is not closed"
        before = first.partition('"')[0].split(delimiter)[:-1]
        return Row(
            number,
            before,
            f"Row {number} can't be read: {told}. Write a quote inside a cell twice, and quotes "
            "around the cell.",
        )


def _line(text: TextIO) -> str | None:
    """Return the next line, "" at the end, or None for one beyond the bound, which is skipped."""
    line = text.readline(MAX_ROW_CHARACTERS + 2)
    if len(line) <= MAX_ROW_CHARACTERS:
        return line
    while line and not line.endswith(("\n", "\r")):
        line = text.readline(_PIECE_BYTES)
    return None


def _header(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _require_encoding(raw: BinaryIO, encoding: Encoding) -> None:
    """Raise Refused unless all the bytes are of the encoding that was stated."""
    raw.seek(0)
    start = raw.read(4)
    for mark, name in _OTHERS.items():
        if start.startswith(mark):
            told = f"The file is {name}; save it as “CSV UTF-8” and import that."
            raise refused(refusals.CSV_MALFORMED, told)
    foreign = _not_of(raw, "utf-8")
    if encoding == "utf-8" and foreign:
        told = (
            f"Line {foreign} has a character that is not in UTF-8. Save the file as “CSV UTF-8”; "
            "or, if it comes from an old Windows program, state the encoding cp1252."
        )
        raise refused(refusals.CSV_MALFORMED, told)
    if encoding != "utf-8" and not foreign and not _is_ascii(raw):
        told = "The file is in UTF-8, not in cp1252: leave the stated encoding out."
        raise refused(refusals.CSV_MALFORMED, told)
    if encoding != "utf-8" and (line := _not_of(raw, encoding)):
        told = f"Line {line} has a character that is not in cp1252; save the file as “CSV UTF-8”."
        raise refused(refusals.CSV_MALFORMED, told)


def _not_of(raw: BinaryIO, encoding: Encoding) -> int:
    """Return the number of the first line that is not of an encoding, or 0."""
    raw.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        piece = raw.read(_PIECE_BYTES)
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        if not piece:
            return 0
        line += piece.count(b"\n")


def _is_ascii(raw: BinaryIO) -> bool:
    raw.seek(0)
    return all(piece.isascii() for piece in iter(lambda: raw.read(_PIECE_BYTES), b""))

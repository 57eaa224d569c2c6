"""Reads a CSV file of counted stock. The whole file is read and checked before anything is entered:
one wrong row, and nothing of it is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from adapters.postgres.stock_ledger import MAX_FIGURE, Figure
from service.app.errors import OperatorError

MAX_ROWS = 1_000_000
"""Rows of one file: some hundred MB of memory while it is read."""

MAX_BYTES = 256 * 1024**2
"""Bytes of one file."""

MAX_SKU = 200
"""Characters of an SKU, as in an order."""

SHOWN = 20
"""Wrong rows that are named: a screen; what is wrong with the first ones is often wrong with
all."""

COLUMNS = ("sku", "place", "on_hand", "safety")
TEMPLATE = "sku,place,on_hand,safety\nSKU-001,main,120,5\n"

_WHOLE = re.compile(r"[0-9]{1,20}")


class FileRefused(OperatorError):
    """The file can't be used as it is; nothing of it was entered."""

    exit_code = 1


def read_counts(path: Path, places: Sequence[str], place: str = "") -> list[Figure]:
    """Return the counts of a file. `place` is where everything lies if the file has no such column.
    Raises FileRefused with every fault, at most SHOWN of them."""
    try:
        with path.open("rb") as raw:
            if path.stat().st_size > MAX_BYTES:
                raise FileRefused(f"{path} is refused: it has more than {MAX_BYTES:,} bytes.")
            text = TextIOWrapper(raw, encoding="utf-8-sig", newline="")
            return list(_read(text, places, place, str(path)))
    except OSError as error:
        raise FileRefused(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileRefused(f"{path} is refused: it is not UTF-8 ({error.reason}).") from error
    except csv.Error as error:
        raise FileRefused(f"{path} is refused: it is not CSV ({error}).") from error


def _read(text: TextIOWrapper, places: Sequence[str], place: str, name: str) -> Iterator[Figure]:
    first = text.readline(10_000)
    delimiter = ";" if first.count(";") > first.count(",") else ","
    head = [one.strip().casefold() for one in next(csv.reader([first], delimiter=delimiter), [])]
    _check_head(head, place, name)
    at = {column: head.index(column) for column in COLUMNS if column in head}
    faults: list[str] = []
    wrong, found = 0, dict[tuple[str, str], int]()
    figures: list[Figure] = []
    for row, cells in enumerate(csv.reader(text, delimiter=delimiter, strict=True), start=2):
        if not any(cells):
            continue
        if row > MAX_ROWS + 1:
            raise FileRefused(f"{name} is refused: it has more than {MAX_ROWS:,} rows.")
        told = {column: cells[i].strip() if i < len(cells) else "" for column, i in at.items()}
        fault = _fault(told, len(cells), len(head), places, place)
        shelf = (told.get("place") or place, told["sku"])
        if not fault and shelf in found:
            fault = f"{shelf[1]} at {shelf[0]} is in row {found[shelf]} already."
        if fault:
            wrong += 1
            if len(faults) < SHOWN:
                faults.append(f"row {row}: {fault}")
            continue
        found[shelf] = row
        safety = told.get("safety")
        figures.append(
            Figure(
                place=shelf[0],
                sku=shelf[1],
                units=int(told["on_hand"]),
                safety=int(safety) if safety else None,
            )
        )
    if wrong:
        more = f"\n… and {wrong - len(faults)} more rows." if wrong > len(faults) else ""
        rows = "row is" if wrong == 1 else "rows are"
        raise FileRefused(
            f"{name} is refused, and nothing of it was entered: {wrong} {rows} wrong.\n"
            + "\n".join(faults)
            + more
        )
    if not figures:
        raise FileRefused(f"{name} has no rows below its head.")
    yield from figures


def _check_head(head: Sequence[str], place: str, name: str) -> None:
    lacks = [one for one in ("sku", "on_hand") if one not in head]
    if "place" not in head and not place:
        lacks.append("place")
    if lacks:
        raise FileRefused(
            f"{name} is refused: its first row lacks {', '.join(lacks)}. It names the columns sku, "
            "place (or give --place), on_hand and, if you like, safety."
        )
    for column in COLUMNS:
        if head.count(column) > 1:
            raise FileRefused(f"{name} is refused: two columns are called {column}.")


def _fault(told: dict[str, str], cells: int, wide: int, places: Sequence[str], place: str) -> str:
    """Return what is wrong with a row, "" for nothing."""
    if cells > wide:
        return f"it has {cells} cells, and the head has {wide}."
    sku, where = told["sku"], told.get("place") or place
    if not sku or len(sku) > MAX_SKU or not sku.isprintable():
        return f"the SKU {sku[:40]!r} is not 1 to {MAX_SKU} printable characters."
    if where not in places:
        return f"no place is called {where!r}; the places are: {', '.join(places)}."
    for column in ("on_hand", "safety"):
        text = told.get(column, "")
        if column == "safety" and not text:
            continue
        if not _WHOLE.fullmatch(text):
            return f"{column} {text[:40]!r} is not a whole number of at least 0."
        if int(text) > MAX_FIGURE:
            return f"{column} {text} is more than {MAX_FIGURE:,}, which is taken for a slip."
    return ""

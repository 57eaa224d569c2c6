"""CSV files of orders for tests: made, and read as an import reads them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.channels.csv.cells import Reading
from adapters.channels.csv.columns import template
from adapters.channels.csv.orders import Found, Survey, orders_of, survey
from adapters.channels.csv.rows import Encoding, Row, open_sheet, rows_of

HEAD = template()[0]


def a_row(ref: str = "A-1", **changes: str) -> dict[str, str]:
    """A row that is a whole order of one line, with any cell changed."""
    row = dict(zip(HEAD, template()[1], strict=True))
    return {**row, "ref": ref, "number": ref, "total": "29.95", **changes}


def another(ref: str = "A-1", **changes: str) -> dict[str, str]:
    """A further row of the same order: a line of 8.00."""
    return {"ref": ref, "sku": "TEA", "quantity": "1", "unit_price": "8.00", **changes}


def a_file(*rows: Mapping[str, str], delimiter: str = ",", head: Sequence[str] = ()) -> bytes:
    """Write rows under a header of all their columns."""
    names = list(head) or list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def read_rows(raw: bytes, encoding: Encoding = "utf-8") -> list[Row]:
    """The rows behind the header."""
    return list(rows_of(open_sheet(io.BytesIO(raw), encoding)))


def surveyed(raw: bytes) -> Survey:
    """What the first look finds."""
    return survey(open_sheet(io.BytesIO(raw)))


def read(raw: bytes, encoding: Encoding = "utf-8", **reading: Any) -> list[Found]:
    """Every order of the file, and every row that belongs to none."""
    sheet = open_sheet(io.BytesIO(raw), encoding)
    return list(orders_of(sheet, survey(sheet), Reading(**reading)))


def the_one(raw: bytes, encoding: Encoding = "utf-8", **reading: Any) -> Found:
    """The only order of the file."""
    (found,) = read(raw, encoding, **reading)
    return found

"""The report of an import as a CSV file, harmless in a spreadsheet.

Written row by row: whatever stops the import, what stands there is true.
"""

from __future__ import annotations

import csv
import unicodedata
from typing import TextIO

from adapters.kit.fitting import visible
from service.imports.service import Entry

HEAD = ("rows", "ref", "outcome", "order_id", "became", "reason", "why")

_FORMULA = ("=", "+", "-", "@")


class Report:
    """Writes into a text file that was opened with `newline=""`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._rows = csv.writer(file)
        self._rows.writerow(HEAD)

    def write(self, entry: Entry) -> None:
        """Add a line, and hand it to the operating system at once."""
        cells = (
            rows_of(entry),
            entry.ref,
            entry.outcome,
            entry.order_id,
            entry.became,
            entry.reason,
            " ".join(entry.why),
        )
        self._rows.writerow(map(harmless, cells))
        self._file.flush()


def rows_of(entry: Entry) -> str:
    """Say which rows an entry is about; with `to`, for a spreadsheet takes 3-4 for a date."""
    if entry.first_row == entry.last_row:
        return str(entry.first_row)
    return f"{entry.first_row} to {entry.last_row}"


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula, and no terminal as commands: control
    characters are written out, and an apostrophe goes before it. Some spreadsheets take full-width
    signs (`＝`) for the usual ones.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    seen = visible(cell).replace("\t", "\\t").replace("\n", "\\n")
    begins = unicodedata.normalize("NFKC", cell).lstrip().startswith(_FORMULA)
    return f"'{seen}" if begins or cell[:1] in ("\t", "\r") else seen

"""The ledger: every real-world consequence, in order, to count what was lost or doubled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from ops.simulators.shapes import JsonObject, JsonValue

KINDS = (
    "label label_void erp_order erp_order_delete warehouse_task warehouse_task_cancel"
    " mail fulfilment refund"
).split()
UNDONE_BY = {
    "label": "label_void",
    "erp_order": "erp_order_delete",
    "warehouse_task": "warehouse_task_cancel",
}
MAX_ENTRIES = 5_000_000
MAX_PAGE = 10_000
MAX_LISTED_DUPLICATES = 10_000


class LedgerFull(Exception):
    """The ledger is full (5,000,000 entries). It forgets nothing; empty it: DELETE /_sim/ledger."""


@dataclass(slots=True, frozen=True)
class Entry:
    """One consequence; `at` is seconds since 1970."""

    seq: int
    at: float
    kind: str
    partner: str
    reference: str
    id: str

    def as_json(self) -> JsonObject:
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        return {
            "seq": self.seq,
            "at": at.replace("+00:00", "Z"),
            "kind": self.kind,
            "partner": self.partner,
            "reference": self.reference,
            "id": self.id,
        }


class Ledger:
    """Kept in memory, and appended to a file if one is given, which is read back at start."""

    def __init__(self, clock: Callable[[], float], file: Path | None = None) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self._seq = 0
        self._path = file
        self._file: TextIO | None = None
        if file is not None:
            self._restore(file)
            self._file = file.open("a", encoding="utf-8", buffering=1)

    def _restore(self, file: Path) -> None:
        if not file.exists():
            return
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    raw = json.loads(line)
                except ValueError:
                    continue  # The last line may be torn: the process was killed while it wrote.
                at = datetime.fromisoformat(raw["at"]).timestamp()
                self._keep(
                    Entry(raw["seq"], at, raw["kind"], raw["partner"], raw["reference"], raw["id"])
                )

    def _keep(self, entry: Entry) -> None:
        self._seq = entry.seq
        self._entries.append(entry)
        self._counts[entry.kind][entry.reference] += 1

    def record(self, kind: str, partner: str, reference: str, id: str) -> None:
        """Writes one consequence down. Raises LedgerFull at the bound."""
        if len(self._entries) >= MAX_ENTRIES:
            raise LedgerFull(LedgerFull.__doc__)
        entry = Entry(self._seq + 1, self._clock(), kind, partner, reference, id)
        self._keep(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry.as_json()) + "\n")

    def page(self, kind: str, after: int, limit: int) -> JsonObject:
        """Entries with a `seq` above `after`, 10,000 at the most; `next` continues, or is null."""
        limit = max(1, min(limit, MAX_PAGE))
        # Numbers follow one another without a gap, so an entry's place is known from its number.
        first = self._entries[0].seq if self._entries else 1
        found: list[JsonValue] = []
        last = after
        for index in range(max(0, after + 1 - first), len(self._entries)):
            entry = self._entries[index]
            if kind and entry.kind != kind:
                continue
            found.append(entry.as_json())
            last = entry.seq
            if len(found) == limit:
                break
        return {"entries": found, "next": last if len(found) == limit else None}

    def summary(self) -> JsonObject:
        """Counts per kind and what happened twice to one reference.

        `undone` says how many were taken back: labels voided, orders deleted, tasks cancelled.
        """
        duplicates: list[JsonValue] = []
        total = 0
        for kind, counts in self._counts.items():
            undone = self._counts[UNDONE_BY[kind]] if kind in UNDONE_BY else Counter[str]()
            for reference, count in counts.items():
                # Things without a reference can't be told apart: they are not duplicates.
                if count > 1 and reference:
                    total += 1
                    if len(duplicates) < MAX_LISTED_DUPLICATES:
                        duplicates.append(
                            {
                                "kind": kind,
                                "reference": reference,
                                "count": count,
                                "undone": undone[reference],
                            }
                        )
        return {
            "counts": {kind: counts.total() for kind, counts in self._counts.items()},
            "references": {kind: len(counts) for kind, counts in self._counts.items()},
            "duplicates": duplicates,
            "duplicates_total": total,
            "last_seq": self._seq,
        }

    def clear(self) -> None:
        """Forgets everything, also in the file; numbers go on, so a reader's `after` stays good."""
        self._entries.clear()
        for counts in self._counts.values():
            counts.clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

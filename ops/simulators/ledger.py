"""The ledger: every real-world consequence, in order, to count what was lost or doubled.

Each thing of an order has its own signed reference of 35 characters; the first 20 name the order.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TextIO, cast

import msgspec

from ops.simulators.shapes import JsonObject, JsonValue, dump, parse_object

KINDS = (
    "label label_part_void label_void erp_order erp_order_update erp_order_delete warehouse_task"
    " warehouse_task_cancel parcel parcel_handed_over mail fulfilment fulfilment_cancel"
    " order_cancel refund capture pickup_ready stop_answer request_answer"
).split()
UNDONE_BY = {
    "label": "label_void",
    "erp_order": "erp_order_delete",
    "warehouse_task": "warehouse_task_cancel",
    "fulfilment": "fulfilment_cancel",
}
# A fulfilment may become several parcels, a document be amended and a label voided in parts, and an
# order have several pickups, captures and requests not to send some of it.
REPEATABLE = frozenset(
    "parcel parcel_handed_over erp_order_update label_part_void pickup_ready stop_answer"
    " request_answer capture".split()
)
MAX_ENTRIES = 5_000_000
MAX_PAGE = 10_000
MAX_LISTED_DUPLICATES = 10_000
MAX_ORDERS_PAGE = 1000
# 500 lines fit. What is larger is not kept, and the entry says so.
MAX_DETAIL_BYTES = 128 * 1024
# Order, thing, and as much of the signature as the partner has room for.
_SIGNED = re.compile("[0-9A-Z]{20}[A-Z][0-9]{4}[0-9A-Z]{0,10}")
_ORDER_CHARACTERS = 20


class LedgerFull(Exception):
    """The ledger is full (5,000,000 entries). It forgets nothing; empty it: DELETE /_sim/ledger."""


def order_of(reference: str) -> str:
    """The part that all references of one order share; an unsigned reference stands for itself."""
    return reference[:_ORDER_CHARACTERS] if _SIGNED.fullmatch(reference) else reference


def _packed(detail: JsonObject | None) -> bytes:
    if not detail:
        return b""
    raw = dump(detail)
    return raw if len(raw) <= MAX_DETAIL_BYTES else dump({"omitted_bytes": len(raw)})


@dataclass(slots=True, frozen=True)
class Entry:
    """One consequence; `at` is seconds since 1970, `detail` a JSON object or nothing."""

    seq: int
    at: float
    kind: str
    partner: str
    reference: str
    id: str
    detail: bytes = b""

    def as_json(self) -> JsonObject:
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds")
        shown: dict[str, JsonValue] = {
            "seq": self.seq,
            "at": at.replace("+00:00", "Z"),
            "kind": self.kind,
            "partner": self.partner,
            "reference": self.reference,
            "id": self.id,
        }
        if self.detail:
            shown["detail"] = cast(JsonValue, msgspec.Raw(self.detail))  # Encoded once is enough.
        return shown


class Ledger:
    """Kept in memory, and appended to a file if one is given, which is read back at start."""

    def __init__(self, clock: Callable[[], float], file: Path | None = None) -> None:
        self._clock = clock
        self._entries: list[Entry] = []
        self._counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self._by_order: dict[str, list[Entry]] = {}
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
                name, detail = raw["reference"], _packed(raw.get("detail"))
                self._keep(
                    Entry(raw["seq"], at, raw["kind"], raw["partner"], name, raw["id"], detail)
                )

    def _keep(self, entry: Entry) -> None:
        self._seq = entry.seq
        self._entries.append(entry)
        self._counts[entry.kind][entry.reference] += 1
        if entry.reference:
            self._by_order.setdefault(order_of(entry.reference), []).append(entry)

    def record(
        self, kind: str, partner: str, reference: str, id: str, detail: JsonObject | None = None
    ) -> None:
        """Writes one consequence down. Raises LedgerFull at the bound."""
        if len(self._entries) >= MAX_ENTRIES:
            raise LedgerFull(LedgerFull.__doc__)
        packed = _packed(detail)
        entry = Entry(self._seq + 1, self._clock(), kind, partner, reference, id, packed)
        self._keep(entry)
        if self._file is not None:
            self._file.write(dump(entry.as_json()).decode() + "\n")

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

    def everything(self) -> list[JsonObject]:
        """Every entry, in order, with its detail to read."""
        return [
            {**entry.as_json(), "detail": parse_object(entry.detail)}
            if entry.detail
            else entry.as_json()
            for entry in self._entries
        ]

    def orders(self, prefix: str, after: int, limit: int) -> JsonObject:
        """The entries of each order whose references begin so, in order of the first entry.

        An answer ends after 1,000 orders or with the order that brings 10,000 entries; `next`
        counts the orders passed so far and continues, or is null.
        """
        limit = max(1, min(limit, MAX_ORDERS_PAGE))
        if len(prefix) >= _ORDER_CHARACTERS and (whole := order_of(prefix)) in self._by_order:
            listed = [{"order": whole, "entries": self._entries_of(whole)}]
            return {"orders": listed if after == 0 else [], "next": None}
        found: list[JsonValue] = []
        entries = 0
        for index, order in enumerate(islice(self._by_order, after, None), after):
            if not order.startswith(prefix):
                continue
            if len(found) == limit or entries >= MAX_PAGE:
                return {"orders": found, "next": index}
            found.append({"order": order, "entries": self._entries_of(order)})
            entries += len(self._by_order[order])
        return {"orders": found, "next": None}

    def _entries_of(self, order: str) -> list[JsonValue]:
        return [entry.as_json() for entry in self._by_order[order]]

    def summary(self) -> JsonObject:
        """Counts per kind and what happened twice to one reference.

        `undone` says how many were taken back: labels voided, orders deleted, tasks cancelled.
        """
        duplicates: list[JsonValue] = []
        total = 0
        for kind, counts in self._counts.items():
            if kind in REPEATABLE:
                continue
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
            "orders": len(self._by_order),
            "last_seq": self._seq,
        }

    def clear(self) -> None:
        """Forgets everything, also in the file; numbers go on, so a reader's `after` stays good."""
        self._entries.clear()
        self._by_order.clear()
        for counts in self._counts.values():
            counts.clear()
        if self._file is not None:
            self._file.truncate(0)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

"""The simulators' ledger of one order, in the words of stories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

from ops.simulators.ledger import UNDONE_BY

# Any: an entry is free-form JSON.
Json = dict[str, Any]

SUBJECTS = {
    "A part of": "order_partly_cancelled",
    "Money back": "order_refunded",
    "is confirmed": "order_confirmed",
    "is cancelled": "order_cancelled",
}


class Names(Protocol):
    """How a story names an order's lines."""

    def name_of(self, line_id: str) -> str: ...


class Books:
    """What the partners did, oldest first."""

    def __init__(self, entries: Sequence[Json], names: Names) -> None:
        self.entries = sorted(entries, key=lambda one: one["seq"])
        self._names = names

    def all(self, kind: str) -> list[Json]:
        """Everything of a kind."""
        return [one for one in self.entries if one["kind"] == kind]

    def live(self, kind: str) -> list[Json]:
        """What was not undone."""
        undone = {(one["partner"], one["id"]) for one in self.all(UNDONE_BY[kind])}
        return [one for one in self.all(kind) if (one["partner"], one["id"]) not in undone]

    def _units(self, entries: Sequence[Json]) -> Counter[str]:
        found: Counter[str] = Counter()
        for one in entries:
            for line in one["detail"]["lines"]:
                found[self._names.name_of(line["line_id"])] += line["quantity"]
        return found

    def _task(self, key: str) -> list[Json]:
        tasks = self.all("warehouse_task")
        return [one for one in tasks if one["detail"]["fulfilment"] == key]

    def task_units(self, key: str) -> dict[str, int]:
        """What the task of a fulfilment asks for."""
        return dict(self._units(self._task(key)))

    def tasks_units(self) -> dict[str, int]:
        """What all tasks that stand ask for."""
        return dict(self._units(self.live("warehouse_task")))

    def packed(self, key: str) -> Counter[str]:
        """What was packed for a fulfilment."""
        found = [one for one in self.all("parcel") if one["detail"]["fulfilment"] == key]
        return self._units(found)

    def rest_of(self, key: str) -> Counter[str]:
        """What a fulfilment's task asks for and is not packed."""
        return self._units(self._task(key)) - self.packed(key)

    def sent(self) -> Counter[str]:
        """What left the houses."""
        return self._units(self.all("parcel_handed_over"))

    def unsent(self, key: str) -> int:
        """How many parcels of a fulfilment are packed and have not left."""
        counts = [
            len([one for one in self.all(kind) if one["detail"]["fulfilment"] == key])
            for kind in ("parcel", "parcel_handed_over")
        ]
        return counts[0] - counts[1]

    def live_keys(self) -> list[str]:
        """The fulfilments whose tasks stand."""
        return [one["detail"]["fulfilment"] for one in self.live("warehouse_task")]

    def collected(self) -> list[int]:
        """What tasks were told to collect."""
        found = [one["detail"].get("amount_to_collect") for one in self.all("warehouse_task")]
        return sorted(one["minor"] if one else 0 for one in found)

    def captured(self) -> list[int]:
        """What the shop took of reserved money, in minor units."""
        found = [Decimal(one["detail"]["amount"]) for one in self.all("capture")]
        return [int(one * 100) for one in found]

    def refunded(self) -> list[int]:
        """What the shop gave back for us, in minor units."""
        found = [Decimal(one["detail"]["amount"]) for one in self.all("refund")]
        return [int(one * 100) for one in found]

    def labels(self) -> tuple[int, int]:
        """How many labels are good, and how many void."""
        good = len(self.live("label"))
        return good, len(self.all("label")) - good

    def postal_codes(self, kind: str) -> set[str]:
        """Where good labels, or tasks that stand, say that it goes."""
        return {one["detail"]["postal_code"] for one in self.live(kind)}

    def booked(self) -> dict[str, int] | None:
        """What the ERP's one order says, by line; None if it has none. Items are numbered by their
        SKUs, whose last part is the line."""
        documents = self.live("erp_order")
        if not documents:
            return None
        assert len(documents) == 1, documents
        (document,) = documents
        updates = [x for x in self.all("erp_order_update") if x["id"] == document["id"]]
        lines = [*documents, *updates][-1]["detail"]["lines"]
        return {
            one["number"].rpartition("-")[2]: int(one["quantity"])
            for one in lines
            if one["type"] == "Item" and one["quantity"]
        }

    def mails(self) -> list[str]:
        """The messages that were sent."""
        found = [one["detail"]["subject"] for one in self.all("mail")]
        return sorted(
            next(name for words, name in SUBJECTS.items() if words in subject) for subject in found
        )

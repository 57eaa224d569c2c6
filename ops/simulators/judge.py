"""Judges orders by the ledger alone: what left the house, what the shop shows, what the ERP and the
labels say, against the last word of the shop.

It takes the shop's report (`refs`), every ledger entry, and what the seller's system says of
itself: under which reference it knows an order, and which orders it has put before a person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

from ops.simulators.ledger import REPEATABLE, UNDONE_BY, order_of
from ops.simulators.shapes import JsonObject, dig, objects, text

MAX_SENTENCES = 200
MAX_WAYS = 4  # told of one order; its tasks are few
_UNDOING = frozenset(UNDONE_BY.values())
Units = Counter[str]


@dataclass(slots=True)
class Verdict:
    """What was counted, and what is wrong in sentences (at most 200)."""

    orders: int = 0
    cancelled: int = 0
    fulfilments: int = 0
    parcels: int = 0
    amended: int = 0
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def say(self, words: str) -> None:
        """Keep a sentence."""
        if len(self.wrong) < MAX_SENTENCES:
            self.wrong.append(words)

    def as_json(self) -> JsonObject:
        return {
            "orders": self.orders,
            "cancelled": self.cancelled,
            "fulfilments": self.fulfilments,
            "parcels": self.parcels,
            "amended": self.amended,
            "doubled": list(self.doubled[:MAX_SENTENCES]),
            "wrong": list(self.wrong),
        }


class Books:
    """The ledger's entries of one order: by its reference with us, and by the shop's own."""

    def __init__(self, entries: Iterable[JsonObject]) -> None:
        self._done: dict[str, list[JsonObject]] = defaultdict(list)
        for entry in entries:
            self._done[text(entry, "kind")].append(entry)

    def all(self, kind: str) -> list[JsonObject]:
        return self._done.get(kind, [])

    def live(self, kind: str) -> list[JsonObject]:
        """Those that were not undone; a thing that was done again after that has a new id."""
        undone = {_named(entry) for entry in self.all(UNDONE_BY[kind])}
        return [entry for entry in self.all(kind) if _named(entry) not in undone]


def _named(entry: JsonObject, *where: str) -> tuple[str, str]:
    """An id is a partner's own: two warehouses may give the same to two tasks."""
    return text(entry, "partner"), text(entry, *(where or ("id",)))


def doubled(entries: Iterable[JsonObject]) -> list[str]:
    """What was done more than once under one reference, in sentences.

    A shop has its own id of an order and several fulfilments of it, so these count by content: one
    parcel may be shown in two of them, each with other units. A mail that its server sent and said
    to decline may come once more, for no one can know of the first.
    """
    seen: Counter[tuple[str, str]] = Counter()
    declined: set[str] = set()
    for entry in entries:
        kind, reference = text(entry, "kind"), text(entry, "reference")
        if kind in REPEATABLE or kind in _UNDOING or not reference:
            continue
        if kind == "mail" and reference in declined:
            declined.discard(reference)
            continue
        if kind == "mail" and not seen[kind, reference] and dig(entry, "detail", "declined"):
            declined.add(reference)
        if kind == "fulfilment":
            numbers = dig(entry, "detail", "numbers")
            if not isinstance(numbers, list) or not numbers:
                continue
            units = ", ".join(
                f"{n} of {line}" for line, n in sorted(_units(entry, "line_item_id").items())
            )
            reference = f"{reference} with {', '.join(sorted(map(str, numbers)))} ({units})"
        seen[kind, reference] += 1
    return [f"{kind} was done {n} times for {ref}." for (kind, ref), n in seen.items() if n > 1]


def judge(
    refs: Iterable[JsonObject],
    entries: Sequence[JsonObject],
    references: Mapping[str, str],
    attention: frozenset[str],
) -> Verdict:
    """Compare each order that was accepted with the ledger. `references` has an order's reference
    by the shop's identifier; `attention` are identifiers of orders that wait for a person."""
    verdict = Verdict(doubled=doubled(entries))
    by_name: dict[str, list[JsonObject]] = defaultdict(list)
    for entry in entries:
        by_name[order_of(text(entry, "reference"))].append(entry)
    for told in refs:
        gid, expected = text(told, "ref"), dig(told, "expected")
        if not told.get("accepted") or not isinstance(expected, dict) or not expected:
            continue
        reference = references.get(gid, "")
        if not reference:
            verdict.say(f"{text(told, 'name')} was accepted and is not known.")
            continue
        books = Books([*by_name.get(order_of(reference), ()), *by_name.get(gid, ())])
        _count(verdict, books)
        if gid in attention:
            continue  # its end is a person's; that nothing was done twice is checked all the same
        verdict.orders += 1
        name = text(told, "name")
        left = _left(books)
        if expected.get("cancelled"):
            verdict.cancelled += 1
            _cancelled(verdict, name, books, left)
        else:
            _shipped(verdict, name, books, expected, left)
        _shown(verdict, name, books, left)
        _charged(verdict, name, books, expected)
    return verdict


def _count(verdict: Verdict, books: Books) -> None:
    verdict.fulfilments += len(books.live("warehouse_task"))
    verdict.parcels += len(books.all("parcel"))
    verdict.amended += len(books.all("erp_order_update")) + len(books.all("label_void"))


def _units(entry: JsonObject, name: str) -> Units:
    units: Units = Counter()
    for line in objects(entry, "detail", "lines"):
        quantity = dig(line, "quantity")
        units[text(line, name)] += quantity if isinstance(quantity, int) else 0
    return units


def _left(books: Books) -> Units:
    """What left the house: what was handed over, or packed by a house that reports no hand-over."""
    cancelled = {_named(entry) for entry in books.all("warehouse_task_cancel")}
    gone = books.all("parcel_handed_over") or [
        parcel
        for parcel in books.all("parcel")
        if _named(parcel, "detail", "task_id") not in cancelled
    ]
    left: Units = Counter()
    for parcel in gone:
        left.update(_units(parcel, "line_id"))
    return left


def _cancelled(verdict: Verdict, name: str, books: Books, left: Units) -> None:
    if left:
        return  # what has left is not undone; what is shown of it is compared elsewhere
    for kind in ("warehouse_task", "label", "erp_order"):
        for entry in books.live(kind):
            verdict.say(f"{name} is cancelled, and its {kind} {text(entry, 'id')} stands.")


def _shipped(verdict: Verdict, name: str, books: Books, expected: JsonObject, left: Units) -> None:
    wanted: Units = Counter()
    for line in objects(expected, "lines"):
        quantity = dig(line, "quantity")
        wanted[text(line, "line_item_id")] += quantity if isinstance(quantity, int) else 0
    if left != wanted:
        verdict.say(f"{name} should have shipped {dict(wanted)}, and {dict(left)} left.")
    documents = books.live("erp_order")
    if len(documents) != 1:
        verdict.say(f"{name} has {len(documents)} sales orders.")
    for document in documents:
        latest = [
            entry
            for entry in books.all("erp_order_update")
            if text(entry, "id") == text(document, "id")
        ]
        _billed(verdict, name, (latest or [document])[-1], expected)
    _addressed(verdict, name, books, expected)


def _billed(verdict: Verdict, name: str, document: JsonObject, expected: JsonObject) -> None:
    """Tax that comes on top of net prices is the ERP's own to add: here the net amounts are
    compared."""
    total, shown = _amount(expected, "total"), "total_including_tax"
    if not expected.get("taxes_included"):
        total, shown = total - _amount(expected, "tax"), "total_excluding_tax"
    found = _amount(document, "detail", shown)
    if found != total:
        verdict.say(f"{name} costs {total}; the ERP has {found}.")


def _addressed(verdict: Verdict, name: str, books: Books, expected: JsonObject) -> None:
    # Carriers write Canada's codes without the space.
    postal_code = text(expected, "ship_to", "zip").replace(" ", "")
    for kind in ("warehouse_task", "label"):
        for entry in books.live(kind):
            found = text(entry, "detail", "postal_code").replace(" ", "")
            if found != postal_code:
                verdict.say(f"{name} goes to {postal_code}, and its {kind} says {found}.")
    to_collect = Decimal(text(expected, "to_collect") or "0")
    by_label = [Decimal(text(x, "detail", "to_collect") or "0") for x in books.live("label")]
    sure, unlabelled = sum(by_label, Decimal(0)), []
    for task in books.live("warehouse_task"):
        minor = dig(task, "detail", "amount_to_collect", "minor")
        amount = Decimal(minor if isinstance(minor, int) else 0) / 100
        labelled = text(task, "detail", "delivery") == "parcel"
        if labelled and text(task, "detail", "labels") == "ours":
            unlabelled.append(amount)
        else:
            sure += amount
    # What left before its label was bought went by the task alone.
    count = max(0, len(unlabelled) - len(by_label))
    ways = {sure + sum(some, Decimal(0)) for some in combinations(unlabelled, count)}
    if to_collect not in ways:
        told = " or ".join(str(one) for one in sorted(ways)[:MAX_WAYS])
        verdict.say(f"{name} has {to_collect} to collect, and {told} are collected.")


def _shown(verdict: Verdict, name: str, books: Books, left: Units) -> None:
    shown: Units = Counter()
    numbers: set[str] = set()
    for fulfilment in books.live("fulfilment"):
        shown.update(_units(fulfilment, "line_item_id"))
        found = dig(fulfilment, "detail", "numbers")
        numbers.update(str(one) for one in found if one) if isinstance(found, list) else None
    if shown != left:
        verdict.say(f"{name}: {dict(left)} left, and the shop shows {dict(shown)}.")
    bought = {
        str(one) for label in books.live("label") for one in _listed(label, "detail", "packages")
    }
    if bought and shown and bought != numbers:
        verdict.say(f"{name} has the labels {sorted(bought)}; the shop shows {sorted(numbers)}.")


def _charged(verdict: Verdict, name: str, books: Books, expected: JsonObject) -> None:
    """Never more is taken than was reserved, nor given back than was taken, and so much as should
    be, where that is said."""
    taken = sum((_amount(one, "detail", "amount") for one in books.all("capture")), Decimal(0))
    for one in books.all("capture"):
        if taken > _amount(one, "detail", "authorised"):
            verdict.say(f"{name} has {taken} captured, and less was authorised.")
    for one in books.all("refund"):
        if _amount(one, "detail", "refunded") > _amount(one, "detail", "received"):
            verdict.say(f"{name} has more given back than was taken.")
    back = dig(expected, "to_refund")
    given = sum((_amount(one, "detail", "amount") for one in books.all("refund")), Decimal(0))
    if back is not None and given != _amount(expected, "to_refund"):
        verdict.say(f"{name} should have {back} given back, and {given} were.")
    due = dig(expected, "to_capture")
    if due is not None and taken != _amount(expected, "to_capture"):
        verdict.say(f"{name} should have {due} captured, and {taken} were.")


def _listed(value: JsonObject, *path: str) -> list[object]:
    found = dig(value, *path)
    return list(found) if isinstance(found, list) else []


def _amount(value: JsonObject, *path: str) -> Decimal:
    found = dig(value, *path)
    return Decimal(str(found)).quantize(Decimal("0.01")) if found is not None else Decimal(-1)

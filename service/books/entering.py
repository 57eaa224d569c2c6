"""What documents an order lacks in the books, and on which day. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.postgres.accounting import Document, Standing
from schemas.messages import events as e
from schemas.messages.effects import tag_of
from schemas.order.canonical import Order
from service.books.sides import CHARGES, MONEY, RECEIVABLE, SALE, Side, changed, sides

MOVES = frozenset(
    tag_of(one)
    for one in (
        e.PaymentConfirmed, e.Changed, e.Cancelled, e.RefundMade, e.PaymentCaptured, e.Captured,
        e.PartCaptured,
    )
)  # fmt: skip
"""Events that may change what an order comes to, or what of it is paid."""

TYPES = MOVES | {
    tag_of(one) for one in (e.Placed, e.Duplicate, e.TakenOver, e.UpdateNoted, e.Fetched)
}
"""Events after which an order is looked at."""


def lacking(order: Standing, zone: ZoneInfo | None) -> Sequence[Document]:
    """Return the documents that an order lacks: together with those that it has they come to what
    it comes to now. The first sale is of the day on which it was placed, whatever comes later of
    the day on which its money changed last."""
    before = _before(order)
    if any(one.currency != order.order.currency for one in order.entered):
        return ()  # an order that changes its currency is told by reconciliation; a person books it
    first = _first_minor(order)
    now = sides(order.state, order.order, first)
    found = []
    for part in (SALE, MONEY, CHARGES):
        number, there = before.get(part, (0, {}))
        lacks = changed(there, now[part])
        if lacks:
            kind = _kind(part, number, lacks, now[part], order.order)
            found.append(_document(order, part, number + 1, kind, lacks, zone))
    return found


def in_zones(zones: Mapping[str, ZoneInfo | None]) -> Callable[[Standing], Sequence[Document]]:
    """Return what says which documents an order lacks, by the time zones of the channels."""
    return lambda order: lacking(order, zones.get(order.channel))


def _before(order: Standing) -> Mapping[str, tuple[int, Side]]:
    sums: dict[str, Counter[tuple[str, str]]] = {}
    numbers: dict[str, int] = {}
    for one in order.entered:
        numbers[one.part] = max(one.number, numbers.get(one.part, 0))
        part = sums.setdefault(one.part, Counter())
        for role, detail, minor in one.entries:
            part[role, detail] += minor
    return {part: (numbers[part], dict(found)) for part, found in sums.items()}


def _first_minor(order: Standing) -> int | None:
    for one in order.entered:
        if one.part == SALE and one.number == 1:
            return sum(minor for role, detail, minor in one.entries if (role, detail) == RECEIVABLE)
    return None


def _kind(part: str, number: int, lacks: Side, now: Side, order: Order) -> str:
    owed = lacks.get(RECEIVABLE, 0)
    if part == CHARGES:
        return "fee"
    if part == MONEY:
        return "payment" if owed < 0 else "payback"
    if not number:
        return "sale"
    if owed < 0 and order.payment in ("partially_refunded", "refunded"):
        return "refund"
    return "change" if now else "cancellation"


def _document(
    order: Standing, part: str, number: int, kind: str, lacks: Side, zone: ZoneInfo | None
) -> Document:
    placed = part == SALE and number == 1
    at = order.order.placed_at
    if order.moved_at is not None and not placed:
        at = order.moved_at.isoformat()
    return Document(
        order_id=order.order_id,
        part=part,
        number=number,
        kind=kind,
        channel=order.channel,
        ref=order.ref,
        order_number=order.number,
        reference=order.reference,
        day=day_of(at, zone),
        currency=order.order.currency,
        entries=tuple(_sorted(lacks)),
    )


def _sorted(lacks: Side) -> Iterator[tuple[str, str, int]]:
    """Yield the debits first."""
    for (role, detail), minor in sorted(lacks.items(), key=lambda one: (one[1] < 0, one[0])):
        yield role, detail, minor


def day_of(at: str, zone: ZoneInfo | None) -> date:
    """Return the day of a moment where the shop is, or as it is stated."""
    moment = datetime.fromisoformat(at)
    try:
        return (moment if zone is None else moment.astimezone(zone)).date()
    except OverflowError:  # the first and the last day of all calendars
        return moment.date()

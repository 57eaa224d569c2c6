"""plan(open lines, places, snapshot) -> fulfilments. Pure; rules and allocation build on it later.

Without a snapshot the plan is hopeful: everything that travels leaves the first place. With one
(what each place could promise when it was asked) units are split over places, the fewest first,
and what no place has waits for stock together.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from schemas.messages.base import Parts
from schemas.messages.effects import Delivery, Seen

MAX_FULFILMENTS = 50
"""Fulfilments at work that one order may have here; a warehouse's own splits may exceed it."""

NO_PLACE = frozenset({"digital", "elsewhere"})
"""Deliveries for which nothing leaves a place."""


class OpenLine(Struct, frozen=True):
    """Units of a line that are to be planned. `at` is the line's place in the order."""

    at: int
    sku: str
    delivery: str
    quantity: int


class Planned(Struct, frozen=True):
    """Units that leave one place together. `waits`: no place has them."""

    place: str
    delivery: Delivery
    units: Parts
    waits: bool = False


def plan(
    lines: Sequence[OpenLine], places: Sequence[str], seen: Sequence[Seen]
) -> tuple[Planned, ...]:
    """Return fulfilments that together hold all units: those that travel first. Without a place,
    what travels is not planned at all."""
    found: list[Planned] = []
    by_delivery: dict[str, list[OpenLine]] = {}
    for line in lines:
        by_delivery.setdefault(line.delivery, []).append(line)
    for delivery, some in by_delivery.items():
        if delivery in NO_PLACE or not places:
            continue
        found += _placed(some, delivery, places, seen)
    digital = by_delivery.get("digital")
    if digital:
        found.append(Planned("", "digital", tuple((x.at, x.quantity) for x in digital)))
    return tuple(found)


def _placed(
    lines: list[OpenLine], delivery: str, places: Sequence[str], seen: Sequence[Seen]
) -> list[Planned]:
    if not seen:
        parts = tuple((x.at, x.quantity) for x in lines)
        return [Planned(places[0], delivery, parts)]  # type: ignore[arg-type]  # a line's delivery
    have = {(one.place, one.sku): one.available for one in seen}
    known = {one.place for one in seen}
    left = {line.at: line.quantity for line in lines}
    found: list[Planned] = []
    rest = [place for place in places if place in known]
    held = {place: [x for x in lines if have.get((place, x.sku))] for place in rest}
    while rest and any(left.values()):
        offers = [(_offer(held[place], left, have, place), place) for place in rest]
        # Most units first, so that the fewest parcels leave; the preferred place among equals.
        best, place = max(offers, key=lambda one: (sum(q for _, q in one[0]), -rest.index(one[1])))
        if not best:
            break
        for at, quantity in best:
            left[at] -= quantity
        found.append(Planned(place, delivery, best))  # type: ignore[arg-type]  # as above
        rest.remove(place)
    waiting = tuple((at, quantity) for at, quantity in left.items() if quantity)
    if waiting:
        found.append(Planned(places[0], delivery, waiting, waits=True))  # type: ignore[arg-type]  # as above
    return found


def _offer(
    lines: list[OpenLine], left: dict[int, int], have: dict[tuple[str, str], int], place: str
) -> Parts:
    """Return what a place can promise of what is left, SKU by SKU; -1 is a SKU no one counts."""
    promised: dict[str, int] = {}
    found = []
    for line in lines:
        available = have.get((place, line.sku), 0)
        if available < 0:
            quantity = left[line.at]
        else:
            quantity = min(left[line.at], available - promised.get(line.sku, 0))
            promised[line.sku] = promised.get(line.sku, 0) + max(0, quantity)
        if quantity > 0:
            found.append((line.at, quantity))
    return tuple(found)

"""plan(open lines, places, snapshot) -> fulfilments. Pure; rules build on it later.

Without a snapshot the plan is hopeful: everything that travels leaves the first place. With one
(what each place could promise when it was asked) units are split over places, the fewest first,
and what no place has waits for stock together. Where places have costs, `allocate` finds the best
split: the fewest parcels, then the least cost, then the earliest departure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from actors.kernel.setup import Setup
from actors.stock.allocate import UNCOUNTED, Offer, allocate
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


class How(Struct, frozen=True, kw_only=True):
    """How units are split. `costs` of a place: of a parcel, of a unit, and the hours until it
    leaves (none: places are not weighed). `whole`: what travels together waits until all of it can
    leave."""

    costs: Mapping[str, tuple[int, int, int]] = {}
    whole: bool = False


PLAIN = How()


def how_of(setup: Setup) -> How:
    """Return how a channel's orders are split."""
    costs = {x.name: (x.parcel_minor, x.unit_minor, x.leaves_hours) for x in setup.places}
    weighed = any(any(one) for one in costs.values())
    return How(costs=costs if weighed else {}, whole=setup.when_short == "whole")


def plan(
    lines: Sequence[OpenLine], places: Sequence[str], seen: Sequence[Seen], how: How = PLAIN
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
        found += _placed(some, delivery, places, seen, how)
    digital = by_delivery.get("digital")
    if digital:
        found.append(Planned("", "digital", tuple((x.at, x.quantity) for x in digital)))
    return tuple(found)


def _placed(
    lines: list[OpenLine], delivery: str, places: Sequence[str], seen: Sequence[Seen], how: How
) -> list[Planned]:
    if not seen:
        parts = tuple((x.at, x.quantity) for x in lines)
        return [Planned(places[0], delivery, parts)]  # type: ignore[arg-type]  # a line's delivery
    have = {(one.place, one.sku): one.available for one in seen}
    known = {one.place for one in seen}
    rest = [place for place in places if place in known]
    sent = _weighed(lines, rest, have, how.costs) if how.costs else _greedy(lines, rest, have)
    left = {line.at: line.quantity for line in lines}
    for _, parts in sent:
        for at, quantity in parts:
            left[at] -= quantity
    waiting = tuple((at, quantity) for at, quantity in left.items() if quantity)
    if waiting and how.whole:
        waiting, sent = tuple((x.at, x.quantity) for x in lines), []
    found = [Planned(place, delivery, parts) for place, parts in sent]  # type: ignore[arg-type]  # as above
    if waiting:
        found.append(Planned(places[0], delivery, waiting, waits=True))  # type: ignore[arg-type]  # as above
    return found


def _weighed(
    lines: list[OpenLine],
    places: list[str],
    have: dict[tuple[str, str], int],
    costs: Mapping[str, tuple[int, int, int]],
) -> list[tuple[str, Parts]]:
    """Return what each place sends when costs decide, as places are preferred."""
    needs: dict[str, int] = {}
    for line in lines:
        needs[line.sku] = needs.get(line.sku, 0) + line.quantity
    offers = [
        Offer(
            tuple(_offered(have.get((place, sku), 0)) for sku in needs),
            *costs.get(place, (0, 0, 0)),
        )
        for place in places
    ]
    left = {line.at: line.quantity for line in lines}
    found = []
    for number, units in allocate(list(needs.values()), offers).taken:
        taken = dict(zip(needs, units, strict=True))
        parts = []
        for line in lines:
            quantity = min(left[line.at], taken[line.sku])
            if quantity:
                parts.append((line.at, quantity))
                left[line.at] -= quantity
                taken[line.sku] -= quantity
        found.append((places[number], tuple(parts)))
    return found


def _offered(available: int) -> int:
    return UNCOUNTED if available < 0 else available


def _greedy(
    lines: list[OpenLine], rest: list[str], have: dict[tuple[str, str], int]
) -> list[tuple[str, Parts]]:
    """Return what each place sends when the one that has most units goes first."""
    rest = list(rest)
    left = {line.at: line.quantity for line in lines}
    found: list[tuple[str, Parts]] = []
    held = {place: [x for x in lines if have.get((place, x.sku))] for place in rest}
    while rest and any(left.values()):
        offers = [(_offer(held[place], left, have, place), place) for place in rest]
        # Most units first, so that the fewest parcels leave; the preferred place among equals.
        best, place = max(offers, key=lambda one: (sum(q for _, q in one[0]), -rest.index(one[1])))
        if not best:
            break
        for at, quantity in best:
            left[at] -= quantity
        found.append((place, best))
        rest.remove(place)
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

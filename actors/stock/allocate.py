"""allocate(needs, places) -> which place sends what: exact, pure and bounded.

Better is, in this order: more units now, fewer places (each sends a parcel of its own), a lower
cost, an earlier last departure, places that are preferred. Sets of places are tried by their size,
and a branch ends as soon as what is left of it can't do as well. `MAX_NODES` bounds the search;
beyond it the best that was found is returned, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

MAX_NODES = 20_000
"""Branches that are looked at: ten times what ten places need at worst, some ten milliseconds."""

UNCOUNTED = 1 << 60
"""What a place offers of an SKU that no one counts there."""


class Offer(Struct, frozen=True):
    """What a place could send: units of each SKU in the order of the needs. `parcel_minor` is the
    cost of a parcel from there, `unit_minor` that of each unit in it, `hours` how long until it
    leaves."""

    units: tuple[int, ...]
    parcel_minor: int = 0
    unit_minor: int = 0
    hours: int = 0


class Allocation(Struct, frozen=True):
    """`taken` are units by place (its number) and SKU. `exact`: nothing better exists."""

    taken: tuple[tuple[int, tuple[int, ...]], ...]
    exact: bool = True


class _Search:
    """Sets of places of one size that give all that can be given."""

    def __init__(self, needs: Sequence[int], offers: Sequence[Offer], goal: list[int]) -> None:
        self.needs, self.offers, self.goal = needs, offers, goal
        self.nodes = 0
        self.best: tuple[int, int, tuple[int, ...]] | None = None
        skus = range(len(needs))
        # The most that `more` places, from number `start` on, can add of an SKU.
        self.most = [
            [
                [0, *accumulate(sorted((one.units[sku] for one in offers[start:]), reverse=True))]
                for sku in skus
            ]
            for start in range(len(offers) + 1)
        ]
        self.cheapest = min((one.unit_minor for one in offers), default=0) * sum(goal)

    def of_size(self, size: int) -> None:
        """Look at every set of so many places."""
        self._grow((), 0, size, self.goal, self.cheapest)

    def _grow(
        self, chosen: tuple[int, ...], start: int, more: int, lacking: list[int], cost: int
    ) -> None:
        self.nodes += 1
        if not more:
            if not any(lacking):
                self._judge(chosen)
            return
        offers, most = self.offers, self.most
        for number in range(start, len(offers) - more + 1):
            if self.nodes >= MAX_NODES:
                return
            reach = most[number]
            if any(lack > reach[sku][more] for sku, lack in enumerate(lacking)):
                return  # what follows can do even less
            one = offers[number]
            costs = cost + one.parcel_minor
            if self.best is not None and costs > self.best[0]:
                continue
            left = [
                lack - units if lack > units else 0
                for lack, units in zip(lacking, one.units, strict=True)
            ]
            self._grow((*chosen, number), number + 1, more - 1, left, costs)

    def _judge(self, chosen: tuple[int, ...]) -> None:
        offers = self.offers
        taken = spread(self.goal, offers, chosen)
        cost = sum(
            offers[number].parcel_minor + offers[number].unit_minor * sum(units)
            for number, units in taken
        )
        hours = max((offers[number].hours for number in chosen), default=0)
        found = (cost, hours, chosen)
        if self.best is None or found < self.best:
            self.best = found


def spread(
    goal: Sequence[int], offers: Sequence[Offer], chosen: Sequence[int]
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Return what each chosen place sends: the cheapest first, the preferred among equals."""
    left = list(goal)
    found: dict[int, tuple[int, ...]] = {}
    for number in sorted(chosen, key=lambda one: (offers[one].unit_minor, one)):
        units = tuple(min(a, b) for a, b in zip(left, offers[number].units, strict=True))
        left = [a - b for a, b in zip(left, units, strict=True)]
        if any(units):
            found[number] = units
    return tuple((number, found[number]) for number in chosen if number in found)


def allocate(needs: Sequence[int], offers: Sequence[Offer]) -> Allocation:
    """Return who sends what of the needs (units by SKU, each at least 0). What no place has is not
    in it. Offers come as preferred."""
    goal = [min(need, sum(one.units[sku] for one in offers)) for sku, need in enumerate(needs)]
    if not any(goal):
        return Allocation(())
    search = _Search(needs, offers, goal)
    for size in range(1, len(offers) + 1):
        search.of_size(size)
        if search.best is not None or search.nodes >= MAX_NODES:
            break
    exact = search.nodes < MAX_NODES
    chosen = search.best[2] if search.best is not None else tuple(range(len(offers)))
    return Allocation(spread(goal, offers, chosen), exact=exact)

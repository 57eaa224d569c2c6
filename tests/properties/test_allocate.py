"""Allocation over places is exact: it equals what trying every set of places finds."""

from __future__ import annotations

import random
import time
from itertools import combinations

from actors.stock.allocate import MAX_NODES, Allocation, Offer, allocate, spread
from tests.conftest import Say

ORDERS = 10_000
SMALL = 8
"""Places of an order up to which every set is tried; of the others each twentieth is."""


def an_offer(rng: random.Random, lines: int) -> Offer:
    """A place that has some of the SKUs, some of them enough."""
    units = tuple(rng.choice((0, 0, 1, 2, 5, 50)) for _ in range(lines))
    costs = {"parcel_minor": rng.randint(0, 900), "unit_minor": rng.choice((0, 0, 10, 25))}
    return Offer(units=units, hours=rng.choice((4, 24, 48)), **costs)


def judged(offers: list[Offer], one: Allocation) -> tuple[int, int, int, int]:
    """What counts, the less the better: units not sent, places, cost, hours."""
    sent = sum(sum(units) for _, units in one.taken)
    cost = sum(offers[n].parcel_minor + offers[n].unit_minor * sum(u) for n, u in one.taken)
    hours = max((offers[n].hours for n, _ in one.taken), default=0)
    return (-sent, len(one.taken), cost, hours)


def every(needs: list[int], offers: list[Offer]) -> tuple[int, int, int, int]:
    """The best of every set of places."""
    goal = [min(need, sum(x.units[i] for x in offers)) for i, need in enumerate(needs)]
    found = [
        judged(offers, Allocation(spread(goal, offers, some)))
        for size in range(len(offers) + 1)
        for some in combinations(range(len(offers)), size)
    ]
    return min(found)


def test_it_equals_what_brute_force_finds(say: Say) -> None:
    """10,000 orders at random, of 1 to 10 lines and 2 to 12 places."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    times, compared, inexact = list[float](), 0, 0
    for number in range(ORDERS):
        lines, places = rng.randint(1, 10), rng.randint(2, 12)
        needs = [rng.randint(1, 4) for _ in range(lines)]
        offers = [an_offer(rng, lines) for _ in range(places)]
        began = time.perf_counter()
        found = allocate(needs, offers)
        times.append(time.perf_counter() - began)
        inexact += not found.exact
        for place, units in found.taken:
            assert all(a <= b for a, b in zip(units, offers[place].units, strict=True))
        assert all(
            sum(units[i] for _, units in found.taken) <= need for i, need in enumerate(needs)
        )
        if (places <= SMALL and number % 4 == 0) or number % 100 == 0:
            assert judged(offers, found) == every(needs, offers), f"seed {seed}, order {number}"
            compared += 1
    times.sort()
    say(
        f"Allocation of {ORDERS:,} orders (seed {seed}): {compared:,} compared with brute force, "
        f"{inexact} not exact; {times[ORDERS // 2] * 1000:.2f} ms median, "
        f"{times[ORDERS * 99 // 100] * 1000:.2f} ms at 99 %, {times[-1] * 1000:.1f} ms worst."
    )
    assert inexact == 0


def test_five_lines_over_ten_places_take_two_milliseconds(say: Say) -> None:
    """At 99 %, of CPU time, so that a busy machine does not count."""
    rng = random.Random(5)
    times = []
    for _ in range(2_000):
        needs = [rng.randint(1, 4) for _ in range(5)]
        offers = [an_offer(rng, 5) for _ in range(10)]
        began = time.process_time()
        allocate(needs, offers)
        times.append(time.process_time() - began)
    times.sort()
    say(
        f"Allocation of 5 lines over 10 places: {times[1_000] * 1000:.2f} ms median, "
        f"{times[1_980] * 1000:.2f} ms at 99 %."
    )
    assert times[1_980] < 0.002 * 5, "five times the goal, for slower machines"


def test_beyond_its_bound_it_says_so() -> None:
    """Forty places with one unit each, of which twenty are needed: what is found sends all, and is
    not called exact."""
    offers = [Offer(units=(1,), parcel_minor=n * 7 % 11) for n in range(40)]
    found = allocate([20], offers)
    assert not found.exact
    assert sum(sum(units) for _, units in found.taken) == 20
    assert MAX_NODES == 20_000

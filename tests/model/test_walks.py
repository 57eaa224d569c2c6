"""Whatever comes, in any order: an order holds its invariants, and reaches its end once everyone
answers."""

from __future__ import annotations

import pytest

from tests.model.walk import failing, plan, shortest, told

STEPS = 80
QUICK = 300
LONG = 5_000
"""Walks of at most STEPS steps: about 16,000 and 260,000 steps."""


@pytest.mark.parametrize("tenth", range(10))
def test_random_walks_hold(tenth: int) -> None:
    """Partners, shops, people and clocks do what they like: nothing breaks, and the order ends."""
    _hold(range(tenth * QUICK // 10, (tenth + 1) * QUICK // 10))


@pytest.mark.soak
def test_two_hundred_thousand_steps_hold() -> None:
    """The long form: at least 200,000 steps."""
    numbers = range(QUICK, QUICK + LONG)
    assert sum(len(plan(number, STEPS).seeds) for number in numbers) >= 200_000
    _hold(numbers)


def _hold(numbers: range) -> None:
    for number in numbers:
        one = plan(number, STEPS)
        error = failing(one)
        if error is not None:
            pytest.fail(f"Walk {number}: {error}\n{told(shortest(one, error))}")

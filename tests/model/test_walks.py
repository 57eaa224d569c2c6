"""Whatever comes, in any order: an order holds its invariants, leaves its partners as it says, and
reaches its end once everyone answers."""

from __future__ import annotations

import sys

import pytest

from tests.model.coverage import counting, every_row, told
from tests.model.long import deep, scout, wide
from tests.model.plan import plan
from tests.model.setups import SETUPS
from tests.model.steps import PROFILES
from tests.model.walk import failing, shortest
from tests.model.walk import told as in_words

STEPS = 100
QUICK = len(SETUPS) * len(PROFILES)
"""Walks in `make test`: one for each seller and bias, some 20,000 steps."""
LONG = 25 * QUICK
"""Walks of the long form: some 500,000 steps. Others go on from rare rows."""
LEAST = 100
"""How often the long form takes every row."""
SHOWN = 20
"""Walks at most of which the long form says in a line what they broke; the first is told whole."""


@pytest.mark.parametrize("seventh", range(7))
def test_random_walks_hold(seventh: int) -> None:
    """Partners, shops, people and clocks do what they like: nothing breaks, and the order ends."""
    for number in range(seventh, QUICK, 7):
        one = plan(number, STEPS)
        error = failing(one)
        if error is not None:
            pytest.fail(f"Walk {number}: {error}\n{in_words(shortest(one, error))}")


def test_quick_walks_take_most_rows() -> None:
    """A walk that no longer gets anywhere would hold for nothing."""
    with counting() as coverage:
        wide(coverage, range(QUICK, QUICK + 60), STEPS)
    assert len(coverage.rare(1)) < len(every_row()) // 2


@pytest.mark.soak
def test_every_row_is_taken_a_hundred_times(capsys: pytest.CaptureFixture[str]) -> None:
    """The long form: at least 200,000 steps, and no row of a table, joint rule or prerequisite that
    is not taken a hundred times, each time followed by something else."""
    with counting() as coverage:
        ran = wide(coverage, range(1_000, 1_000 + LONG), STEPS)
        first = scout(coverage, range(1_000 + LONG, 1_000 + 5 * LONG), STEPS)
        more = deep(coverage, LEAST, seed=1)
    failed = [*ran.failed, *first.failed, *more.failed]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{ran.steps} steps of {ran.walks} walks, {first.walks} walks until every row was "
            f"found, and {more.steps} steps of {more.walks} "
        )
        sys.stdout.write(f"to rare rows\n{told(coverage, LEAST)}\n")
        sys.stdout.writelines(f"broke: {error[:300]}\n" for _, error in failed[:SHOWN])
    for one, error in failed[:1]:
        pytest.fail(f"{error}\n{in_words(shortest(one, AssertionError(error)))}")
    assert ran.steps >= 200_000
    assert not coverage.rare(LEAST), told(coverage, LEAST)

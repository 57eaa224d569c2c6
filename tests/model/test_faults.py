"""A fault seeded into the core is caught: else these walks would hold whatever the core did."""

from __future__ import annotations

import sys

import pytest

from tests.model.faults import FAULTS, found

QUICK = (
    "no joint rule: drop",
    "no joint rule: money",
    "no prerequisite: stock-before-erp",
    "units that leave count as delivered",
    "a removed line forgets its wishes",
    "amendments share one digest",
    "timers are never cleared",
    "things under way may be asked again",
)
"""Faults that a few walks find."""
WALKS = 40
ALL = 1_500
"""Walks at most until a fault must be found; most are found by the tenth."""


@pytest.mark.parametrize("name", QUICK)
def test_a_seeded_fault_is_caught(name: str) -> None:
    """A few walks find it, while they find nothing in the core as it is."""
    assert found(name, WALKS)


@pytest.mark.soak
def test_every_seeded_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """Fifty slips, one by one; what found each is printed."""
    missed = []
    for name in FAULTS:
        how = found(name, ALL)
        with capsys.disabled():
            sys.stdout.write(f"\n{'caught' if how else 'MISSED'} {name}: {how[:140]}")
        if not how:
            missed.append(name)
    assert len(FAULTS) >= 30
    assert not missed

"""A fault seeded into the core is caught: else these walks would hold whatever the core did."""

from __future__ import annotations

import sys

import pytest

from tests.model.faults import FAULTS, found

RARE = (
    "what was cancelled is collected all the same",
    "a repeat is taken for a new call",
    "no joint rule: used-label",
    "no joint rule: emptied",
    "lost parcels count as returned",
)
"""Faults that need something rare, such as a second purchase after a cancellation of a part: only
the long form finds them."""
WALKS = 1_500
ALL = 1_500
"""Walks at most until a fault must be found; most are found by the tenth."""


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in RARE])
def test_a_seeded_fault_is_caught(name: str) -> None:
    """Walks find it, while they find nothing in the core as it is."""
    assert found(name, WALKS)


@pytest.mark.soak
def test_every_seeded_fault_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    """More than fifty slips, one by one; what found each is printed."""
    missed = []
    for name in FAULTS:
        how = found(name, ALL)
        with capsys.disabled():
            sys.stdout.write(f"\n{'caught' if how else 'MISSED'} {name}: {how[:140]}")
        if not how:
            missed.append(name)
    assert len(FAULTS) >= 30
    assert not missed

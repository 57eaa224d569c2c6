"""An order's state stays small, whatever it has been through."""

from __future__ import annotations

import pytest

from ops.bench.steps import EDITS, Life
from tests.conftest import Say


@pytest.mark.parametrize(
    ("lines", "most", "last"), [(1, 20_000, 8_000), (50, 24_000, 12_000), (500, 60_000, 45_000)]
)
def test_fifty_fulfilments_and_two_hundred_edits_stay_small(
    lines: int, most: int, last: int, say: Say
) -> None:
    """Bytes of the encoded state at its largest and at its end, printed; `python -m
    ops.bench.steps` prints them with the times."""
    figures = Life(lines).live()
    say(
        f"State of an order of {lines} lines, {figures.fulfilments} fulfilments and {EDITS} edits:"
        f" {figures.most_bytes:,} bytes at most, {figures.last_bytes:,} at its end."
    )
    assert figures.fulfilments >= 50
    assert figures.most_bytes < most
    assert figures.last_bytes < last

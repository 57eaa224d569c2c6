"""An order's state stays small, whatever it has been through."""

from __future__ import annotations

import pytest

from ops.bench.steps import Life


@pytest.mark.parametrize(("lines", "most", "last"), [(1, 20_000, 8_000), (500, 60_000, 45_000)])
def test_fifty_fulfilments_and_two_hundred_edits_stay_small(
    lines: int, most: int, last: int
) -> None:
    """Bytes of the encoded state at its largest and at its end; `python -m ops.bench.steps` prints
    them all, with the times."""
    figures = Life(lines).live()
    assert figures.fulfilments >= 50
    assert figures.most_bytes < most
    assert figures.last_bytes < last

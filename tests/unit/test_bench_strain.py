"""The bench of a surge and of an outage: what is asked for, and what a person reads."""

from __future__ import annotations

import pytest

from ops.bench.strain import Found, Phase, parser, told


def test_each_phase_is_a_line_and_what_was_done_twice_is_said() -> None:
    """The share of webhooks sent again is in percent, beside load, backlog and memory."""
    one = Phase("surge", 900, 15.0, 14.2, 2.25, {"p50": 3.0, "p99": 9.5}, 0.0125, 122.4)
    lines = told(Found(10.0, [one], 2)).splitlines()
    assert lines[1].split() == "surge 900 15.0 14.2 2.2 3.0 9.5 1.25% 122".split()
    assert lines[-1] == "capacity 10 orders/s; 2 done twice"


def test_only_a_surge_or_an_outage_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped kind measures nothing."""
    with pytest.raises(SystemExit):
        parser().parse_args(["outtage"])
    assert "surge" in capsys.readouterr().err

"""The hot paths' instructions, counted by callgrind: as the baseline says, and a loop too many is
found by its path's name."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from ops.bench import instructions
from ops.bench.instructions import BASELINE, Counts, build, count, faults, main, missing
from tests.slowed_paths import SLOWED


@pytest.fixture(scope="module")
def counted() -> Counts:
    if lacking := missing():
        if os.environ.get("BENCH_INSTRUCTIONS") == "required":
            pytest.fail(f"Instructions have to be counted here: {lacking}.")
        pytest.skip(f"Instructions are not counted: {lacking}.")
    return asyncio.run(count())


def test_no_path_costs_more_than_its_baseline_allows(counted: Counts) -> None:
    """Every path is within 3 % of what was committed for this build of Python."""
    kept = json.loads(BASELINE.read_text())
    if build() not in kept and os.environ.get("BENCH_INSTRUCTIONS") != "required":
        pytest.skip(f"The baseline has no figures of {build()}.")
    assert set(counted) == set(kept[build()])
    assert faults(counted, kept[build()]) == []


def test_a_loop_too_many_fails_with_its_path_s_name(
    counted: Counts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A regression that was put into one path is told of that path, and of no other."""
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({build(): counted}))
    given = ["--baseline", str(file), "--module", "tests.slowed_paths", SLOWED, "rules"]
    assert main(given) == 1
    told = capsys.readouterr().err
    assert f"{SLOWED} costs " in told
    assert "more instructions than its baseline" in told
    assert "rules costs" not in told


def test_figures_are_written_beside_those_of_other_builds(counted: Counts, tmp_path: Path) -> None:
    """`--write` keeps what the file has of other Pythons, and of this one's other paths."""
    assert counted
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"another": {"rules": 1}, build(): {"order_life": 2}}))
    assert main(["--write", "--baseline", str(file), "rules"]) == 0
    kept = json.loads(file.read_text())
    assert kept["another"] == {"rules": 1}
    assert kept[build()]["order_life"] == 2
    assert abs(kept[build()]["rules"] / counted["rules"] - 1) < instructions.TOLERANCE

"""What is said of counted instructions, and where nothing can be counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.bench.hot_paths import PATHS, one_life
from ops.bench.instructions import BASELINE, build, faults, main


def test_three_percent_are_allowed_in_both_directions() -> None:
    """What is more than that off is told with the path's name, also where it became cheaper: a
    later regression would hide in the difference."""
    before = {"webhook": 1_000, "rules": 1_000, "order_life": 1_000}
    found = {"webhook": 1_030, "rules": 1_031, "order_life": 969, "new": 7}
    assert faults(found, before) == [
        "rules costs 3.1% more instructions than its baseline: 1,031 instead of 1,000.",
        "order_life costs 3.1% less instructions than its baseline: 969 instead of 1,000.",
        "new has no baseline; write one with --write.",
    ]


def test_without_valgrind_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is compared then, and all is well unless the build machine requires it."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BENCH_INSTRUCTIONS", raising=False)
    assert main([]) == 0
    assert capsys.readouterr().err == (
        "Instructions are not compared: valgrind and callgrind_control are not installed.\n"
    )
    monkeypatch.setenv("BENCH_INSTRUCTIONS", "required")
    assert main([]) == 1


def test_another_python_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names this build and those whose figures are kept."""
    for name in ("valgrind", "callgrind_control"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("BENCH_INSTRUCTIONS", raising=False)
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"CPython 2.7": {"rules": 1}}))
    assert main(["--baseline", str(file)]) == 0
    assert capsys.readouterr().err == (
        f"Instructions are not compared: the baseline has no figures of {build()}, "
        "only of CPython 2.7.\n"
    )


def test_the_baseline_has_every_path() -> None:
    """Five hot paths, of each build that was measured."""
    kept = json.loads(BASELINE.read_text())
    assert len(PATHS) == 5
    assert kept
    assert all(set(counts) == set(PATHS) for counts in kept.values())


def test_the_ordinary_order_s_life_is_whole() -> None:
    """It ends closed, in one fulfilment and one parcel, with every step that a real one has."""
    life = one_life()
    assert life.state.stage == "closed"
    assert life.state.numbers == {"F": 1, "D": 1, "K": 1, "L": 1}
    assert len(life.order.lines) == 5

"""The bench of growing tables: what counts as flat, and which sizes can be asked for."""

from __future__ import annotations

import dataclasses

import pytest

from ops.bench.fill import story
from ops.bench.growth import Size, failings, parser

SMALL = Size(
    open=1_000,
    closed=0,
    events=12_000,
    fill_seconds=1.0,
    ready_seconds=2.0,
    ready_megabytes=110.0,
    loaded_megabytes=120.0,
    orders_per_second=200.0,
    cpu_ms={"process": 2.0, "postgres": 1.5, "nats": 0.5},
)


def test_a_size_within_the_targets_is_said_nothing_of() -> None:
    """Fifteen percent more CPU, five seconds and 400 MB are still flat."""
    big = dataclasses.replace(
        SMALL,
        open=1_000_000,
        cpu_ms={"process": 3.0, "postgres": 1.5},
        ready_seconds=5.0,
        loaded_megabytes=400.0,
    )
    assert failings([SMALL, big]) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cpu_ms": {"process": 4.7}}, "costs more than 15% above the first size"),
        ({"ready_seconds": 5.1}, "needs more than 5 s to start"),
        ({"ready_megabytes": 401.0}, "takes more than 400 MB"),
        ({"loaded_megabytes": 401.0}, "takes more than 400 MB"),
    ],
)
def test_a_missed_target_is_named_with_its_size(changed: dict[str, object], said: str) -> None:
    """Each target has a sentence of its own."""
    big = dataclasses.replace(SMALL, open=10_000, **changed)  # type: ignore[arg-type]  # one field of any type
    (sentence,) = failings([SMALL, big])
    assert sentence.startswith("With 10000 open and 0 closed orders")
    assert said in sentence


def test_sizes_are_ascending_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """A directory only grows: sizes that do not ascend are refused."""
    assert parser().parse_args(["--open", "1e3,1e6"]).open == [1_000, 1_000_000]
    assert parser().parse_args(["--closed", ""]).closed == []
    with pytest.raises(SystemExit):
        parser().parse_args(["--open", "10,5"])
    assert "must be ascending counts" in capsys.readouterr().err


def test_a_closed_orders_story_is_an_open_ones_and_its_arrival() -> None:
    """Both are the same order until the parcel is there."""
    whole, still = list(story(7, closed=True)), list(story(7))
    assert whole[: len(still)] == still
    assert [name for step in whole[len(still) :] for name, _ in step] == ["track", "done:7"]

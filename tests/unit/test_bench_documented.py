"""The bench's file says what docs/bench.md says it does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from ops.bench import growth, real_mix, sides, strain, waiting
from ops.bench.__main__ import Report
from ops.bench.peers import __main__ as peers
from service.demo.report import Report as Outcome

DOCS = (Path(sides.__file__).parents[2] / "docs" / "bench.md").read_text("utf-8")
REFERENCE = DOCS.partition("## bench.json")[2].partition("\n## ")[0]
NAMED = set(re.findall(r"`([a-z_0-9]+)`", REFERENCE))

RUN = sides.Figures(100.0, {"p50": 1.0, "p99": 2.0, "max": 3.0}, {"process": 1.0}, {"orders": 1.0})
OUTCOME = Outcome(
    sent=1,
    accepted=1,
    quarantined=0,
    closed=1,
    cancelled=0,
    fulfilments=1,
    parcels=1,
    amended=0,
    lost=0,
    wrong=0,
    duplicate_consequences=0,
    orders_per_second=1.0,
    webhook_ms_p50=1.0,
    webhook_ms_p99=2.0,
    shipped_seconds_p50=1.0,
    shipped_seconds_p99=2.0,
)


def test_every_field_of_the_file_is_documented() -> None:
    """Whoever reads bench.json finds each name that the plain bench writes in the reference."""
    whole = Report({"cores": 2}, bare=[RUN], product=[RUN], half_load={"rate": 1.0, "p50": 1.0})
    whole.waiting = waiting.Waiting(1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    whole.real_mix = real_mix.Figures(1, 10.0, 11.0, {"process": 1.0}, 1.0, 100.0, OUTCOME)
    found = whole.as_json()
    product = found["product"]
    assert isinstance(product, dict)
    assert set(found) | set(product) <= NAMED


@pytest.mark.parametrize(
    "kind",
    [
        *(sides.Figures, waiting.Waiting, real_mix.Figures),
        *(growth.Size, strain.Phase, strain.Found),
    ],
)
def test_every_figure_is_documented(kind: type) -> None:
    """Each field of what is measured is in the reference by its name."""
    assert {one.name for one in dataclasses.fields(kind)} <= NAMED


def test_what_the_comparison_writes_is_documented() -> None:
    """The part of the engines, too, with those that were left out."""
    found = peers.Found(runs={"Ours": [_spent()]}, orders={"Ours": 1}).as_json()
    told = found["sides"]
    assert isinstance(told, dict)
    assert set(found) | set(told["Ours"]) <= NAMED


def _spent() -> sides.Figures:
    return dataclasses.replace(RUN, cpu_ms={"process": 1.0, "partners": 1.0, "storefront": 1.0})

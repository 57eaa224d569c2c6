"""`orderwright lineage`, as people type it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from service.cli.commands import application
from service.lineage.cli import NoSuchSide
from service.lineage.ways import partners_of, sources


def told(*words: str) -> str:
    """Return what the command line prints."""
    answer = CliRunner().invoke(application, words)
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_the_way_of_every_field_is_printed() -> None:
    """One source and one partner: what arrives and where, then what doesn't and why."""
    text = told("lineage", "shopify", "business_central")
    assert "line_items[].sku\n  → lines[].sku\n    → salesOrderLines[].lineObjectNumber\n" in text
    assert "fields: not carried: the translation does not read it\n  id\n" in text
    assert "\nnote\n  → note\n    → salesOrderLines[].description\n" in text
    assert "  test → test\n" in text


def test_lineage_is_counted_as_json() -> None:
    """Without a partner each one of the source's is counted, and the counts add up."""
    rows = json.loads(told("lineage", "canonical", "--json"))
    assert [row["partner"] for row in rows][-1] == "canonical"
    for row in rows:
        assert row["fields"] == row["arrive"] + row["lost"] + row["not_carried"]


def test_everything_is_counted() -> None:
    """Without a name there is a row for each source and partner that meet."""
    lines = told("lineage").splitlines()
    assert lines[0].startswith("SOURCE")
    assert len(lines) == 1 + sum(len(partners_of(one)) for one in sources())


@pytest.mark.parametrize("words", [("etsy",), ("shopify", "sap"), ("shopify", "canonical")])
def test_an_unknown_name_is_refused_with_those_that_are_known(words: tuple[str, ...]) -> None:
    """The error lists the names, and ends with its own exit code."""
    answer = CliRunner().invoke(application, ["lineage", *words])
    assert isinstance(answer.exception, NoSuchSide)
    assert words[-1] in str(answer.exception)
    assert "there are: " in str(answer.exception)

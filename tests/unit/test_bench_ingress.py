"""The edge's bench measures what it says: whole orders of five lines, on every channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ops.bench import ingress


def test_figures_are_of_five_lines_and_are_added_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each payload has five lines; the figures stand beside what the file had."""
    monkeypatch.setattr(ingress, "ROUNDS", 1)
    monkeypatch.setattr(ingress, "ORDERS", 5)
    monkeypatch.setattr(ingress, "settle", lambda: None)  # the test's process goes on
    monkeypatch.setattr(ingress, "WANTED_MICROSECONDS", 1e9)
    assert {len(json.loads(raw)["line_items"]) for raw in ingress.payloads()} == {ingress.LINES}
    file = tmp_path / "bench.json"
    file.write_text('{"ratio_to_bare_io": 0.6}')
    assert ingress.main(["--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert found["ratio_to_bare_io"] == 0.6
    assert all(found["ingress"][name]["median"] > 0 for name in ("shopify_edge", "shopify"))
    assert "ingress_shopify_median_us=" in capsys.readouterr().err

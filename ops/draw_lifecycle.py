"""Write docs/lifecycle.md again from the life-cycle table: `python -m ops.draw_lifecycle`."""

from __future__ import annotations

from pathlib import Path

from actors.order.diagram import draw

if __name__ == "__main__":
    Path(__file__).resolve().parents[1].joinpath("docs", "lifecycle.md").write_text(draw())

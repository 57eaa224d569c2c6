"""Draws orders a second as bars, in SVG: a text that any browser shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

WIDTH, BAR, GAP, LEFT, TOP = 860, 26, 14, 260, 64
RIGHT = 110
"""Room for the figure behind the longest bar."""


def bars(title: str, below: str, figures: Mapping[str, float]) -> str:
    """Return a picture of these figures, which are above 0. The scale is logarithmic, since they
    differ by two orders of magnitude; a gridline stands at each power of ten."""
    low = math.floor(math.log10(min(figures.values())))
    high = math.ceil(math.log10(max(figures.values()) * 1.01))
    height = TOP + len(figures) * (BAR + GAP) + 40

    def across(figure: float) -> float:
        return LEFT + (math.log10(figure) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        f' width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="20" y="28" font-size="18" fill="#1b1b1b">{escape(title)}</text>',
        f'<text x="20" y="{height - 12}" font-size="12" fill="#5a5a5a">{escape(below)}</text>',
    ]
    for power in range(low, high + 1):
        x = across(10.0**power)
        parts.append(
            f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{height - 34}" stroke="#dddddd"/>'
            f'<text x="{x:.1f}" y="{TOP - 12}" font-size="11" fill="#5a5a5a"'
            f' text-anchor="middle">{10.0**power:g}</text>'
        )
    for place, (name, figure) in enumerate(figures.items()):
        y = TOP + place * (BAR + GAP)
        x = across(figure)
        colour = "#1f6f54" if place == 0 else "#8aa4b8"
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 18}" fill="#1b1b1b" text-anchor="end">{escape(name)}'
            f'</text><rect x="{LEFT}" y="{y}" width="{max(x - LEFT, 1):.1f}" height="{BAR}"'
            f' fill="{colour}"/><text x="{x + 8:.1f}" y="{y + 18}" fill="#1b1b1b">{figure:g}</text>'
        )
    return "\n".join((*parts, "</svg>")) + "\n"

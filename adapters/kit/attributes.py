"""What a channel says of an order beyond our fields, within what `order.v1` takes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import msgspec

MAX_ATTRIBUTES = 100
"""What `order.v1` takes."""
MAX_TEXT = 5_000
"""The same, of one attribute's text."""
ROOM = 10
"""What is left free where there are too many: for doubts, and for what we add."""


def bounded(found: dict[str, str], prefix: str) -> dict[str, str]:
    """Return the attributes as they are, or of too many the first, and the others together in one
    as JSON: `<prefix>.more_attributes`, cut where a text ends. No order is refused for them."""
    if len(found) <= MAX_ATTRIBUTES - ROOM:
        return found
    kept = dict(islice(found.items(), MAX_ATTRIBUTES - ROOM - 1))
    kept[f"{prefix}.more_attributes"] = _json({x: y for x, y in found.items() if x not in kept})
    return kept


def _json(rest: Mapping[str, str]) -> str:
    return msgspec.json.encode(rest).decode()[:MAX_TEXT]

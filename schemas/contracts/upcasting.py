"""Older forms of stored events, made into today's as they are read.

A field that was added with a default needs nothing: it is read as its default. Whatever else would
change is a new version with a new name, and the old name gets a row here that turns its JSON into
the next version's. Rows are never removed: `tests/corpus/events` keeps one of each event ever
stored, and a test reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

# Any: stored JSON of a version that has no struct any more.
Json = dict[str, Any]
Upcast = Callable[[Json], Json]
Shape = TypeVar("Shape")

UPCASTS: Mapping[str, Upcast] = MappingProxyType({})
"""By an event's old name: what turns its JSON into a later version's (with that version's `type`).
Empty as of the first release: every event still has its first form."""

MAX_STEPS = 32
"""How many versions one event may be behind; more is a circle."""


def upcast(value: Json, upcasts: Mapping[str, Upcast] = UPCASTS) -> Json:
    """Return the JSON in the latest form that the table leads to. `value` is not changed."""
    for _ in range(MAX_STEPS):
        step = upcasts.get(str(value.get("type", "")))
        if step is None:
            return value
        value = step(dict(value))
    raise AssertionError(f"The upcasts of {value.get('type')} lead in a circle.")


def reader(
    decode: Callable[[bytes | str], Shape],
    shape: object,
    upcasts: Mapping[str, Upcast] = UPCASTS,
) -> Callable[[bytes | str], Shape]:
    """Return a decoder of `shape` that reads today's form at full speed, and older ones too.

    Raises what `decode` raises: msgspec.ValidationError for a name that neither knows, such as that
    of an event a newer version wrote.
    """
    if not upcasts:
        return decode
    # Any: msgspec takes a union here, which mypy can't name.
    wanted: Any = shape

    def read(raw: bytes | str) -> Shape:
        try:
            return decode(raw)
        except msgspec.ValidationError:
            value: Json = msgspec.json.decode(raw)
            lifted = upcast(value, upcasts)
            if lifted is value:
                raise
            found: Shape = msgspec.convert(lifted, wanted)
            return found

    return read

"""Converts older forms of stored events to the current form as they are read.

A field that was added with a default needs nothing: it is read as its default. Any other change is
a new version with a new name, and the old name gets a row here that converts its JSON to the next
version. Rows are never removed: `tests/corpus/events` keeps one of each event ever stored, and a
test reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

# Any: stored JSON of a version that no longer has a struct.
Json = dict[str, Any]
Upcast = Callable[[Json], Json]
Shape = TypeVar("Shape")

UPCASTS: Mapping[str, Upcast] = MappingProxyType({})
"""Maps an event's old name to the conversion of its JSON to a later version (with that version's
`type`). Empty as of the first release: every event still has its first form."""

MAX_STEPS = 32
"""How many versions an event may be behind; more means a cycle."""


def upcast(value: Json, upcasts: Mapping[str, Upcast] = UPCASTS) -> Json:
    """Return the JSON in the latest form that the table leads to. `value` is not changed."""
    for _ in range(MAX_STEPS):
        step = upcasts.get(str(value.get("type", "")))
        if step is None:
            return value
        value = step(dict(value))
    raise AssertionError(f"The upcasts of {value.get('type')} form a cycle.")


def reader(
    decode: Callable[[bytes | str], Shape],
    shape: object,
    upcasts: Mapping[str, Upcast] = UPCASTS,
) -> Callable[[bytes | str], Shape]:
    """Return a decoder of `shape` that reads the current form at full speed, and older forms too.

    Raises what `decode` raises: msgspec.ValidationError for an unknown name, such as that of an
    event written by a newer version.
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

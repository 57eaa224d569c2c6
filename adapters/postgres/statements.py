"""Loads `queries.sql`: every SQL statement of the journal, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"(?m)^-- name: (\w+)$")


def parse(text: str) -> dict[str, str]:
    """Return the statements of a file by name. Raises ValueError for a name used twice."""
    parts = _NAME.split(text)[1:]
    named: dict[str, str] = {}
    for name, statement in zip(parts[::2], parts[1::2], strict=True):
        if name in named:
            raise ValueError(f"Two statements are named {name}; give one of them another name.")
        named[name] = statement.strip().rstrip(";")
    return named


@cache
def statements() -> Mapping[str, str]:
    """Return the journal's statements by name; read once a process."""
    named = parse(Path(__file__).with_name("queries.sql").read_text("utf-8"))
    named["append_claiming"] = _claiming(named["append"], named.pop("claimed"))
    return MappingProxyType(named)


def _claiming(append: str, claimed: str) -> str:
    """Return the statement `append` with what an append claims. Few claim anything, and the others
    don't pay for it. Raises ValueError for an `append` that does not end as it should."""
    rest, found, answer = append.rpartition("\n)\nSELECT\n")
    if not found:
        raise ValueError("The statement `append` must end with a SELECT of its own.")
    return f"{rest}\n),\n{claimed}\nSELECT\n{answer}"

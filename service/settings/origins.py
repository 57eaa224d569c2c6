"""Where each value comes from: a default, a line of a file, a variable, and what that leads to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from adapters.kit.secret import is_reference
from service.settings.describe import Described

MAX_STATEMENT_LINES = 2_000
"""Lines that one value may take; a longer one is told without its line."""

Key = tuple[str, ...]


class Stated(Struct, frozen=True, kw_only=True):
    """A value that a file states, as it stands there, and its line."""

    file: Path
    line: int
    value: object

    def place(self) -> str:
        """Return file and line."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)


def stated_in(file: Path, text: str) -> dict[Key, Stated]:
    """Return what a valid TOML file states, by key; a value inside a table on one line has that
    line."""
    found: dict[Key, Stated] = {}
    for line, table, statement in _statements(text):
        for key, value in _leaves(statement, table):
            found[key] = Stated(file=file, line=line, value=value)
    return found


def origin_of(row: Described, files: Mapping[Key, Stated], environ: Mapping[str, str]) -> str:
    """Say where a setting's value comes from, and what it goes before. Secrets are not shown."""
    stated = _stated(row, files)
    named = next((name for name in row.variables if environ.get(name)), "")
    if named:
        beaten = f", before {stated.place()}" if stated else ""
        return f"{named}{_leads(environ[named])}{beaten}"
    if stated:
        return f"{stated.place()}{_leads(stated.value)}"
    return "default" if not row.changed else "set here"


def overruled(
    rows: list[Described], files: Mapping[Key, Stated], environ: Mapping[str, str]
) -> list[str]:
    """Return a sentence for each variable that goes before a file that states something else. No
    value is shown, because it may be a secret."""
    said = []
    for row in rows:
        stated = _stated(row, files)
        named = next((name for name in row.variables if environ.get(name)), "")
        if stated and named and _as_text(stated.value) != environ[named].strip():
            said.append(
                f"{named} goes before {row.key} of {stated.place()}, which states something else: "
                "take one of them away."
            )
    return said


def _stated(row: Described, files: Mapping[Key, Stated]) -> Stated | None:
    return files.get(tuple(row.key.split(".")))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _leads(value: object) -> str:
    """Return where references lead to."""
    several = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        several = list(value.values())
    found = [one for one in several if isinstance(one, str) and is_reference(one)]
    return f" ({', '.join(found)})" if found else ""


def _statements(text: str) -> Iterator[tuple[int, Key, Mapping[str, Any]]]:
    """Yield each statement with its line and the table that it stands in.

    A statement is the fewest lines that are TOML by themselves; as the whole file is, that is
    exact.
    """
    table: Key = ()
    held: list[str] = []
    began = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not held and not line.strip():
            continue
        began = began if held else number
        held.append(line)
        try:
            found = tomllib.loads("\n".join(held) + "\n")
        except tomllib.TOMLDecodeError:
            if len(held) > MAX_STATEMENT_LINES:
                return
            continue
        if held[0].lstrip().startswith("["):
            table = _path(found)
        elif found:
            yield began, table, found
        held = []


def _path(header: Mapping[str, Any]) -> Key:
    """Return the path of a table's header, from what it alone makes."""
    path: list[str] = []
    inner: object = header
    while isinstance(inner, Mapping) and inner:
        ((name, inner),) = inner.items()
        path.append(name)
    return tuple(path)


def _leaves(table: Mapping[str, Any], path: Key) -> Iterator[tuple[Key, object]]:
    for name, value in table.items():
        here = (*path, name)
        yield here, value
        if isinstance(value, Mapping):
            yield from _leaves(value, here)

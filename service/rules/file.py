"""Reads rules from a TOML file with CSV files beside it, and says on which line each rule stands.

```toml
[[route]]
name = "abroad"
when = 'away == "abroad"'
place = "customs-3pl"

[tables]
services = "services.csv"
```
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from actors.rules.lint import Finding
from schemas.contracts.rules import (
    FIRST_MATCH,
    MAX_FILE_BYTES,
    MAX_ROWS,
    MAX_RULES,
    MAX_TOGETHER,
    SETS,
    Rule,
    Rules,
    RulesRefused,
    Table,
)

_HEADER = re.compile(r"\s*\[\[\s*([a-z]+)\s*\]\]")
_KEY = re.compile(r"\s*([a-z]+)\s*=\s*(?P<quote>'''|\"\"\"|'|\"|)")
SCHEMA = "orderwright.rules.v1"


class Read(Struct, frozen=True):
    """What a file says: its rules, what is wrong with its shape, and where each rule stands
    (`lines`: (set, place in the set, field) → line and column of its value)."""

    rules: Rules
    findings: tuple[Finding, ...]
    lines: dict[tuple[str, int, str], tuple[int, int]]

    def located(self, found: Finding) -> Finding:
        """Return a finding with its line."""
        if found.line or found.set not in SETS:
            return found
        rules = self.rules.of(found.set)
        places = [at for at, rule in enumerate(rules) if rule.name == found.rule]
        if not places:
            return found
        at = places[-1] if found.field == "name" else places[0]
        line, column = self.lines.get((found.set, at, found.field)) or self.lines.get(
            (found.set, at, ""), (0, 0)
        )
        if found.at < 0 or not column:
            return replace(found, line=line)
        text: str = getattr(rules[at], found.field)
        above = text[: found.at].count("\n")
        before = found.at - (text.rfind("\n", 0, found.at) + 1)
        return replace(found, line=line + above, column=before + 1 + (0 if above else column - 1))


def read_file(path: Path) -> Read:
    """Read a file of rules and its tables. Raises OSError, and RulesRefused for what is not TOML or
    is too large."""
    text = _text(path.name, _bytes(path))
    return _read(path.name, text, lambda file: read_table(path.parent / file))


def read_sent(toml: str, files: Mapping[str, str]) -> Read:
    """Read rules that a program sent, with the CSV files that their tables name. Raises
    RulesRefused."""

    def table_of(file: str) -> Table:
        if file not in files:
            raise RulesRefused([f"{file} was not sent: give its text in `files`."])
        return _table(file, _text(file, files[file].encode("utf-8", "replace")))

    name = "The file of rules"
    return _read(name, _text(name, toml.encode("utf-8", "replace")), table_of)


def _read(named: str, text: str, table_of: Callable[[str], Table]) -> Read:
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RulesRefused([f"{named} is not valid TOML: {error}."]) from error
    findings: list[Finding] = []
    sets: dict[str, tuple[Rule, ...]] = {}
    lines = _lines(text)
    tables = _tables(table_of, table.pop("tables", {}), findings)
    if table.pop("schema", SCHEMA) != SCHEMA:
        findings.append(_finding("", "", f"The schema is not {SCHEMA}: write that, or leave it."))
    for name, rows in table.items():
        if name not in SETS:
            known = ", ".join(SETS)
            findings.append(_finding(name, "", f"There is no set {name}; there are {known}."))
            continue
        sets[name] = _rules(name, rows, findings, lines)
    return Read(Rules(**sets, tables=tables), tuple(findings), lines)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _text(name: str, raw: bytes) -> str:
    if len(raw) > MAX_FILE_BYTES:
        told = (
            f"{name} is larger than {MAX_FILE_BYTES:,} bytes: put long lists of values into "
            "tables, and split a table that is too large."
        )
        raise RulesRefused([told])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RulesRefused(
            [f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8."]
        ) from error


def _finding(name: str, rule: str, sentence: str, line: int = 0) -> Finding:
    return Finding(set=name, rule=rule, field="", sentence=sentence, line=line)


def _rules(
    name: str,
    rows: Any,
    findings: list[Finding],
    lines: dict[tuple[str, int, str], tuple[int, int]],
) -> tuple[Rule, ...]:
    if not isinstance(rows, list):
        findings.append(_finding(name, "", f"Begin each rule of it with [[{name}]]."))
        return ()
    most = MAX_RULES if name in FIRST_MATCH else MAX_TOGETHER
    if len(rows) > most:
        findings.append(_finding(name, "", f"It has {len(rows)} rules; {most} are allowed."))
        return ()
    found = []
    for at, row in enumerate(rows):
        try:
            found.append(msgspec.convert(row, Rule, strict=True))
        except msgspec.ValidationError as error:
            named = str(row.get("name", f"number {at + 1}")) if isinstance(row, dict) else ""
            line = lines.get((name, at, ""), (0, 0))[0]
            findings.append(_finding(name, named[:64], _words(str(error)), line))
            # Its place stays, so that the lines of those behind it fit.
            found.append(Rule(name=f"unreadable-{at + 1}", when="false", tag="unreadable"))
    return tuple(found)


def _words(error: str) -> str:
    """Return msgspec's words as a sentence with a way out."""
    unknown = re.search(r"unknown field `([^`]*)`", error)
    if unknown:
        known = ", ".join(Rule.__struct_fields__)
        return f"{unknown[1]} is none of a rule's fields: {known}."
    missing = re.search(r"missing required field `([^`]*)`", error)
    if missing:
        return f"{missing[1]} is missing: add it."
    path = re.search(r"`\$\.([^`]*)`", error)
    return f"{path[1] if path else 'It'} is not right: {error.partition(' - at')[0]}."


def _tables(
    table_of: Callable[[str], Table], stated: Any, findings: list[Finding]
) -> dict[str, Table]:
    found: dict[str, Table] = {}
    if not isinstance(stated, dict):
        findings.append(_finding("tables", "", 'Name files of tables: [tables] name = "file.csv".'))
        return found
    for name, file in stated.items():
        if not isinstance(file, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
            findings.append(
                _finding("tables", name[:64], 'Write name = "file.csv"; names have a-z, 0-9 and -.')
            )
            continue
        try:
            found[name] = table_of(file)
        except OSError as error:
            findings.append(_finding("tables", name, f"{file} can't be read: {error.strerror}."))
        except RulesRefused as error:
            findings.append(_finding("tables", name, str(error)))
    return found


def read_table(path: Path) -> Table:
    """Read a CSV file of a lookup table: a line of names, then its rows. Values lose spaces around
    them. Raises OSError and RulesRefused."""
    return _table(path.name, _text(path.name, _bytes(path)))


def _table(name: str, text: str) -> Table:
    sign = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    try:
        rows = [
            tuple(one.strip() for one in row)
            for row in csv.reader(StringIO(text), delimiter=sign, strict=True)
            if row
        ]
    except csv.Error as error:
        raise RulesRefused([f"{name} is not valid CSV: {error}."]) from error
    if len(rows) - 1 > MAX_ROWS:
        raise RulesRefused([f"{name} has {len(rows) - 1:,} rows; {MAX_ROWS:,} are allowed."])
    if not rows or len(rows[0]) < 2 or not all(rows[0]):
        raise RulesRefused(
            [f"{name} needs a first line that names at least two columns, such as key,value."]
        )
    return Table(columns=rows[0], rows=tuple(rows[1:]))


def _lines(text: str) -> dict[tuple[str, int, str], tuple[int, int]]:
    """Return where rules and their fields stand. Lines within long texts are skipped."""
    found: dict[tuple[str, int, str], tuple[int, int]] = {}
    counts: dict[str, int] = {}
    now: tuple[str, int] | None = None
    within = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if within:
            within = "" if within in line else within
            continue
        if header := _HEADER.match(line):
            counts[header[1]] = counts.get(header[1], -1) + 1
            now = (header[1], counts[header[1]])
            found[(*now, "")] = (number, 0)
        elif (key := _KEY.match(line)) and now is not None:
            quote = key["quote"]
            # A line break right behind three quotes belongs to no text.
            is_long = len(quote) == 3
            begins_below = is_long and line[key.end() :] == ""
            place = (number + 1, 1) if begins_below else (number, key.end() + 1)
            found[(*now, key[1])] = place
            if is_long and quote not in line[key.end() :]:
                within = quote
    return found

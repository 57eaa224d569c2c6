"""Rules as a person writes them: the text of the TOML file, and that of each table's CSV file.

What is stored is the document, so comments and the order of fields are not kept: a file that is
written here reads as the same rules.
"""

from __future__ import annotations

import csv
import json
from io import StringIO

from schemas.contracts.rules import SETS, Rule, Rules, SetName, Table

_FIRST = ("name", "when")
_DEFAULTS = Rule(name="x", when="true")


def file_of(table: str) -> str:
    """Return the name of a table's CSV file."""
    return f"{table}.csv"


def written(rules: Rules) -> str:
    """Return the text of the TOML file; `[tables]` names a file for each table, as `file_of`."""
    parts = [_rule(name, one) for name in SETS for one in rules.of(name)]
    if rules.tables:
        lines = [f"{name} = {_text(file_of(name))}" for name in rules.tables]
        parts.append("\n".join(["[tables]", *lines]) + "\n")
    return "\n".join(parts)


def csv_of(table: Table, most: int | None = None) -> str:
    """Return the text of a table's CSV file, or of its first `most` rows."""
    by_comma = _lines(table, ",", most)
    first = by_comma.partition("\n")[0]
    # Whoever reads it takes the sign that the first line has more of.
    return by_comma if first.count(";") <= first.count(",") else _lines(table, ";", most)


def _lines(table: Table, sign: str, most: int | None) -> str:
    into = StringIO()
    writer = csv.writer(into, delimiter=sign, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows[:most])
    return into.getvalue()


def _rule(name: SetName, rule: Rule) -> str:
    stated = [
        field
        for field in Rule.__struct_fields__
        if field not in _FIRST and getattr(rule, field) != getattr(_DEFAULTS, field)
    ]
    lines = [f"{field} = {_value(getattr(rule, field))}" for field in (*_FIRST, *stated)]
    return "\n".join([f"[[{name}]]", *lines]) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_text(str(one)) for one in value)}]"
    return _text(str(value))


def _text(text: str) -> str:
    """Return a text as TOML has it, as plain as can be: conditions are full of quotes."""
    is_plain = all((one >= " " and one != "\x7f") or one in "\t\n" for one in text)
    if is_plain and "\n" not in text and "'" not in text:
        return f"'{text}'" if '"' in text or "\\" in text else f'"{text}"'
    if is_plain and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''" if "\n" in text else f"'''{text}'''"
    # TOML's escapes are those of JSON, but for one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")

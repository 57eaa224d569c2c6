"""Rules as pages show them: set by set, with how often each fired."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from schemas.contracts.rules import FIRST_MATCH, SETS, Rule, Rules, Table
from service.rules.past import Coverage, Fired
from service.rules.written import csv_of

SAMPLE_ROWS = 50
"""Rows of a lookup table on a page; all of them are in its file."""

ASKED = {
    "accept": "is an order whose payment is only expected taken?",
    "review": "does a person look while stock is reserved?",
    "route": "where do goods leave from?",
    "ship": "who carries it, and how?",
    "notify": "which mails are sent?",
    "approve": "does a person release it before it is accepted?",
}
"""What each set decides, as a question."""

VERDICTS = {
    "never": "never matched",
    "always": "matches every order",
    "shadowed": "others always decide before it",
}
"""What a count says of a rule, in words."""

_NO_ACTION = ("name", "when", "why")


class RuleShown(Struct, frozen=True, kw_only=True):
    """A rule: what it asks for, and how often it matched and decided (None: not counted)."""

    rule: Rule
    asks: tuple[tuple[str, str], ...]
    fired: Fired | None
    verdict: str


class SetShown(Struct, frozen=True, kw_only=True):
    """A set in its order. `unmatched`: in how many orders none of it matched (None: not
    counted)."""

    name: str
    asked: str
    is_first: bool
    rules: tuple[RuleShown, ...]
    unmatched: int | None


class TableShown(Struct, frozen=True, kw_only=True):
    """A lookup table: its first rows as they stand in its file."""

    name: str
    columns: tuple[str, ...]
    rows: int
    text: str
    is_cut: bool


def sets_of(rules: Rules, counted: Coverage | None) -> list[SetShown]:
    """Return the sets that have rules. `counted` is of these rules."""
    fired = {(one.set, one.rule): one for one in counted.rules} if counted is not None else {}
    unmatched = counted.unmatched if counted is not None else {}
    found = []
    for name in SETS:
        if not rules.of(name):
            continue
        shown = tuple(_shown(one, fired.get((name, one.name))) for one in rules.of(name))
        told = SetShown(
            name=name,
            asked=ASKED[name],
            is_first=name in FIRST_MATCH,
            rules=shown,
            unmatched=unmatched.get(name),
        )
        found.append(told)
    return found


def tables_of(rules: Rules) -> list[TableShown]:
    """Return the lookup tables with their first rows."""
    return [_table(name, one) for name, one in rules.tables.items()]


def _table(name: str, table: Table) -> TableShown:
    return TableShown(
        name=name,
        columns=table.columns,
        rows=len(table.rows),
        text=csv_of(table, SAMPLE_ROWS),
        is_cut=len(table.rows) > SAMPLE_ROWS,
    )


def _shown(rule: Rule, fired: Fired | None) -> RuleShown:
    verdict = VERDICTS.get(fired.verdict, "") if fired is not None else ""
    return RuleShown(rule=rule, asks=tuple(_asks(rule)), fired=fired, verdict=verdict)


def _asks(rule: Rule) -> Iterator[tuple[str, str]]:
    usual = Rule(name="x", when="true")
    for field in Rule.__struct_fields__:
        value = getattr(rule, field)
        if field in _NO_ACTION or value == getattr(usual, field):
            continue
        if isinstance(value, tuple):
            yield field, ", ".join(value) or "none"
        else:
            yield field, "yes" if value is True else str(value)

"""Compiled(rules) -> one Python function for all sets, and what it says about an order.

Every condition is checked before it becomes Python, also when a stored version is loaded again: no
text of a person or of the database is ever run as it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from actors.order.addresses import is_military, is_post_box
from actors.rules.check import Checker
from actors.rules.facts import WORLD, facts, flat, is_open
from actors.rules.generate import paths, source
from actors.rules.parse import parse
from actors.rules.terms import CelFault, Term
from schemas.contracts.rules import (
    FIRST_MATCH,
    SETS,
    Rule,
    Rules,
    RulesRefused,
    SetName,
    Table,
)
from schemas.messages.rule_events import Ruling
from schemas.order.canonical import Order
from schemas.order.world import UNKNOWN, World

MAX_FACTS = 20
"""Facts that a ruling repeats."""
MAX_VALUE = 64
"""Characters of a fact's value in an event."""
LOOKED_UP = ("place", "carrier", "method")
"""What a rule may look up: a text that begins with `=` is an expression."""

Ask = Callable[[Order, str, str, World], list[int]]


class _Ready(NamedTuple):
    """One rule, ready to be asked: its condition, and what it looks up."""

    set: SetName
    rule: Rule
    when: Term
    looked_up: tuple[tuple[str, Term], ...]


def columns_of(tables: Mapping[str, Table]) -> frozenset[str]:
    """Return what `lookup` can be asked for: a table (its second column), and `table.column`."""
    named = {f"{name}.{x}" for name, one in tables.items() for x in one.columns[1:]}
    return frozenset(named | set(tables))


def terms_of(rule: Rule, checker: Checker) -> tuple[Term, tuple[tuple[str, Term], ...]]:
    """Return a rule's condition and what it looks up, checked. Raises CelFault."""
    when = parse(rule.when)
    checker.condition(when)
    found = []
    for name in LOOKED_UP:
        text: str = getattr(rule, name)
        if text.startswith("="):
            term = parse(text[1:])
            checker.text(term)
            found.append((name, term))
    return when, tuple(found)


class Compiled:
    """One version of the rules, ready for use. Raises RulesRefused for rules that don't pass the
    check. `version` 0 has no rules at all; `every` has every rule asked, to count how often each
    would match. `reads` are the fields of World that a rule asks for."""

    __slots__ = ("_ask", "_facts", "_looked_up", "_ready", "reads", "rules", "version")

    def __init__(self, rules: Rules, version: int = 0, *, every: bool = False) -> None:
        self.rules = rules
        self.version = version
        checker = Checker(facts(), columns_of(rules.tables))
        self._ready: list[_Ready] = []
        wrong = []
        for name in SETS:
            for rule in rules.of(name):
                try:
                    self._ready.append(_Ready(name, rule, *terms_of(rule, checker)))
                except CelFault as fault:
                    wrong.append(f"The rule {rule.name} of {name}: {fault.sentence}")
        if wrong:
            raise RulesRefused(wrong)
        self.reads = _roots(self._ready) & WORLD
        names: dict[str, Any] = {
            "TABLES": _tables(rules.tables),
            "moment": datetime.fromisoformat,
            "is_post_box": is_post_box,
            "is_military": is_military,
        }
        code = program(self._ready, every=every)
        exec(compile(code, "<rules>", "exec"), names)  # noqa: S102 - made from checked trees alone
        self._ask: Ask = names["ask"]
        self._facts = [names[f"facts_{at}"] for at in range(len(self._ready))]
        self._looked_up = [names[f"looked_up_{at}"] for at in range(len(self._ready))]

    def matching(self, order: Order, channel: str, away: str, world: World = UNKNOWN) -> list[int]:
        """Return which rules decide, by their place among all rules; of a set of which the first
        one decides at most one."""
        return self._ask(order, channel, away, world)

    def decide(
        self, order: Order, channel: str, away: str, world: World = UNKNOWN
    ) -> tuple[Ruling, ...]:
        """Return what each set that has rules says about an order. `away` is the fact of this
        name, `world` what is known of what `reads` names."""
        found = self._ask(order, channel, away, world)
        rulings = []
        at = 0
        for name in SETS:
            if not self.rules.of(name):
                continue
            before = at
            while at < len(found) and self._ready[found[at]].set == name:
                rulings.append(self._ruling(found[at], order, channel, away, world))
                at += 1
            if at == before:
                rulings.append(Ruling(name, ""))
        return tuple(rulings)

    def name_of(self, at: int) -> tuple[SetName, str]:
        """Return the set and the name of a rule."""
        return self._ready[at].set, self._ready[at].rule.name

    @property
    def count(self) -> int:
        """How many rules there are."""
        return len(self._ready)

    def _ruling(self, at: int, order: Order, channel: str, away: str, world: World) -> Ruling:
        one = self._ready[at]
        looked_up = self._looked_up[at](order, channel, away, world)
        values: dict[str, str] = self._facts[at](order, channel, away, world)
        told = tuple((name, str(value)[:MAX_VALUE]) for name, value in values.items())
        return Ruling(one.set, one.rule.name, _asks(one.rule, looked_up), told)


def _asks(rule: Rule, looked_up: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name in LOOKED_UP:
        text = looked_up.get(name, "") if name in looked_up else getattr(rule, name)
        if text:
            found.append((name, text[:256]))
    found += [(name, "yes") for name in ("only", "accept") if getattr(rule, name)]
    if rule.hold:
        found.append(("hold", rule.hold))
    if rule.pick:
        found.append(("pick", "yes"))
    if rule.mails is not None:
        found.append(("mails", ",".join(rule.mails)))
    if rule.tag:
        found.append(("tag", rule.tag))
    if rule.priority:
        found.append(("priority", str(rule.priority)))
    return tuple(found)


def _tables(tables: Mapping[str, Table]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        for at, column in enumerate(table.columns[1:], start=1):
            found[f"{name}.{column}"] = {row[0]: row[at] for row in table.rows}
        found[name] = found[f"{name}.{table.columns[1]}"]
    return found


_MOMENTS = {
    "placed_day": "v_placed_day = order.placed_at[:10]",
    "placed_weekday": "v_placed_weekday = moment(order.placed_at).isoweekday()",
    "placed_hour": "v_placed_hour = moment(order.placed_at).hour",
    "units": "v_units = sum([line.quantity for line in order.lines])",
    "to_post_box": "v_to_post_box = order.ship_to is not None and is_post_box(order.ship_to)",
    "to_military": "v_to_military = order.ship_to is not None and is_military(order.ship_to)",
    **{name: f"v_{name} = world.{name}" for name in sorted(WORLD)},
}
"""How facts that no field has are made; only those that a rule asks for are."""


def _roots(ready: list[_Ready]) -> frozenset[str]:
    terms = [term for one in ready for term in (one.when, *(x for _, x in one.looked_up))]
    return frozenset(path.partition(".")[0] for term in terms for path in paths(term))


def program(ready: list[_Ready], *, every: bool = False) -> str:
    """Return the Python of all rules: `ask`, and for each rule what it looks up and its facts.
    `every`: no set stops at its first match."""
    read: Counter[str] = Counter()
    for one in ready:
        read.update(set(paths(one.when)))
    optional = {path for path, found in flat().items() if found.maybe}
    often = [x for x, n in read.items() if n > 1 and _may_be_first(x, optional)]
    short = {path: f"p{at}" for at, path in enumerate(sorted(often))}
    lines = ["def ask(order, channel, away, world):", "    hits = []"]
    lines += [f"    {line}" for line in _made(read)]
    lines += [f"    {name} = {source(parse(path), {})}" for path, name in short.items()]
    for name in SETS:
        mine = [(at, one) for at, one in enumerate(ready) if one.set == name]
        if not mine:
            continue
        first = name in FIRST_MATCH and not every
        pad = "        " if first else "    "
        if first:
            lines.append("    for _ in (0,):")
        for at, one in mine:
            lines += [f"{pad}if {source(one.when, short)}:", f"{pad}    hits.append({at})"]
            if first:
                lines.append(f"{pad}    break")
    lines.append("    return hits")
    for at, one in enumerate(ready):
        lines += _facts_function(at, one) + _looked_up_function(at, one)
    return "\n".join(lines) + "\n"


def _may_be_first(path: str, optional: set[str]) -> bool:
    """Whether a path can be read before any condition is asked: nothing on it may be missing."""
    if "." not in path or "[" in path:
        return False
    parts = path.split(".")
    return not any(".".join(parts[:end]) in optional for end in range(2, len(parts) + 1))


def _made(read: Mapping[str, int]) -> list[str]:
    roots = {path.partition(".")[0] for path in read}
    return [line for name, line in _MOMENTS.items() if name in roots]


def _facts_function(at: int, one: _Ready) -> list[str]:
    """Write what a rule's facts were. What may be missing is `(none)`."""
    read = sorted(set(paths(one.when)) | {x for _, y in one.looked_up for x in paths(y)})
    known = {**flat(), **facts()}
    lines = [f"def facts_{at}(order, channel, away, world):"]
    lines += [f"    {line}" for line in _made(Counter(read))]
    pairs = []
    for path in read[:MAX_FACTS]:
        found = known.get(path)
        if found is None or found.kind in ("list", "map", "struct") or not is_open(path, found):
            pairs.append(f"{path!r}: '…'")
            continue
        parts = path.split(".")
        heads = [".".join(parts[:end]) for end in range(2, len(parts) + 1)]
        guards = [source(parse(head), {}) for head in heads if known[head].maybe]
        value = source(parse(path), {})
        tests = " and ".join(f"{guard} is not None" for guard in guards)
        told = f"{value} if {tests} else '(none)'" if tests else value
        pairs.append(f"{path!r}: {told}")
    return [*lines, f"    return {{{', '.join(pairs)}}}"]


def _looked_up_function(at: int, one: _Ready) -> list[str]:
    lines = [f"def looked_up_{at}(order, channel, away, world):"]
    if one.looked_up:
        read = Counter(x for _, y in one.looked_up for x in paths(y))
        lines += [f"    {line}" for line in _made(read)]
    pairs = ", ".join(f"{name!r}: {source(term, {})}" for name, term in one.looked_up)
    return [*lines, f"    return {{{pairs}}}"]


NO_RULES = Compiled(Rules())

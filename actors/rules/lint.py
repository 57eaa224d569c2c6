"""lint(rules, world) -> findings, each with its rule, what is wrong, and how to fix it. Pure.

What needs a solver (a condition that can never hold, a rule behind others, two that contradict) is
in `service.rules.proofs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from actors.kernel.setup import ANY_METHOD, Place, method_of
from actors.rules import terms as t
from actors.rules.check import Checker
from actors.rules.compiled import LOOKED_UP, columns_of, terms_of
from actors.rules.facts import facts
from actors.rules.parse import parse
from actors.rules.terms import CelFault, Term, path_of
from schemas.contracts.rules import (
    ACTIONS,
    ANYWHERE,
    FIRST_MATCH,
    MAX_RULES,
    SETS,
    Rule,
    Rules,
    SetName,
    Table,
)

COUNTRY = "order.ship_to.country"
LOOKUP = "="


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one rule or table. `line` counts from 1 (0: not known), `column` too.
    A `warning` does not stop a publication."""

    set: str
    rule: str
    field: str
    sentence: str
    severity: Literal["error", "warning"] = "error"
    line: int = 0
    column: int = 0
    at: int = -1


class World(Struct, frozen=True, kw_only=True):
    """What there is to choose among: places as they are set up (with their other carriers), and
    mail templates. None: not known, so nothing is said about it."""

    places: tuple[Place, ...] | None = None
    carriers: frozenset[str] | None = None
    mails: frozenset[str] | None = None


def lint(rules: Rules, world: World) -> list[Finding]:
    """Return everything that is wrong with a document, rule by rule."""
    found: list[Finding] = []
    for name, table in rules.tables.items():
        found += _table(name, table)
    checker = Checker(facts(), columns_of(rules.tables))
    total = sum(len(rules.of(name)) for name in SETS)
    if total > MAX_RULES:
        found.append(_about("", "", "", f"There are {total} rules; {MAX_RULES} are allowed."))
    for name in SETS:
        seen: dict[str, int] = {}
        closed = ""
        for at, rule in enumerate(rules.of(name)):
            if rule.name in seen:
                found.append(
                    _about(name, rule.name, "name", "Two rules have this name: rename one.")
                )
            seen[rule.name] = at
            if closed and name in FIRST_MATCH:
                found.append(_behind(name, rule, closed))
            found += _rule(name, rule, rules, checker, world)
            if _is_always(rule.when):
                closed = closed or rule.name
    return found


def _behind(name: SetName, rule: Rule, closed: str) -> Finding:
    return _about(
        name,
        rule.name,
        "when",
        f"It is never asked, because {closed} before it matches every order: move {closed} to the "
        "end of the set.",
    )


def _is_always(when: str) -> bool:
    return when.strip() == "true"


def _about(
    name: str,
    rule: str,
    field: str,
    sentence: str,
    *,
    at: int = -1,
    severity: Literal["error", "warning"] = "error",
) -> Finding:
    return Finding(set=name, rule=rule, field=field, sentence=sentence, at=at, severity=severity)


def _rule(
    name: SetName, rule: Rule, rules: Rules, checker: Checker, world: World
) -> Iterator[Finding]:
    yield from _actions(name, rule)
    for field, text in (("when", rule.when), *((x, getattr(rule, x)) for x in LOOKED_UP)):
        if field != "when" and not text.startswith(LOOKUP):
            continue
        shift = 0 if field == "when" else 1
        try:
            term = parse(text[shift:])
            if field == "when":
                checker.condition(term)
            else:
                checker.text(term)
        except CelFault as fault:
            yield _about(name, rule.name, field, fault.sentence, at=fault.at + shift)
    yield from _names(name, rule, rules, checker, world)


def _actions(name: SetName, rule: Rule) -> Iterator[Finding]:
    allowed = ACTIONS[name]
    stated = [x for x in (*LOOKED_UP, "only", "accept", "hold", "pick") if getattr(rule, x)]
    if rule.mails is not None:
        stated.append("mails")
    for one in stated:
        if one not in allowed:
            where = ", ".join(x for x in SETS if one in ACTIONS[x])
            yield _about(
                name, rule.name, one, f"{one} has no effect in {name}: write it in {where}."
            )
    if not stated and not rule.tag and not rule.priority:
        more = ", ".join(sorted(allowed | ANYWHERE))
        yield _about(name, rule.name, "", f"It asks for nothing: give it one of {more}.")
    if rule.only and not rule.place:
        yield _about(name, rule.name, "only", "It names no place: add place, or remove only.")
    if rule.pick and not rule.hold:
        yield _about(name, rule.name, "pick", "It holds nothing: add hold, or remove pick.")
    if rule.accept and rule.hold:
        yield _about(name, rule.name, "hold", "It accepts and holds the order: keep one of both.")


def _names(
    name: SetName, rule: Rule, rules: Rules, checker: Checker, world: World
) -> Iterator[Finding]:
    """Yield what is named and does not exist, and services that can't reach."""
    known: dict[str, frozenset[str] | None] = {
        "place": None if world.places is None else frozenset(x.name for x in world.places),
        "carrier": world.carriers,
    }
    for field, there in known.items():
        if there is None:
            continue
        for value, where in _values(rule, field, rules, checker):
            if value not in there:
                yield _about(
                    name,
                    rule.name,
                    field,
                    f"There is no {field} {value!r}{where}.{_near(value, there)}",
                )
    if world.mails is not None:
        for one in rule.mails or ():
            if one not in world.mails:
                near = _near(one, world.mails)
                yield _about(name, rule.name, "mails", f"There is no mail {one!r}.{near}")
    if world.places and name == "ship":
        yield from _methods(rule, rules, checker, world)
        yield from _reaching(rule, rules, checker, world)


def _methods(rule: Rule, rules: Rules, checker: Checker, world: World) -> Iterator[Finding]:
    """Yield methods that no carrier makes a service of: their parcels would silently go by the
    usual one, which may be meant."""
    wanted = "" if rule.carrier.startswith(LOOKUP) else rule.carrier
    every = [x for place in world.places or () for x in (place, *place.others) if x.carrier]
    carrying = [x for x in every if x.carrier == wanted or not wanted]
    if not carrying or any(one.reach is None for one in carrying):
        return
    there = {method for x in carrying if x.reach is not None for method, _ in x.reach.offered}
    named = frozenset(there - {ANY_METHOD})
    for value, where in _values(rule, "method", rules, checker):
        if method_of(value) not in named:
            sentence = (
                f"No carrier has the method {value!r}{where} in its `services`, so its parcels go "
                f"by the usual service.{_near(method_of(value), named)}"
            )
            yield _about("ship", rule.name, "method", sentence, severity="warning")


def _values(rule: Rule, field: str, rules: Rules, checker: Checker) -> Iterator[tuple[str, str]]:
    """Yield every value that a field can have, and where it stands, if not in the rule itself."""
    text: str = getattr(rule, field)
    if not text:
        return
    if not text.startswith(LOOKUP):
        yield text, ""
        return
    try:
        term = parse(text[1:])
        checker.text(term)
    except CelFault:
        return  # told already
    for one in _calls(term):
        table, _, column = str(one.args[0].value).partition(".")  # type: ignore[union-attr]  # checked
        rows = rules.tables[table]
        at = rows.columns.index(column) if column else 1
        for number, row in enumerate(rows.rows, start=2):
            if at < len(row) and row[at]:
                yield row[at], f" (line {number} of the table {table})"


def _calls(term: Term) -> Iterator[t.Call]:
    """Yield the lookups whose answer a text can be."""
    if isinstance(term, t.Call) and term.name == "lookup":
        yield term
        yield from _calls(term.args[2])
    elif isinstance(term, t.Choice):
        yield from _calls(term.then)
        yield from _calls(term.otherwise)


def _reaching(rule: Rule, rules: Rules, checker: Checker, world: World) -> Iterator[Finding]:
    """Yield services that can't reach a country to which the rule says its orders go."""
    if LOOKUP in (rule.method[:1], rule.carrier[:1]) or not (rule.method or rule.carrier):
        return
    try:
        when, _ = terms_of(rule, checker)
    except CelFault:
        return
    carrying = [
        one
        for place in world.places or ()
        for one in (place, *place.others)
        if one.carrier and one.carrier == (rule.carrier or place.carrier)
    ]
    if not carrying:
        return
    for country in sorted(countries_of(when)):
        if not any(one.reach is None or one.reach.has(rule.method, country) for one in carrying):
            method = f"the method {rule.method!r}" if rule.method else "orders without a method"
            by = ", ".join(dict.fromkeys(one.carrier for one in carrying))
            yield _about(
                "ship",
                rule.name,
                "method" if rule.method else "carrier",
                f"{by} has no service for {method} to {country}: name one in its `services`, or "
                "take another carrier.",
            )


def countries_of(when: Term) -> frozenset[str]:
    """Return the countries that a condition names as where its orders go."""
    if isinstance(when, t.Binary) and when.op in ("&&", "||"):
        return countries_of(when.left) | countries_of(when.right)
    if isinstance(when, t.Binary) and path_of(when.left) == COUNTRY:
        if when.op == "==" and isinstance(when.right, t.Literal):
            return frozenset({str(when.right.value)})
        if when.op == "in" and isinstance(when.right, t.ListOf):
            return frozenset(
                str(one.value) for one in when.right.items if isinstance(one, t.Literal)
            )
    return frozenset()


def _table(name: str, table: Table) -> Iterator[Finding]:
    width = len(table.columns)
    if len(set(table.columns)) < width:
        yield _about("tables", name, "", "Two columns have one name: rename one.")
    first: dict[str, int] = {}
    for number, row in enumerate(table.rows, start=2):
        if len(row) != width:
            yield _about(
                "tables",
                name,
                "",
                f"Line {number} has {len(row)} values, and there are {width} columns.",
            )
            continue
        if row[0] in first:
            yield _about(
                "tables",
                name,
                "",
                f"The key {row[0][:60]!r} is on line {first[row[0]]} and again on line {number}: "
                "keep one of them.",
            )
        first.setdefault(row[0], number)


def _near(name: str, known: frozenset[str] | Mapping[str, object]) -> str:
    found = get_close_matches(name, known, 1, 0.6)
    if found:
        return f" Do you mean {found[0]}?"
    named = sorted(known)
    return f" There are: {', '.join(named[:12])}." if named else " None is configured."

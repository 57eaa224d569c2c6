"""What a solver finds in rules: a condition that can never hold, a rule that those before it leave
nothing to, two that contradict each other, each with an order that shows it where there is one.

z3-solver is an optional extra (`orderwright[rules]`). Lists are tried with up to three elements,
which findings about them say; what z3 can't decide within two seconds is not reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import combinations
from typing import Any

from msgspec import Struct

from actors.kernel.setup import Place
from actors.rules import terms as t
from actors.rules.facts import Type, facts
from actors.rules.lint import Finding
from actors.rules.parse import parse
from actors.rules.terms import Term, path_of
from schemas.contracts.rules import FIRST_MATCH, SETS, Rule, Rules, SetName, Table

ELEMENTS = 3
"""Elements with which lists are tried."""
MILLISECONDS = 2_000
MAX_ROWS = 200
"""Rows of a table that the solver sees; a longer one may give anything."""
MAX_PAIRS = 400
"""Pairs of rules that are compared; the rest is left, and said so."""


def z3_there() -> bool:
    """Whether the solver is installed."""
    return find_spec("z3") is not None


class _Named(Struct, frozen=True):
    set: SetName
    rule: Rule
    when: Any
    unrolled: bool


def prove(rules: Rules, places: Sequence[Place] | None = None) -> list[Finding]:
    """Return what a solver finds in rules that pass the other checks."""
    world = _World(rules.tables)
    found: list[Finding] = []
    named: dict[SetName, list[_Named]] = {}
    for name in SETS:
        mine = []
        for rule in rules.of(name):
            world.unrolled = False
            when = world.condition(parse(rule.when), {})
            mine.append(_Named(name, rule, when, world.unrolled))
        named[name] = mine
        here = _never(mine, world)
        rest = _without(mine, here)
        here += _same(rest, world)
        if name in FIRST_MATCH:
            here += _covered(_without(rest, here), world)
        found += here
    return found + _apart(named["route"], named["ship"], world, places)


def _without(mine: list[_Named], told: list[Finding]) -> list[_Named]:
    names = {one.rule for one in told}
    return [one for one in mine if one.rule.name not in names]


def _finding(one: _Named, sentence: str) -> Finding:
    note = f" (Lists were tried with up to {ELEMENTS} elements.)" if one.unrolled else ""
    return Finding(
        set=one.set,
        rule=one.rule.name,
        field="when",
        sentence=f"{sentence}{note}",
        severity="warning" if one.unrolled else "error",
    )


def _never(mine: list[_Named], world: _World) -> list[Finding]:
    return [
        _finding(one, "No order can ever match it: its parts exclude each other.")
        for one in mine
        if world.is_empty(one.when)
    ]


def _same(mine: list[_Named], world: _World) -> list[Finding]:
    """Find rules of one set that match the very same orders and ask for different things."""
    found = []
    for one, two in list(combinations(mine, 2))[:MAX_PAIRS]:
        if _asks(one.rule) != _asks(two.rule) and world.is_empty(world.z3.Xor(one.when, two.when)):
            found.append(
                _finding(
                    two,
                    f"It contradicts {one.rule.name}: both match the same orders and ask for "
                    "different things. Keep one of them.",
                )
            )
    return found


def _asks(rule: Rule) -> tuple[object, ...]:
    return tuple(
        getattr(rule, x) for x in ("place", "only", "carrier", "method", "accept", "mails")
    )


def _covered(mine: list[_Named], world: _World) -> list[Finding]:
    found = []
    z3 = world.z3
    for at, one in enumerate(mine):
        before = mine[:at]
        if not before or not world.is_empty(one.when, *(z3.Not(x.when) for x in before)):
            continue
        alone = [x.rule.name for x in before if world.is_empty(one.when, z3.Not(x.when))]
        names = alone[0] if alone else "those before it together"
        found.append(
            _finding(
                one,
                f"It is never reached: every order that it matches is decided by {names} before. "
                "Move it up, or remove it.",
            )
        )
    return found


def _apart(
    routes: list[_Named], ships: list[_Named], world: _World, places: Sequence[Place] | None
) -> list[Finding]:
    """Find a place that one rule insists on and a carrier of another that does not serve it."""
    serves = {
        one.name: {x.carrier for x in (one, *one.others) if x.carrier} for one in places or ()
    }
    found = []
    for one in routes:
        for two in ships:
            place, carrier = one.rule.place, two.rule.carrier
            if not one.rule.only or place not in serves or not carrier or carrier[0] == "=":
                continue
            if carrier in serves[place]:
                continue
            example = world.witness(one.when, two.when)
            if example is not None:
                found.append(
                    _finding(
                        two,
                        f"It contradicts {one.rule.name} of route: {carrier} buys no labels at "
                        f"{place}. Such an order is: {example}.",
                    )
                )
    return found


class _World:
    """Turns conditions into the solver's terms; the same fact is the same variable everywhere."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        import z3

        self.z3: Any = z3
        self.unrolled = False
        self._tables = tables
        self._known: dict[str, Any] = {}
        self._bounds: list[Any] = []

    def is_empty(self, *conditions: Any) -> bool:
        """Whether nothing can satisfy all of these."""
        return bool(self._solver(conditions).check() == self.z3.unsat)

    def witness(self, *conditions: Any) -> str | None:
        """Return an example that satisfies all of these, None for none."""
        solver = self._solver(conditions)
        if solver.check() != self.z3.sat:
            return None
        model = solver.model()
        told = sorted(
            f"{one.name()} is {model[one]}"
            for one in model.decls()
            if one.arity() == 0 and one.name() in self._known and "[" not in one.name()
        )
        return ", ".join(told[:8]) or "any"

    def _solver(self, conditions: Sequence[Any]) -> Any:
        solver = self.z3.Solver()
        solver.set("timeout", MILLISECONDS)
        solver.add(*self._bounds, *conditions)
        return solver

    def condition(self, term: Term, names: Mapping[str, tuple[str, Type]]) -> Any:
        """Return a condition for the solver. `names` are the elements of lists."""
        found, _ = self._of(term, names)
        return found

    def _of(self, term: Term, names: Mapping[str, tuple[str, Type]]) -> tuple[Any, Type | None]:
        """Return a term, and its type where it is a fact."""
        match term:
            case t.Literal():
                return self._constant(term.value), None
            case t.Name() | t.Field() | t.Index():
                return self._fact(term, names)
            case t.Unary(op=op, arg=arg):
                inner = self._of(arg, names)[0]
                return (self.z3.Not(inner) if op == "!" else -inner), None
            case t.Choice():
                parts = [self._of(x, names)[0] for x in (term.test, term.then, term.otherwise)]
                return self.z3.If(*parts), None
            case t.Binary():
                return self._binary(term, names), None
            case t.Call():
                return self._call(term, names), None
        raise AssertionError("a list stands only behind `in`")

    def _constant(self, value: bool | int | float | str) -> Any:
        if isinstance(value, bool):
            return self.z3.BoolVal(value)
        if isinstance(value, str):
            return self.z3.StringVal(value)
        return self.z3.IntVal(int(value))

    def _place(self, term: Term, names: Mapping[str, tuple[str, Type]]) -> tuple[str, Type]:
        """Return the name and type of a fact, that of a list's element by its number."""
        match term:
            case t.Name(name=name):
                return names.get(name) or (name, facts()[name])
            case t.Field(of=of, name=name):
                path, found = self._place(of, names)
                return f"{path}.{name}", found.fields[name]
            case t.Index(of=of, key=t.Literal(value=key)):
                path, found = self._place(of, names)
                assert found.of is not None, "the checker looked"
                return f"{path}[{key!r}]", found.of
        raise AssertionError("only facts have a place")

    def _fact(self, term: Term, names: Mapping[str, tuple[str, Type]]) -> tuple[Any, Type]:
        path, found = self._place(term, names)
        return self._variable(path, found), found

    def _variable(self, path: str, found: Type) -> Any:
        known = self._known.get(path)
        if known is not None:
            return known
        z3 = self.z3
        if found.kind == "int":
            made = z3.Int(path)
            self._bounds += [made >= found.low, made <= found.high]
        elif found.kind == "text":
            made = z3.String(path)
            if found.values:
                self._bounds.append(z3.Or([made == z3.StringVal(x) for x in found.values]))
        else:
            made = z3.Bool(path)
        self._known[path] = made
        return made

    def _size(self, path: str, found: Type) -> Any:
        return self._variable(f"size({path})", Type("int", 0, found.size or 2**31))

    def _binary(self, term: t.Binary, names: Mapping[str, tuple[str, Type]]) -> Any:
        z3, op = self.z3, term.op
        if op == "in":
            return self._within(term, names)
        left, right = self._of(term.left, names)[0], self._of(term.right, names)[0]
        match op:
            case "&&":
                return z3.And(left, right)
            case "||":
                return z3.Or(left, right)
            case "==":
                return left == right
            case "!=":
                return left != right
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return right < left
            case ">=":
                return right <= left
        return left + right if op == "+" else left - right if op == "-" else left * right

    def _within(self, term: t.Binary, names: Mapping[str, tuple[str, Type]]) -> Any:
        left = self._of(term.left, names)[0]
        if isinstance(term.right, t.ListOf):
            return self.z3.Or([left == self._of(x, names)[0] for x in term.right.items])
        return self.z3.Bool(f"{path_of(term.left) or left} in {path_of(term.right)}")

    def _call(self, term: t.Call, names: Mapping[str, tuple[str, Type]]) -> Any:
        z3 = self.z3
        if term.name == "has":
            return z3.Bool(f"has({self._place(term.args[0], names)[0]})")
        if term.name == "lookup":
            return self._lookup(term, names)
        if term.name == "size":
            of = term.target or term.args[0]
            if isinstance(of, t.Name | t.Field | t.Index):
                path, found = self._place(of, names)
                if found.kind != "text":
                    return self._size(path, found)
            return z3.Length(self._of(of, names)[0])
        assert term.target is not None, "the checker looked"
        if term.name in ("exists", "all", "exists_one"):
            return self._quantified(term, names)
        text, part = self._of(term.target, names)[0], self._of(term.args[0], names)[0]
        if term.name == "contains":
            return z3.Contains(text, part)
        return (z3.PrefixOf if term.name == "startsWith" else z3.SuffixOf)(part, text)

    def _lookup(self, term: t.Call, names: Mapping[str, tuple[str, Type]]) -> Any:
        z3 = self.z3
        table = str(term.args[0].value)  # type: ignore[union-attr]  # the checker looked
        key, otherwise = (self._of(x, names)[0] for x in term.args[1:])
        name, _, column = table.partition(".")
        rows = self._tables[name]
        if len(rows.rows) > MAX_ROWS:
            return z3.String(f"lookup({table}, {key})")
        at = rows.columns.index(column) if column else 1
        found = otherwise
        for row in rows.rows:
            found = z3.If(key == z3.StringVal(row[0]), z3.StringVal(row[at]), found)
        return found

    def _quantified(self, term: t.Call, names: Mapping[str, tuple[str, Type]]) -> Any:
        assert term.target is not None, "the checker looked"
        z3 = self.z3
        self.unrolled = True
        path, found = self._place(term.target, names)
        assert found.of is not None, "a list holds something"
        assert isinstance(term.args[0], t.Name), "the checker looked"
        size = self._size(path, found)
        tests = []
        for at in range(ELEMENTS):
            inner = {**names, term.args[0].name: (f"{path}[{at}]", found.of)}
            tests.append((size > at, self._of(term.args[1], inner)[0]))
        if term.name == "all":
            return z3.And([z3.Implies(there, test) for there, test in tests])
        hits = [z3.And(there, test) for there, test in tests]
        if term.name == "exists":
            return z3.Or(hits)
        return z3.Sum([z3.If(hit, 1, 0) for hit in hits]) == 1

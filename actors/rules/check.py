"""check(term) -> its type, or a CelFault that says where and how to fix it.

A condition that passes can't fail when it is asked: no division, no sum beyond 64 bits, and no
value that may be missing without has(…) or `in` before it. So the order in which CEL may ask the
sides of && and ||, and which error it then forgives, never matters, and plain Python agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from msgspec.structs import replace

from actors.rules import terms as t
from actors.rules.facts import BOOL, INT64, TEXT, Type, count
from actors.rules.known import impersonal, proven
from actors.rules.terms import CelFault, Term, path_of

QUANTIFIERS = frozenset({"exists", "all", "exists_one"})
TESTS = frozenset({"startsWith", "endsWith", "contains"})
_ORDERED = frozenset({"<", "<=", ">", ">="})
_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number with a point",
    "text": "a text",
    "list": "a list",
    "map": "a map",
    "struct": "several fields",
}
_NOT_OFFERED = {
    "matches": "a pattern may take for ages: use startsWith, endsWith, contains, or a table",
    "double": "amounts are whole minor units (cents), so compare whole numbers",
    "int": "every number of an order is a whole one already",
    "map": "ask with exists, all or exists_one about the elements of a list",
    "filter": "ask with exists, all or exists_one about the elements of a list",
    "timestamp": "use placed_day, placed_weekday and placed_hour",
}


class Checker:
    """Checks conditions against facts. `columns` names what can be looked up: a table (its second
    column), or `table.column`."""

    def __init__(self, facts: Mapping[str, Type], columns: frozenset[str] = frozenset()) -> None:
        self._facts = facts
        self._columns = columns

    def condition(self, term: Term) -> None:
        """Check what has to be true or false. Raises CelFault."""
        self._bool(term, self._facts, frozenset())

    def text(self, term: Term) -> Type:
        """Check what has to give a text. Raises CelFault."""
        found = self._of(term, self._facts, frozenset())
        if found.kind != "text":
            raise CelFault(term.at, f"A text is needed here; this is {_WORDS[found.kind]}.")
        impersonal(term)
        return found

    def _bool(self, term: Term, names: Mapping[str, Type], known: frozenset[str]) -> None:
        found = self._of(term, names, known)
        if found.kind != "bool":
            raise CelFault(
                term.at,
                f"This is {_WORDS[found.kind]} and not true or false: compare it with something.",
            )

    def _of(self, term: Term, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        found = self._any(term, names, known)
        if found.maybe and path_of(term) not in known:
            path = path_of(term)
            raise CelFault(
                term.at,
                f"{path} may be missing: write has({path}) && … before it.",
            )
        return found

    def _any(self, term: Term, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        """Return the type of a term that may be missing."""
        match term:
            case t.Literal():
                return _constant(term)
            case t.Name():
                return self._name(term, names)
            case t.Field():
                return self._field(term, names, known)
            case t.Index():
                return self._index(term, names, known)
            case t.Call():
                return self._call(term, names, known)
            case t.Unary():
                return self._unary(term, names, known)
            case t.Binary():
                return self._binary(term, names, known)
            case t.Choice():
                return self._choice(term, names, known)
        return self._list(term, names, known)

    def _name(self, term: t.Name, names: Mapping[str, Type]) -> Type:
        found = names.get(term.name)
        if found is None:
            raise CelFault(term.at, f"There is no fact {term.name}.{_near(term.name, names)}")
        return found

    def _field(self, term: t.Field, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        of = self._of(term.of, names, known)
        where = path_of(term.of) or "this"
        if of.kind != "struct":
            hint = " Ask with exists(…) about its elements." if of.kind == "list" else ""
            hint = f' Write {where}["{term.name}"].' if of.kind == "map" else hint
            raise CelFault(term.at, f"{where} has no fields: it is {_WORDS[of.kind]}.{hint}")
        found = of.fields.get(term.name)
        if found is None:
            raise CelFault(
                term.at, f"{where} has no field {term.name}.{_near(term.name, of.fields)}"
            )
        return found

    def _index(self, term: t.Index, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        of = self._of(term.of, names, known)
        key = term.key
        if of.kind != "map" or not isinstance(key, t.Literal) or not isinstance(key.value, str):
            raise CelFault(
                term.at,
                "Only a map is asked by a key, and only by one that is written out; ask with "
                "exists(…) about the elements of a list.",
            )
        assert of.of is not None, "a map holds something"
        path = path_of(term)
        if path not in known:
            raise CelFault(
                term.at,
                f'The key may be missing: write "{key.value}" in {path_of(term.of)} && … before '
                "it.",
            )
        return of.of

    def _list(self, term: t.ListOf, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        kinds = [self._of(one, names, known) for one in term.items]
        if not kinds:
            raise CelFault(term.at, "The list is empty, so nothing can be in it.")
        for item, one in zip(term.items, kinds, strict=True):
            if not isinstance(item, t.Literal):
                raise CelFault(item.at, "A list holds constants alone: use || for anything else.")
            if one.kind != kinds[0].kind:
                raise CelFault(
                    item.at,
                    f"This is {_WORDS[one.kind]}, and the list began with {_WORDS[kinds[0].kind]}.",
                )
        if kinds[0].kind == "float":
            raise CelFault(term.at, _no_float(""))
        return Type("list", of=replace(kinds[0], values=()), size=len(kinds))

    def _unary(self, term: t.Unary, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        if term.op == "!":
            self._bool(term.arg, names, known)
            return BOOL
        found = self._of(term.arg, names, known)
        if found.kind != "int":
            raise CelFault(term.at, f"Only a number has a sign; this is {_WORDS[found.kind]}.")
        return _within(term.at, -found.high, -found.low)

    def _choice(self, term: t.Choice, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        self._bool(term.test, names, known)
        then = self._of(term.then, names, known | proven(term.test, True))
        other = self._of(term.otherwise, names, known | proven(term.test, False))
        if then.kind != other.kind or then.kind not in ("bool", "int", "text"):
            raise CelFault(
                term.otherwise.at,
                f"Both answers of `?` must be of one kind; these are {_WORDS[then.kind]} and "
                f"{_WORDS[other.kind]}.",
            )
        if then.kind == "int":
            return count(max(then.high, other.high), min(then.low, other.low))
        return replace(then, values=(), maybe=False)

    def _binary(self, term: t.Binary, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        op = term.op
        if op in ("&&", "||"):
            self._bool(term.left, names, known)
            self._bool(term.right, names, known | proven(term.left, op == "&&"))
            return BOOL
        left, right = self._of(term.left, names, known), self._of(term.right, names, known)
        if op == "in":
            return _membership(term, left, right)
        if op in ("/", "%"):
            raise CelFault(
                term.at,
                f"{op} is not offered, because a zero would leave the order undecided: multiply "
                "the other side instead.",
            )
        if op in ("+", "-", "*"):
            return _sum(term, left, right)
        return _comparison(term, left, right)

    def _call(self, term: t.Call, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        name = term.name
        if term.target is not None and name in QUANTIFIERS:
            return self._quantified(term, names, known)
        if term.target is not None and name in TESTS:
            if len(term.args) != 1:
                raise CelFault(term.at, f"{name} takes one text.")
            for one in (term.target, *term.args):
                found = self._of(one, names, known)
                if found.kind != "text":
                    raise CelFault(one.at, f"{name} needs a text; this is {_WORDS[found.kind]}.")
            return BOOL
        if name == "size":
            return self._size(term, names, known)
        if term.target is None and name == "has":
            return self._has(term, names, known)
        if term.target is None and name == "lookup":
            return self._lookup(term, names, known)
        why = _NOT_OFFERED.get(
            name,
            "offered are has, size, lookup, exists, all, exists_one, "
            "startsWith, endsWith and contains",
        )
        raise CelFault(term.at, f"{name}(…) is not offered: {why}.")

    def _size(self, term: t.Call, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        args = term.args if term.target is None else (term.target, *term.args)
        if len(args) != 1:
            raise CelFault(term.at, "size takes one list, map or text.")
        found = self._of(args[0], names, known)
        if found.kind not in ("list", "map", "text"):
            raise CelFault(
                args[0].at, f"size needs a list, a map or a text; this is {_WORDS[found.kind]}."
            )
        return count(found.size)

    def _has(self, term: t.Call, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        if len(term.args) != 1 or not isinstance(term.args[0], t.Field):
            raise CelFault(term.at, "has takes one field, such as has(order.ship_to).")
        found = self._any(term.args[0], names, known)
        if not found.maybe:
            empty = {"text": '""', "int": "0", "list": "its size with 0"}.get(found.kind, "false")
            raise CelFault(
                term.at,
                f"{path_of(term.args[0])} is always there: compare it with {empty} instead.",
            )
        return BOOL

    def _lookup(self, term: t.Call, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        form = 'lookup takes a table, what is looked up, and what it gives else: lookup("t", x, "")'
        if len(term.args) != 3:
            raise CelFault(term.at, f"{form}.")
        table = term.args[0]
        if not isinstance(table, t.Literal) or not isinstance(table.value, str):
            raise CelFault(table.at, f"The table's name is written out: {form}.")
        if table.value not in self._columns:
            raise CelFault(
                table.at,
                f"There is no table or column {table.value!r}."
                f"{_near(table.value, dict.fromkeys(self._columns))}",
            )
        for one in term.args[1:]:
            found = self._of(one, names, known)
            if found.kind != "text":
                raise CelFault(one.at, f"Tables hold texts; this is {_WORDS[found.kind]}.")
        return TEXT

    def _quantified(self, term: t.Call, names: Mapping[str, Type], known: frozenset[str]) -> Type:
        assert term.target is not None, "the call looked"
        over = self._of(term.target, names, known)
        if over.kind != "list":
            raise CelFault(term.at, f"{term.name} needs a list; this is {_WORDS[over.kind]}.")
        if len(term.args) != 2 or not isinstance(term.args[0], t.Name):
            raise CelFault(
                term.at,
                f"{term.name} takes a name and a condition: {term.name}(l, l.quantity > 1).",
            )
        name = term.args[0].name
        if name in names:
            raise CelFault(term.args[0].at, f"{name} means something else already: choose another.")
        assert over.of is not None, "a list holds something"
        self._bool(term.args[1], {**names, name: over.of}, known)
        return BOOL


def _constant(term: t.Literal) -> Type:
    value = term.value
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return count(value, value)
    if isinstance(value, float):
        return Type("float")
    return Type("text", size=len(value))


def _within(at: int, low: int, high: int) -> Type:
    if low < -INT64 or high >= INT64:
        raise CelFault(
            at,
            "The result may be larger than a whole number of CEL (64 bits): compare the parts "
            "one by one.",
        )
    return count(high, low)


def _sum(term: t.Binary, left: Type, right: Type) -> Type:
    for side, one in ((term.left, left), (term.right, right)):
        if one.kind == "float":
            raise CelFault(side.at, _no_float(""))
        if one.kind != "int":
            raise CelFault(side.at, f"{term.op} is for whole numbers; this is {_WORDS[one.kind]}.")
    if term.op == "+":
        return _within(term.at, left.low + right.low, left.high + right.high)
    if term.op == "-":
        return _within(term.at, left.low - right.high, left.high - right.low)
    corners = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
    return _within(term.at, min(corners), max(corners))


def _comparison(term: t.Binary, left: Type, right: Type) -> Type:
    kinds = {left.kind, right.kind}
    if "float" in kinds and kinds <= {"int", "float"}:
        side = term.left if left.kind == "int" else term.right
        raise CelFault(term.at, _no_float(path_of(side)))
    if len(kinds) > 1:
        raise CelFault(
            term.at,
            f"{_WORDS[left.kind].capitalize()} is compared with {_WORDS[right.kind]}: they are "
            "never the same.",
        )
    allowed = ("int", "text") if term.op in _ORDERED else ("int", "text", "bool")
    if left.kind not in allowed:
        raise CelFault(
            term.at, f"{_WORDS[left.kind].capitalize()} can't be compared with {term.op}."
        )
    if term.op in ("==", "!="):
        _possible(term.left, left, term.right)
        _possible(term.right, right, term.left)
    return BOOL


def _possible(side: Term, found: Type, other: Term) -> None:
    """Raise CelFault for a text that a fact can't have."""
    if not isinstance(other, t.Literal) or not found.values or other.value in found.values:
        return
    raise CelFault(
        other.at,
        f"{path_of(side)} is never {other.value!r}: it is one of "
        f"{', '.join(x or 'an empty text' for x in found.values)}.",
    )


def _membership(term: t.Binary, left: Type, right: Type) -> Type:
    if right.kind not in ("list", "map") or (right.of is not None and right.of.kind == "struct"):
        raise CelFault(term.at, "`in` needs a list of constants or a map on its right side.")
    kind = "text" if right.kind == "map" or right.of is None else right.of.kind
    if left.kind == "float" or (left.kind != kind and {left.kind, kind} == {"int", "float"}):
        raise CelFault(term.at, _no_float(""))
    if left.kind != kind:
        raise CelFault(
            term.at,
            f"{_WORDS[left.kind].capitalize()} is never in a list of {_WORDS[kind]}.",
        )
    if isinstance(term.right, t.ListOf):
        for one in term.right.items:
            _possible(term.left, left, one)
    return BOOL


def _no_float(path: str) -> str:
    named = f"{path} is a whole number" if path else "Amounts are whole numbers"
    return f"{named} of minor units (cents): write 10000, not 100.0."


def _near(name: str, known: Mapping[str, object]) -> str:
    found = get_close_matches(name, known, 1, 0.6)
    if found:
        return f" Do you mean {found[0]}?"
    named = sorted(known)
    more = f" and {len(named) - 12} more" if len(named) > 12 else ""
    return f" There are {', '.join(named[:12])}{more}." if named else ""

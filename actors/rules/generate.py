"""source(term) -> the condition as a Python expression. Only checked trees come here: names are
those of structs' fields, and every constant is written by `repr`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from actors.rules import terms as t
from actors.rules.terms import Term, path_of

_OPS = {"&&": " and ", "||": " or "}
_TESTS = {"startsWith": "startswith", "endsWith": "endswith"}
_QUANTIFIERS = {"exists": "any", "all": "all"}


def source(term: Term, short: Mapping[str, str]) -> str:
    """Return the Python for a term. `short` are local names for paths that are asked often."""
    path = path_of(term)
    if path in short:
        return short[path]
    match term:
        case t.Literal(value=value):
            return repr(value) if not isinstance(value, int) or value >= 0 else f"({value!r})"
        case t.Name(name=name):
            return _local(name)
        case t.Field(of=of, name=name):
            return f"{source(of, short)}.{name}"
        case t.Index(of=of, key=key):
            return f"{source(of, short)}[{source(key, short)}]"
        case t.Unary(op=op, arg=arg):
            return f"({'not ' if op == '!' else '-'}{source(arg, short)})"
        case t.Choice(test=test, then=then, otherwise=otherwise):
            one, two, three = (source(x, short) for x in (then, test, otherwise))
            return f"({one} if {two} else {three})"
        case t.ListOf(items=items):
            return "{" + ", ".join(source(one, short) for one in items) + "}"
        case t.Binary():
            return _binary(term, short)
        case t.Call():
            return _call(term, short)


def _local(name: str) -> str:
    return name if name in ("order", "channel", "away") else f"v_{name}"


def _binary(term: t.Binary, short: Mapping[str, str]) -> str:
    # A long chain is written flat: Python's reader takes only 200 brackets within one another.
    parts = [source(one, short) for one in _chain(term)]
    return f"({_OPS.get(term.op, f' {term.op} ').join(parts)})"


def _chain(term: t.Binary) -> list[Term]:
    if term.op not in ("&&", "||", "+"):
        return [term.left, term.right]
    found: list[Term] = [term.right]
    left = term.left
    while isinstance(left, t.Binary) and left.op == term.op:
        found.append(left.right)
        left = left.left
    return [left, *reversed(found)]


def _call(term: t.Call, short: Mapping[str, str]) -> str:
    args = term.args
    if term.name == "has":
        return f"({source(args[0], short)} is not None)"
    if term.name == "lookup":
        table, key, otherwise = (source(one, short) for one in args)
        return f"TABLES[{table}].get({key}, {otherwise})"
    if term.name == "size":
        return f"len({source(term.target or args[0], short)})"
    assert term.target is not None, "the checker looked"
    target = source(term.target, short)
    if term.name == "contains":
        return f"({source(args[0], short)} in {target})"
    if term.name in _TESTS:
        return f"{target}.{_TESTS[term.name]}({source(args[0], short)})"
    one, test = source(args[0], short), source(args[1], short)
    if term.name == "exists_one":
        return f"(sum(1 for {one} in {target} if {test}) == 1)"
    return f"{_QUANTIFIERS[term.name]}({test} for {one} in {target})"


def paths(term: Term, bound: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield every fact that a term reads, as often as it does; an element of a list counts as the
    list."""
    path = path_of(term)
    if path:
        if path.partition(".")[0].partition("[")[0] not in bound:
            yield path
        return
    match term:
        case t.Field(of=of) | t.Index(of=of):
            yield from paths(of, bound)
        case t.Unary(arg=arg):
            yield from paths(arg, bound)
        case t.Binary(left=left, right=right):
            yield from paths(left, bound)
            yield from paths(right, bound)
        case t.Choice(test=test, then=then, otherwise=otherwise):
            for one in (test, then, otherwise):
                yield from paths(one, bound)
        case t.Call(args=args, target=target):
            if target is not None:
                yield from paths(target, bound)
            named = args[0] if target is not None and len(args) == 2 else None
            if isinstance(named, t.Name):
                yield from paths(args[1], bound | {named.name})
                return
            for one in args:
                yield from paths(one, bound)

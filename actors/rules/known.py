"""What follows from a condition's shape alone: which facts it proves to be there, and whether an
answer is a fact itself."""

from __future__ import annotations

from actors.rules import terms as t
from actors.rules.terms import CelFault, Term, path_of


def impersonal(term: Term) -> None:
    """Raise CelFault for an answer that is a fact itself: it would stand in events, which are kept
    longer than personal data is."""
    match term:
        case t.Literal():
            return
        case t.Choice(then=then, otherwise=otherwise):
            impersonal(then)
            impersonal(otherwise)
        case t.Call(name="lookup", args=args):
            impersonal(args[2])
        case _:
            raise CelFault(
                term.at, "Only a text that is written out, or a lookup, can be taken, not a fact."
            )


def proven(term: Term, truth: bool) -> frozenset[str]:
    """Return the paths that are there for certain when a condition is true (or false)."""
    match term:
        case t.Call(name="has", args=(arg,), target=None) if truth:
            return frozenset({path_of(arg)})
        case t.Binary(op="in", left=t.Literal() as key, right=right) if truth and path_of(right):
            return frozenset({f"{path_of(right)}[{key.value!r}]"})
        case t.Unary(op="!", arg=arg):
            return proven(arg, not truth)
        case t.Binary(op="&&" | "||" as op):
            one, two = proven(term.left, truth), proven(term.right, truth)
            return one | two if (op == "&&") is truth else one & two
    return frozenset()

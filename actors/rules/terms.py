"""The parts of a condition as a tree. `at` is where each stands in the text, from 0."""

from __future__ import annotations

from msgspec import Struct


class Literal(Struct, frozen=True):
    """A constant."""

    at: int
    value: bool | int | float | str


class Name(Struct, frozen=True):
    """A fact, or the element of a list within `exists`, `all` and `exists_one`."""

    at: int
    name: str


class Field(Struct, frozen=True):
    """A field of what stands before the point."""

    at: int
    of: Term
    name: str


class Index(Struct, frozen=True):
    """The value that a map has for a constant key."""

    at: int
    of: Term
    key: Term


class Call(Struct, frozen=True):
    """A function; with `target` one that stands after a point."""

    at: int
    name: str
    args: tuple[Term, ...]
    target: Term | None = None


class Unary(Struct, frozen=True):
    """`!` or `-`."""

    at: int
    op: str
    arg: Term


class Binary(Struct, frozen=True):
    """Two terms and what stands between them."""

    at: int
    op: str
    left: Term
    right: Term


class Choice(Struct, frozen=True):
    """`test ? then : otherwise`."""

    at: int
    test: Term
    then: Term
    otherwise: Term


class ListOf(Struct, frozen=True):
    """A list that is written out."""

    at: int
    items: tuple[Term, ...]


Term = Literal | Name | Field | Index | Call | Unary | Binary | Choice | ListOf


class CelFault(Exception):
    """A condition that can't be used: where in its text, and what to do about it."""

    def __init__(self, at: int, sentence: str) -> None:
        super().__init__(sentence)
        self.at = at
        self.sentence = sentence


def path_of(term: Term) -> str:
    """Return a chain of fields as it is written, "" for anything else."""
    if isinstance(term, Name):
        return term.name
    if isinstance(term, Field):
        before = path_of(term.of)
        return f"{before}.{term.name}" if before else ""
    if isinstance(term, Index) and isinstance(term.key, Literal):
        before = path_of(term.of)
        return f"{before}[{term.key.value!r}]" if before else ""
    return ""

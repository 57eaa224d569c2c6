"""parse(text) -> the tree of a condition: the grammar of CEL without what rules don't offer.

The grammar is https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax; precedence and
associativity are as there. Messages, maps, bytes, optional and unsigned values are left out.
"""

from __future__ import annotations

import re
from typing import TypeGuard

from actors.rules.terms import (
    Binary,
    Call,
    CelFault,
    Choice,
    Field,
    Index,
    ListOf,
    Literal,
    Name,
    Term,
    Unary,
)

MAX_DEPTH = 40
"""Brackets and signs within one another."""
MAX_TERMS = 500
"""Tokens of one condition."""
MAX_INT = 2**63 - 1
"""CEL's whole numbers have 64 bits."""

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<float>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)"
    r"|(?P<int>[0-9]+)(?![0-9A-Za-z_])"
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])"
)
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")
_RESERVED = frozenset(
    "as break const continue else for function if import let loop package namespace return var "
    "void while".split()
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)

Token = tuple[str, str, int]


def parse(text: str) -> Term:
    """Return the tree of a condition. Raises CelFault."""
    reader = _Reader(_tokens(text), len(text))
    found = reader.expression()
    kind, word, at = reader.peek()
    if kind != "end":
        raise CelFault(at, f"{word!r} is not expected here; join conditions with && or ||.")
    return found


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            sign = text[at]
            hint = " A text ends with the quote that it began with." if sign in "\"'" else ""
            raise CelFault(at, f"{sign!r} can't stand here.{hint}")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append((kind, match.group(), at))
        at = match.end()
        if len(found) > MAX_TERMS:
            raise CelFault(at, f"The condition has more than {MAX_TERMS} words: use a table.")
    return found


class _Reader:
    """Goes through the tokens once, from left to right."""

    def __init__(self, tokens: list[Token], end: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._end: Token = ("end", "the end", end)
        self._depth = 0

    def peek(self) -> Token:
        """Return the next token."""
        return self._tokens[self._next] if self._next < len(self._tokens) else self._end

    def _take(self) -> Token:
        token = self.peek()
        self._next += 1
        return token

    def _is(self, sign: str) -> bool:
        kind, word, _ = self.peek()
        return word == sign and kind in ("sign", "name")

    def _expect(self, sign: str, after: str) -> None:
        _, word, at = self._take()
        if word != sign:
            raise CelFault(at, f"{sign!r} is missing {after}; {word!r} stands there.")

    def expression(self) -> Term:
        """Return a whole expression, with its choice."""
        self._depth += 1
        at = self.peek()[2]
        if self._depth > MAX_DEPTH:
            raise CelFault(at, f"More than {MAX_DEPTH} brackets are open: split the rule.")
        found = self._level(0)
        if self._is("?"):
            self._take()
            then = self._level(0)
            self._expect(":", "after the first answer of `?`")
            found = Choice(at, found, then, self.expression())
        self._depth -= 1
        return found

    def _level(self, level: int) -> Term:
        if level == len(_LEVELS):
            return self._unary()
        found = self._level(level + 1)
        while self.peek()[0] in ("sign", "name") and self.peek()[1] in _LEVELS[level]:
            _, op, at = self._take()
            found = Binary(at, op, found, self._level(level + 1))
        return found

    def _unary(self) -> Term:
        _, op, at = self.peek()
        if not (self._is("!") or self._is("-")):
            return self._member()
        self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise CelFault(at, f"More than {MAX_DEPTH} signs stand in a row.")
        arg = self._unary()
        self._depth -= 1
        if op == "-" and isinstance(arg, Literal) and _is_number(arg.value):
            return Literal(at, -arg.value)
        return Unary(at, op, arg)

    def _member(self) -> Term:
        found = self._primary()
        while True:
            if self._is("."):
                self._take()
                kind, name, at = self._take()
                if kind != "name":
                    raise CelFault(at, f"A field's name is missing after the point, not {name!r}.")
                found = (
                    Call(at, name, self._arguments(), found)
                    if self._is("(")
                    else Field(at, found, name)
                )
            elif self._is("["):
                _, _, at = self._take()
                found = Index(at, found, self.expression())
                self._expect("]", "after the key")
            else:
                return found

    def _arguments(self, close: str = ")") -> tuple[Term, ...]:
        self._take()
        found: list[Term] = []
        while not self._is(close):
            found.append(self.expression())
            if not self._is(close):
                self._expect(",", f"or {close!r} in the list")
        self._take()
        return tuple(found)

    def _primary(self) -> Term:
        kind, word, at = self.peek()
        if kind == "sign" and word == "[":
            return ListOf(at, self._arguments("]"))
        self._take()
        if kind == "int":
            if int(word) > MAX_INT:
                raise CelFault(at, f"{word} is larger than any whole number of CEL.")
            return Literal(at, int(word))
        if kind == "float":
            return Literal(at, float(word))
        if kind == "text":
            return Literal(at, _unquoted(word, at))
        if kind == "name" and word in ("true", "false"):
            return Literal(at, word == "true")
        if kind == "name" and word not in _RESERVED and word not in ("in", "null"):
            return Call(at, word, self._arguments()) if self._is("(") else Name(at, word)
        if kind == "sign" and word == "(":
            found = self.expression()
            self._expect(")", "after the bracket that was opened")
            return found
        if word == "null":
            raise CelFault(at, "Ask with has(…) whether something is there, not with null.")
        raise CelFault(at, f"A value is missing here; {word!r} stands there.")


def _is_number(value: bool | int | float | str) -> TypeGuard[int | float]:
    return type(value) in (int, float)


def _unquoted(word: str, at: int) -> str:
    def plain(match: re.Match[str]) -> str:
        sign = match[1]
        if sign[0] == "u" and len(sign) == 5 and not 0xD800 <= int(sign[1:], 16) < 0xE000:
            return chr(int(sign[1:], 16))
        if sign not in _ESCAPES:
            raise CelFault(
                at + match.start(), f"\\{sign} is not offered in a text: write the sign itself."
            )
        return _ESCAPES[sign]

    return _ESCAPE.sub(plain, word[1:-1])

"""As much GraphQL as a simulated shop needs: read a query, and answer the fields it asks for.

Fields that a type here doesn't have are refused as Shopify refuses them. What is known of a type is
what its objects hold: every object bears all its fields, and its `__typename`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

# Any: answers are free-form JSON, and an argument is whatever the query says.
Json = dict[str, Any]
Resolver = Callable[[Json], Any]

MAX_DEPTH = 24
# A caller has a handful of documents and sends each of them many times.
MAX_DOCUMENTS = 256
_TOKEN = re.compile(
    r"""[\s,]+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<sign>\.\.\.|[{}()\[\]:!$=@|])"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
)
_VARIABLE_SIZE = re.compile(r"\bfirst\s*:\s*\$")


class Mistake(ValueError):
    """The query can't be answered; the text and the code are Shopify's."""

    def __init__(self, message: str, code: str, **more: str) -> None:
        super().__init__(message)
        self.extensions: Json = {"code": code, **more}


@dataclass(slots=True)
class Field:
    """One selected field; of a fragment only `on` and `inner` mean something."""

    name: str = ""
    key: str = ""
    given: Json = field(default_factory=dict)
    inner: list[Field] = field(default_factory=list)
    on: str = ""
    spread: str = ""
    directives: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class _Variable:
    name: str


class _Reader:
    """Reads one document."""

    def __init__(self, document: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while at < len(document):
            found = _TOKEN.match(document, at)
            if found is None:
                raise Mistake(f"syntax error, unexpected {document[at]!r}", "GRAPHQL_PARSE_FAILED")
            if found.lastgroup:
                self._tokens.append(found.group())
            at = found.end()
        self._at = 0
        self.fragments: dict[str, list[Field]] = {}
        self.operation: list[Field] = []
        self.defaults: Json = {}
        # What it costs, once that is known; a page's size in a variable makes it differ.
        self.cost: int | None = None
        self.has_variable_size = _VARIABLE_SIZE.search(document) is not None

    def read(self) -> None:
        """Read operation and fragments."""
        while self._at < len(self._tokens):
            if self._peek() == "fragment":
                self._take()
                name = self._take()
                self._take("on")
                self._take()
                self.fragments[name] = self._selection(0)
                continue
            while self._peek() not in ("{", ""):
                if self._take() == "(":
                    self._variables()
            self.operation = self._selection(0)

    def _variables(self) -> None:
        """Read `$name: Type = default` up to the closing bracket."""
        name = ""
        while (token := self._take()) != ")":
            if token == "$":
                name = self._take()
            elif token == "=":
                self.defaults[name] = self._value()

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            told = token or "end of file"
            raise Mistake(f"syntax error, unexpected {told}", "GRAPHQL_PARSE_FAILED")
        self._at += 1
        return token

    def _selection(self, depth: int) -> list[Field]:
        if depth > MAX_DEPTH:
            raise Mistake("The query is nested too deeply.", "MAX_DEPTH")
        self._take("{")
        found = []
        while self._peek() != "}":
            found.append(self._field(depth))
        self._take("}")
        return found

    def _field(self, depth: int) -> Field:
        if self._peek() == "...":
            self._take()
            if self._peek() != "on":
                return Field(spread=self._take(), directives=self._directives())
            self._take("on")
            kind, directives = self._take(), self._directives()
            return Field(on=kind, inner=self._selection(depth + 1), directives=directives)
        key = name = self._take()
        if self._peek() == ":":
            self._take()
            name = self._take()
        one = Field(name, key)
        one.given = self._arguments()
        one.directives = self._directives()
        if self._peek() == "{":
            one.inner = self._selection(depth + 1)
        return one

    def _arguments(self) -> Json:
        given: Json = {}
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                argument = self._take()
                self._take(":")
                given[argument] = self._value()
            self._take(")")
        return given

    def _directives(self) -> dict[str, Json]:
        found: dict[str, Json] = {}
        while self._peek() == "@":
            self._take()
            name = self._take()
            found[name] = self._arguments()
        return found

    def _value(self) -> Any:  # Any: see Json
        token = self._take()
        if token == "$":
            return _Variable(self._take())
        if token == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value())
            self._take("]")
            return items
        if token == "{":
            pairs: Json = {}
            while self._peek() != "}":
                name = self._take()
                self._take(":")
                pairs[name] = self._value()
            self._take("}")
            return pairs
        if token.startswith('"'):
            return token[1:-1]
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        return {"true": True, "false": False, "null": None}.get(token, token)


@lru_cache(maxsize=MAX_DOCUMENTS)
def _read(document: str) -> _Reader:
    reader = _Reader(document)
    reader.read()
    return reader


class Query:
    """An operation with its variables. Raises Mistake."""

    def __init__(self, document: str, variables: Mapping[str, Any]) -> None:
        reader = self._reader = _read(document)
        self._fragments = reader.fragments
        self._variables = {**reader.defaults, **variables}
        self.fields = reader.operation

    def answer(self, root: Json) -> Json:
        """The `data`. Raises Mistake for a field that is not there."""
        found = self._select(root, self.fields)
        assert isinstance(found, dict)
        return found

    def cost(self) -> int:
        """What Shopify asks beforehand: one point an object, and of a list as many objects as
        `first` allows, and two for the list."""
        reader = self._reader
        if reader.cost is None or reader.has_variable_size:
            reader.cost = self._cost(self.fields)
        return reader.cost

    def _cost(self, fields: Sequence[Field]) -> int:
        points = 0
        for one in fields:
            inner = self._fragments.get(one.spread, one.inner)
            first = self.value(one.given.get("first"))
            if one.spread or one.on:
                points += self._cost(inner)
            elif isinstance(first, int) and any(x.name == "nodes" for x in inner):
                nodes = [x for x in inner if x.name == "nodes"]
                points += 2 + first * self._cost(nodes)
            elif inner:
                points += 1 + self._cost(inner)
        return points

    def value(self, given: Any) -> Any:  # Any: see Json
        """An argument with its variables put in."""
        if isinstance(given, _Variable):
            return self._variables.get(given.name)
        if isinstance(given, list):
            return [self.value(one) for one in given]
        if isinstance(given, dict):
            return {name: self.value(one) for name, one in given.items()}
        return given

    def _is_left_out(self, one: Field) -> bool:
        skip, include = one.directives.get("skip"), one.directives.get("include")
        return (skip is not None and self.value(skip.get("if")) is True) or (
            include is not None and self.value(include.get("if")) is False
        )

    def _select(self, value: Any, fields: Sequence[Field]) -> Any:  # Any: see Json
        if value is None:
            return None
        if isinstance(value, list):
            return [self._select(one, fields) for one in value]
        if not isinstance(value, dict):
            raise Mistake("Selections can't be made on scalars", "selectionMismatch")
        answer: Json = {}
        for one in fields:
            if one.directives and self._is_left_out(one):
                continue
            if one.spread:
                answer |= self._select(value, self._fragments[one.spread])
            elif one.on:
                if value["__typename"] == one.on:
                    answer |= self._select(value, one.inner)
            else:
                answer[one.key] = self._resolve(value, one)
        return answer

    def _resolve(self, value: Json, one: Field) -> Any:  # Any: see Json
        if one.name not in value:
            kind = value["__typename"]
            raise Mistake(
                f"Field '{one.name}' doesn't exist on type '{kind}'",
                "undefinedField",
                typeName=kind,
                fieldName=one.name,
            )
        found = value[one.name]
        if callable(found):
            found = found({name: self.value(given) for name, given in one.given.items()})
        if one.inner:
            return self._select(found, one.inner)
        inside = found[0] if isinstance(found, list) and found else found
        if isinstance(inside, dict):
            raise Mistake(f"Field '{one.name}' must have selections", "selectionMismatch")
        return found


def objects_in(answer: Any) -> int:  # Any: see Json
    """How many objects an answer has: what it cost in the end."""
    if isinstance(answer, dict):
        return 1 + sum(objects_in(one) for one in answer.values())
    return sum(objects_in(one) for one in answer) if isinstance(answer, list) else 0

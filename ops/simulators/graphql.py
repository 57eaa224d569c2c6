"""As much GraphQL as a simulated shop needs: read a query, and answer the fields it asks for.

Fields that a type here doesn't have are refused as Shopify refuses them. What is known of a type is
what its objects hold: every object bears all its fields, and its `__typename`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Any: answers are free-form JSON, and an argument is whatever the query says.
Json = dict[str, Any]
Resolver = Callable[[Json], Any]

MAX_DEPTH = 24
_TOKEN = re.compile(
    r"""[\s,]+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<sign>\.\.\.|[{}()\[\]:!$=@|])"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"""
)


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
                    self._skip_to(")")
            self.operation = self._selection(0)

    def _skip_to(self, end: str) -> None:
        depth = 1
        while depth:
            token = self._take()
            depth += (token == "(") - (token == end)

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
                return Field(spread=self._take())
            self._take("on")
            kind = self._take()
            return Field(on=kind, inner=self._selection(depth + 1))
        key = name = self._take()
        if self._peek() == ":":
            self._take()
            name = self._take()
        one = Field(name, key)
        if self._peek() == "(":
            self._take()
            while self._peek() != ")":
                argument = self._take()
                self._take(":")
                one.given[argument] = self._value()
            self._take(")")
        if self._peek() == "{":
            one.inner = self._selection(depth + 1)
        return one

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
        if token.startswith('"'):
            return token[1:-1]
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        return {"true": True, "false": False, "null": None}.get(token, token)


class Query:
    """A query with its variables. Raises Mistake."""

    def __init__(self, document: str, variables: Mapping[str, Any]) -> None:
        reader = _Reader(document)
        reader.read()
        self._fragments = reader.fragments
        self._variables = variables
        self.fields = reader.operation

    def answer(self, root: Json) -> Json:
        """The `data`. Raises Mistake for a field that is not there."""
        found = self._select(root, self.fields)
        assert isinstance(found, dict)
        return found

    def cost(self) -> int:
        """What Shopify asks beforehand: one point an object, and of a list as many objects as
        `first` allows, and two for the list."""
        return self._cost(self.fields)

    def _cost(self, fields: Sequence[Field]) -> int:
        points = 0
        for one in fields:
            inner = self._fragments.get(one.spread, one.inner)
            first = self._value(one.given.get("first"))
            if one.spread or one.on:
                points += self._cost(inner)
            elif isinstance(first, int) and any(x.name == "nodes" for x in inner):
                nodes = [x for x in inner if x.name == "nodes"]
                points += 2 + first * self._cost(nodes)
            elif inner:
                points += 1 + self._cost(inner)
        return points

    def _value(self, given: Any) -> Any:  # Any: see Json
        if isinstance(given, _Variable):
            return self._variables.get(given.name)
        if isinstance(given, list):
            return [self._value(one) for one in given]
        return given

    def _select(self, value: Any, fields: Sequence[Field]) -> Any:  # Any: see Json
        if value is None:
            return None
        if isinstance(value, list):
            return [self._select(one, fields) for one in value]
        if not isinstance(value, dict):
            raise Mistake("Selections can't be made on scalars", "selectionMismatch")
        answer: Json = {}
        for one in fields:
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
            found = found({name: self._value(given) for name, given in one.given.items()})
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

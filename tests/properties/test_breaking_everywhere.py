"""Each narrowing change, at each place of our contracts, is told: none hides behind a reference."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from schemas.contracts import published
from schemas.contracts.breaking import breaking_changes

# Any: JSON Schemas, to be changed in every way.
Json = dict[str, Any]
Change = Callable[[Json], object]

TAKEN = ("order.v1", "order.cancel.v1", "warehouse.callback.v2", "mappings.v1")
SENT = ("order.placed.v2", "order.fulfilled.v2")
UPPER = ("maxLength", "maximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "minItems")
NEW: dict[str, dict[str, object]] = {
    "string": {"maxLength": 3, "minLength": 1, "pattern": "^x", "enum": ["x"], "format": "email"},
    "integer": {"maximum": 3, "multipleOf": 2},
    "array": {"maxItems": 1, "uniqueItems": True},
}


def places(schema: object, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to every schema inside a schema."""
    if isinstance(schema, list):
        for number, one in enumerate(schema):
            yield from places(one, (*way, number))
    elif isinstance(schema, dict):
        yield way
        for key, inner in schema.items():
            if key in {"properties", "$defs"}:
                for name, one in inner.items():
                    yield from places(one, (*way, key, name))
            elif key in {"items", "prefixItems", "anyOf", "additionalProperties", "propertyNames"}:
                yield from places(inner, (*way, key))


def found_at(schema: Json, way: Sequence[str | int]) -> Json:
    found: Any = schema
    for step in way:
        found = found[step]
    assert isinstance(found, dict)
    return found


def put(key: str, value: object) -> Change:
    return lambda node: node.__setitem__(key, value)


def without(values: Sequence[object], number: int) -> list[object]:
    return [one for at, one in enumerate(values) if at != number]


def renamed(name: str) -> Change:
    """A field gets another name, and is required under it if it was before."""

    def change(node: Json) -> None:
        node["properties"][f"{name}_x"] = node["properties"].pop(name)
        required = node.get("required", [])
        node["required"] = [f"{one}_x" if one == name else one for one in required]

    return change


def narrower(node: Json) -> Iterator[tuple[str, Change]]:
    """Yield every way in which a schema could refuse more, or mean something else."""
    for key in UPPER:
        if key in node:
            yield f"lower {key}", put(key, node[key] - 1)
    for key in LOWER:
        if key in node:
            yield f"higher {key}", put(key, node[key] + 1)
    if "enum" in node:
        for value in node["enum"]:
            yield "without a value", put("enum", [one for one in node["enum"] if one != value])
    if "const" in node:
        yield "another const", put("const", "another")
    for key, value in NEW.get(str(node.get("type")), {}).items():
        if key not in node and "const" not in node and not (key == "enum" and "enum" in node):
            yield f"new {key}", put(key, value)
    if "type" in node:
        yield "another type", put("type", "string" if node["type"] == "boolean" else "boolean")
    yield from narrower_leading(node)
    yield from narrower_object(node)


def narrower_leading(node: Json) -> Iterator[tuple[str, Change]]:
    """Yield those of schemas that lead on to others."""
    if "$ref" in node:
        yield "beside $ref", put("maxProperties", 1)
    for number in range(len(node.get("anyOf", ()))):
        yield "without an alternative", put("anyOf", without(node["anyOf"], number))
    if "anyOf" in node:
        yield "beside anyOf", put("maxLength", 1)


def narrower_object(node: Json) -> Iterator[tuple[str, Change]]:
    """Yield those of objects and their fields."""
    if "default" in node:
        yield "another default", put("default", "another")
        yield "no default", lambda one: one.pop("default")
    if "properties" not in node:
        return
    required = node.get("required", [])
    for name in node["properties"]:
        yield "renamed", renamed(name)
        if name not in required:
            yield "required", put("required", [*required, name])
    if node.get("additionalProperties") is not False:
        yield "closed", put("additionalProperties", False)
    yield "new required", put("required", [*required, "brand_new"])


def surprising(node: Json) -> Iterator[tuple[str, Change]]:
    """Yield every way in which what we send could surprise its readers."""
    for key in UPPER:
        if key in node:
            yield f"higher {key}", put(key, node[key] + 1)
    if "enum" in node:
        yield "another value", put("enum", [*node["enum"], "another"])
    for name in node.get("required", ()):
        yield "optional", put("required", [one for one in node["required"] if one != name])


@pytest.mark.parametrize("name", [*TAKEN, *SENT])
def test_every_narrowing_at_every_place_is_told(name: str) -> None:
    """An enum's value removed, a bound tightened or added, a field renamed, removed or required,
    another type, const or default: each is refused wherever it is done."""
    schema = msgspec.json.decode(published.text_of(published.all_schemas()[name]))
    ours = name in SENT
    tried: Counter[str] = Counter()
    for way in places(schema):
        node = found_at(schema, way)
        for what, change in (*narrower(node), *(surprising(node) if ours else ())):
            new = copy.deepcopy(schema)
            change(found_at(new, way))
            assert breaking_changes(schema, new, sent_by_us=ours), (what, way)
            tried[what] += 1
    assert len(tried) >= 8
    assert tried.total() >= 25

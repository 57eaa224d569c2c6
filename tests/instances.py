"""Messages made from a published schema alone: with only what it requires, or with all it knows."""

from __future__ import annotations

from typing import Any

from schemas.contracts.published import Schema
from schemas.contracts.validation import PATTERNS

EXAMPLES = {
    "two capital letters, such as US": "US",
    "three capital letters, such as USD": "USD",
    "one line of text without control characters": "one line",
    "an RFC 3339 time, such as 2026-11-27T09:30:00Z": "2026-11-27T09:30:00Z",
    "a day, such as 2026-11-27, or an RFC 3339 time": "2026-11-27",
    "a marketplace's name, a colon and its id of the order, such as amazon:902-3159896-1390916": (
        "amazon:902-3159896-1390916"
    ),
    "a parcel's key, such as K1": "K1",
    "a return's key, such as T1": "T1",
}


def least(schema: Schema) -> Any:  # Any: JSON
    """Return what an old sender may send: no field that can be left out."""
    return _made(schema, schema, whole=False)


def whole(schema: Schema) -> Any:  # Any: JSON
    """Return a message in which every field is stated."""
    return _made(schema, schema, whole=True)


def _made(schema: Schema, root: Schema, *, whole: bool) -> Any:
    if "$ref" in schema:
        target = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return _made(target, root, whole=whole)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][-1]
    if "anyOf" in schema:
        other = [one for one in schema["anyOf"] if one.get("type") != "null"]
        return _made(other[0], root, whole=whole) if whole and other else None
    kind = schema.get("type")
    if kind == "object":
        return _an_object(schema, root, whole=whole)
    if kind == "array":
        return _a_list(schema, root, whole=whole)
    if kind == "string":
        pattern = schema.get("pattern")
        return EXAMPLES[PATTERNS[pattern]] if pattern else "x" * max(1, schema.get("minLength", 1))
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    assert kind in {"integer", "number"}, schema
    return max(1, schema.get("minimum", 0))


def _an_object(schema: Schema, root: Schema, *, whole: bool) -> dict[str, Any]:
    fields = schema.get("properties", {})
    names = fields if whole else schema.get("required", ())
    found = {name: _made(fields[name], root, whole=whole) for name in names}
    others = schema.get("additionalProperties")
    if whole and isinstance(others, dict):
        key = _made({"type": "string", **schema.get("propertyNames", {})}, root, whole=whole)
        found[key] = _made(others, root, whole=whole)
    return found


def _a_list(schema: Schema, root: Schema, *, whole: bool) -> list[Any]:
    places = [_made(one, root, whole=whole) for one in schema.get("prefixItems", ())]
    items = schema.get("items")
    if isinstance(items, dict):
        least_items = max(schema.get("minItems", 0), 1 if whole else 0)
        places += [_made(items, root, whole=whole) for _ in range(least_items - len(places))]
    return places

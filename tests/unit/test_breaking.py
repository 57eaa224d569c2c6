"""A published schema never starts to refuse what it accepted, nor to send what no one expects."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from schemas.contracts import breaking, published
from schemas.contracts.breaking import all_breaking_changes, breaking_changes

# Any: JSON Schemas, to be changed in every way.
Json = dict[str, Any]

OLD: Json = {
    "type": "object",
    "properties": {
        "type": {"const": "thing.v1"},
        "name": {"type": "string", "maxLength": 9, "pattern": "^a"},
        "size": {"type": "integer", "minimum": 0, "maximum": 9},
        "state": {"enum": ["new", "old"]},
        "place": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Place"}]},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Place"}, "minItems": 1},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}], "items": False},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        "whatever": {},
    },
    "required": ["type", "name"],
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def changed(path: str, value: object, *, closed: bool = False) -> tuple[Json, Json]:
    """Return the old schema and one with a single place changed; "-" removes it."""
    old = copy.deepcopy(OLD)
    if closed:
        old["additionalProperties"] = False
    new = copy.deepcopy(old)
    place = new
    *way, last = path.split("/")
    for step in way:
        place = place[step]
    if value == "-":
        del place[last]
    else:
        place[last] = value
    return old, new


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("required", ["type", "name", "size"], "The message requires size"),
        ("properties/name/maxLength", 8, "The field name has a maxLength of 8; it was 9."),
        ("properties/name/pattern", "^b", "another pattern"),
        ("properties/name/type", "integer", "was string and must be integer"),
        ("properties/size/minimum", 1, "a minimum of 1; it was 0"),
        ("properties/size/exclusiveMaximum", 9, "it was unbounded"),
        ("properties/state/enum", ["new"], 'may no longer be "old"'),
        ("properties/state", {"const": "new"}, 'may no longer be "old"'),
        ("properties/type", {"const": "thing.v2"}, 'may no longer be "thing.v1"'),
        ("properties/whatever", {"enum": [1]}, "was free and must be one of 1"),
        ("properties/whatever", {"type": "string"}, "was of any type"),
        ("properties/place", {"$ref": "#/$defs/Place"}, "takes no such null"),
        ("properties/place/anyOf", [{"type": "null"}], "takes no such Place"),
        ("$defs/Place/properties/city/maxLength", 5, "parts[].city has a maxLength of 5"),
        ("$defs/Place/required", ["city"], "parts[] requires city"),
        ("properties/parts/minItems", 2, "minItems of 2"),
        ("properties/pair/prefixItems", [{"type": "integer"}], "pair[0] was string"),
        ("properties/pair/prefixItems", [{"type": "string"}] * 2, "more places"),
        ("properties/notes/additionalProperties", {"type": "integer"}, "notes.* was string"),
        ("properties/notes/additionalProperties", False, "took unknown fields"),
        ("properties/notes/propertyNames", {"maxLength": 3}, "key has a maxLength of 3"),
        ("additionalProperties", False, "took unknown fields"),
        ("dependentRequired", {"name": ["size"]}, "dependentRequired, which can't be compared"),
    ],
)
def test_what_refuses_more_is_breaking(path: str, value: object, words: str) -> None:
    """A new required field, and every narrower type, choice or bound, is told with its place."""
    old, new = changed(path, value)
    told = breaking_changes(old, new, sent_by_us=False)
    assert words in " ".join(told)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/more", {"type": "string"}),
        ("properties/name/description", "Another word for it."),
        ("properties/name/maxLength", 10),
        ("properties/name/pattern", "-"),
        ("properties/size/minimum", -1),
        ("properties/state/enum", ["new", "old", "odd"]),
        ("properties/place/anyOf", [{}]),
        ("properties/parts/minItems", "-"),
        ("required", ["type"]),
    ],
)  # fmt: skip
def test_what_accepts_more_breaks_no_sender(path: str, value: object) -> None:
    """New optional fields and wider bounds are minor."""
    old, new = changed(path, value)
    assert breaking_changes(old, new, sent_by_us=False) == ()
    old, new = changed(path, value, closed=True)
    assert breaking_changes(old, new, sent_by_us=False) == ()


def test_a_removed_field_breaks_whoever_sends_or_reads_it() -> None:
    """A closed schema refuses it from then on; in an open one no one would read what is sent."""
    for ours in (False, True):
        told = breaking_changes(*changed("properties/size", "-"), sent_by_us=ours)
        assert "The field size is gone." in told
    old, new = changed("properties/size", "-", closed=True)
    assert "no longer takes size" in " ".join(breaking_changes(old, new, sent_by_us=False))


def test_another_default_is_breaking() -> None:
    """Whoever leaves a field out means what it was then; so deep inside as well."""
    for place in ("properties/size", "$defs/Place/properties/city"):
        old, new = changed(f"{place}/default", 1)
        told = " ".join(breaking_changes(old, new, sent_by_us=False))
        assert "is 1 when it is left out; it was not stated." in told
        assert "it was 1." in " ".join(breaking_changes(new, old, sent_by_us=False))


def test_what_we_send_may_not_surprise_its_readers() -> None:
    """A field that may be missing now, or a value they don't know, needs a new version."""
    for path, value in (("required", ["type"]), ("properties/state/enum", ["new", "old", "odd"])):
        told = breaking_changes(*changed(path, value), sent_by_us=True)
        assert any(one.startswith("Readers of the old schema") for one in told)
    assert breaking_changes(*changed("properties/more", {}), sent_by_us=True) == ()


def test_every_schema_is_its_own_equal() -> None:
    """None of today's schemas breaks itself, however its references run."""
    for name, schema in published.all_schemas().items():
        assert breaking_changes(schema, schema, sent_by_us=True) == (), name


def test_no_released_schema_is_broken() -> None:
    """What `schemas/contracts/released.json` promises, today's structs keep. If this fails: give
    the changed message a new version, and keep the old one."""
    assert all_breaking_changes(breaking.read_released(), published.all_schemas()) == ()


def test_a_withdrawn_schema_is_told() -> None:
    """A released name can't just go."""
    (told,) = all_breaking_changes({"order.v0": OLD}, published.all_schemas())
    assert told.startswith("order.v0: it is no longer published")


def test_the_guard_notices_real_changes() -> None:
    """One change of each kind to the canonical order and to an event is found."""
    released = breaking.read_released()
    today = copy.deepcopy(dict(published.all_schemas()))
    today["order.v1"]["required"].append("note")
    today["order.placed.v2"]["properties"]["lines"] = {"type": "string"}
    del today["order.fulfilled.v2"]["properties"]["reference"]
    told = " ".join(all_breaking_changes(released, today))
    assert "order.v1: The message requires note" in told
    assert "order.placed.v2: The field lines was array and must be string." in told
    assert "order.fulfilled.v2: The field reference is gone." in told

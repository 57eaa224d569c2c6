"""The checked-in JSON Schemas: what the structs say, with words for each refusal."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.contracts import published, validation
from schemas.messages.inputs import KINDS

# Keywords that say something about a schema and refuse nothing, and those that only lead on.
SILENT = {
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "default",
    "properties",
    "anyOf",
}
WORDED_APART = {"required", "additionalProperties", "propertyNames", "prefixItems"}


def objects(value: object) -> Iterator[dict[str, object]]:
    """Yield every schema inside a schema (the names of properties are not schemas)."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key in ("properties", "$defs") and isinstance(inner, dict):
                for one in inner.values():
                    yield from objects(one)
            elif key not in ("default", "enum", "const"):
                yield from objects(inner)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)


def test_the_files_say_what_the_structs_say() -> None:
    """`python -m schemas.contracts.published --write` was run after the last change of a struct."""
    assert published.differences() == []


def test_every_kind_of_input_is_published_closed() -> None:
    """A kind that others may send has a schema, and a misspelt field in it is refused."""
    for kind in KINDS:
        schema = published.all_schemas()[published.INPUT_NAMES[kind]]
        assert schema["additionalProperties"] is False
        assert schema["properties"]["type"]["const"] == published.INPUT_NAMES[kind]


def test_every_keyword_and_pattern_has_words() -> None:
    """No refusal by a published schema is left without a sentence of its own."""
    known = SILENT | WORDED_APART | set(validation.EXPECTED)
    for schema in published.all_schemas().values():
        for one in objects(schema):
            assert set(one) <= known
            assert one.get("pattern", next(iter(validation.PATTERNS))) in validation.PATTERNS

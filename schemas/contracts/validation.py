"""Schema validation at the edge: accept fast, explain slowly.

jsonschema-rs accepts or refuses in a few microseconds. Only after a refusal `jsonschema` validates
again, and every error becomes a whole sentence: where it is, what was found, what was expected, how
to fix it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar, cast

import jsonschema_rs
import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from msgspec import Struct

from schemas.contracts import published, refusals
from schemas.contracts.foreign import fitted
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import shown
from schemas.messages.inputs import KINDS, Input
from schemas.order.canonical import Order

MAX_SENTENCES = 20
"""More than a person reads at once; explaining takes milliseconds."""

# Any: an error of `jsonschema` holds keyword values and instances of every type.
Word = Callable[[Any], str]
Shape = TypeVar("Shape")


class _Other(Struct, frozen=True, tag_field="schema", tag="another"):
    """Never sent. In a union with it, msgspec requires an order's `schema` field."""


def accepts(name: str, value: object) -> bool:
    """Whether a published schema accepts a parsed message.

    `name` is the name of a schema (`order.v1`) or a kind of input (`place`). Raises KeyError for
    others.
    """
    return bool(_fast(name).is_valid(value))


def explain(name: str, value: object) -> tuple[str, ...]:
    """Return a sentence for every way in which `value` violates the schema, none if it is valid.

    At most 20, and then one that says that there are more. Takes milliseconds.
    """
    found = list(islice(_sentences(_slow(name).iter_errors(value)), MAX_SENTENCES + 1))
    if len(found) > MAX_SENTENCES:
        found[MAX_SENTENCES:] = ["There are more faults; fix these first and send it again."]
    return tuple(found)


def require(name: str, value: object) -> None:
    """Raise Refused(schema_mismatch) with every sentence unless the schema accepts `value`."""
    if accepts(name, value):
        return
    sentences = explain(name, value) or ("The message does not match the published schema.",)
    raise Refused(refusals.SCHEMA_MISMATCH, sentences)


def read_order(value: object) -> Order:
    """Convert a parsed canonical order to its struct. Raises Refused(schema_mismatch)."""
    require(published.ORDER, value)
    found = _converted(value, Order | _Other)
    assert isinstance(found, Order)
    return found


def read_input(kind: str, value: object) -> Input:
    """Convert a parsed message of a kind to its struct. Raises Refused(schema_mismatch)."""
    require(kind, value)
    found: Input = _converted(value, KINDS[kind])
    return found


def read(name: str, value: object, shape: type[Shape]) -> Shape:
    """Convert a parsed message to the struct that the schema was generated from."""
    require(name, value)
    found = _converted(value, shape)
    assert isinstance(found, shape)
    return found


def read_foreign(value: object, shape: type[Shape]) -> Shape:
    """Convert a parsed message of a foreign contract to the struct with the part that we read, also
    where its program writes some things otherwise (`foreign.fitted`).

    Raises Refused(schema_mismatch), with sentences like those for our own schemas.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        # Looked at again only on a fault: it costs as much as all the rest.
        value = fitted(value, shape)
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        errors = _foreign(cast(Hashable, shape)).iter_errors(value)
        words = "The message does not match its sender's documentation."
        sentences = tuple(islice(_sentences(errors), MAX_SENTENCES)) or (words,)
        raise Refused(refusals.SCHEMA_MISMATCH, sentences) from None


# Any: the result is an instance of the shape, which may be a union that mypy can't name.
def _converted(value: object, shape: Any) -> Any:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError:
        # JSON Schema treats 3.0 as an integer, msgspec does not. The schema decides.
        return msgspec.convert(whole_numbers(value), shape)


def whole_numbers(value: object) -> object:
    """Return a message with every 3.0 as 3, which is the same integer for JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [whole_numbers(one) for one in value]
    return value


def _schema(name: str) -> published.Schema:
    return published.all_schemas()[published.INPUT_NAMES.get(name, name)]


@cache
def _fast(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema(name))


_Explaining = extend(  # type: ignore[no-untyped-call]  # it has no types
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "array", lambda _, value: isinstance(value, list | tuple)
    ),
)
"""Our own structs hold tuples where JSON has lists."""


@cache
def _slow(name: str) -> Draft202012Validator:
    found: Draft202012Validator = _Explaining(_schema(name))
    return found


@cache
def _foreign(shape: Hashable) -> Draft202012Validator:
    return Draft202012Validator(msgspec.json.schema(shape))


def _sentences(errors: Iterator[ValidationError]) -> Iterator[str]:
    for error in errors:
        if error.validator == "anyOf":
            # Only "this or null" exists, so explain why it is not the former.
            yield from _sentences(e for e in error.context or () if e.validator_value != "null")
        else:
            yield _sentence(error)


def _sentence(error: ValidationError) -> str:
    where = _where(list(error.absolute_path))
    rule, limit = str(error.validator), error.validator_value
    instance: Any = error.instance
    if rule == "required":
        required: Any = limit
        missing = [name for name in required if name not in instance]
        name = next((n for n in missing if f"'{n}'" in error.message), missing[0])
        return f"{where} lacks {shown(name)}; add it."
    if rule == "additionalProperties":
        return _unknown_fields(where, error)
    if "propertyNames" in error.absolute_schema_path:
        return f"{where} has the key {_found(error.instance)}, which is too long; shorten it."
    expected = EXPECTED.get(rule)
    if expected is None:
        return f"{where} is {_found(error.instance)}, which the published schema refuses ({rule})."
    if rule == "pattern":
        words = PATTERNS.get(str(limit), "text of the published pattern")
    else:
        words = expected(limit)
    found = _found(error.instance)
    return f"{where} is {found}, but {words} was expected; fix it and send it again."


def _unknown_fields(where: str, error: ValidationError) -> str:
    known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    instance: Any = error.instance
    extra = [shown(name) for name in instance if name not in known]
    more = "" if len(extra) <= 5 else f" and {len(extra) - 5} more"
    names = ", ".join(extra[:5])
    return f"{where} has {names}{more}, which the schema does not know; remove or rename."


TYPES: Mapping[str, str] = MappingProxyType(
    {
        "object": "an object",
        "array": "a list",
        "string": "a text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
    }
)


def _types(value: Any) -> str:
    names = value if isinstance(value, list) else [value]
    return " or ".join(TYPES[name] for name in names)


def _one_of(value: Any) -> str:
    return "one of " + ", ".join(shown(str(one)) for one in value)


EXPECTED: Mapping[str, Word] = MappingProxyType(
    {
        "type": _types,
        "enum": _one_of,
        "const": lambda value: shown(str(value)),
        "pattern": str,
        "minLength": lambda n: "a text that is not empty" if n == 1 else f"at least {n} characters",
        "maxLength": lambda n: f"a text of at most {n} characters",
        "minimum": lambda n: f"at least {n}",
        "maximum": lambda n: f"at most {n}",
        "minItems": lambda n: f"a list of at least {n}",
        "maxItems": lambda n: f"a list of at most {n}",
        "maxProperties": lambda n: f"an object of at most {n} keys",
        "items": lambda _: "a shorter list",
    }
)
"""What each keyword of our schemas expects, in words."""

PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        r"^[A-Z]{2}$": "two capital letters, such as US",
        r"^[A-Z]{3}$": "three capital letters, such as USD",
        r"^[^\x00-\x1f\x7f]+(?![\s\S])": "one line of text without control characters",
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2})(?![\s\S])": "an RFC 3339 time, such as 2026-11-27T09:30:00Z",
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
        r"(Z|[+-][0-9]{2}:[0-9]{2}))?(?![\s\S])": "a day, such as 2026-11-27, or an RFC 3339 time",
        r"^([a-z][a-z0-9_]{0,31}:[!-~]{1,127})?(?![\s\S])": "a marketplace's name, a colon and its"
        " id of the order, such as amazon:902-3159896-1390916",
        r"^K[0-9]{1,4}(?![\s\S])": "a parcel's key, such as K1",
        r"^(T[1-9][0-9]{0,3})?(?![\s\S])": "a return's key, such as T1",
    }
)
"""The meaning of each pattern in our schemas, in words."""


def _where(path: list[str | int]) -> str:
    """Return a place in words and as a path: `The quantity of line 3 (lines[2].quantity)`."""
    if not path:
        return "The message"
    words: list[str] = []
    for step in path:
        if isinstance(step, int):
            name = words.pop() if words else "entry"
            single = name[:-1] if name.endswith("s") else f"entry of {name}"
            words.append(f"{single} {step + 1}")
        else:
            words.append(step[:40].replace("_", " "))
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step[:40]}"
    last = words.pop()
    article = "" if last[-1:].isdigit() else "the "
    told = article + " of ".join([last, *reversed(words)])
    exact = text.lstrip(".")
    if not told[0].upper().isupper():  # a key chosen by the sender, such as an attribute named "0"
        told = f"the entry {told}"
    return f"{told[0].upper()}{told[1:]}" + ("" if exact == last else f" ({exact})")


def _found(value: object) -> str:
    if isinstance(value, str):
        length = f" ({len(value)} characters)" if len(value) > 60 else ""
        return f"the text {shown(value)}{length}" if value else "an empty text"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return "something else"

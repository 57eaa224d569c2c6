"""Reading other people's JSON without trusting its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
JsonObject: TypeAlias = "Mapping[str, JsonValue]"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class NotUnderstood(ValueError):
    """The request's body is not a JSON object; the message says what was found instead."""


def dump(value: JsonValue) -> bytes:
    """Compact UTF-8 JSON."""
    return _encode(value)


def parse_object(body: bytes) -> JsonObject:
    """The body as a JSON object, or NotUnderstood."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(f"The request's body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise NotUnderstood("The request's body is JSON, but no object.")
    return value


def dig(value: JsonValue, *keys: str) -> JsonValue:
    """The value below the keys, or None when one is missing; a list stands for its first item."""
    for key in keys:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: JsonValue, *keys: str) -> str:
    """The text (or number, as text) below the keys, or an empty one."""
    found = dig(value, *keys)
    if isinstance(found, str):
        return found
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return str(found)
    return ""


def objects(value: JsonValue, *keys: str) -> list[JsonObject]:
    """The objects below the keys; one object alone counts as a list of one."""
    found = dig(value, *keys)
    if isinstance(found, dict):
        return [found]
    if isinstance(found, list):
        return [item for item in found if isinstance(item, dict)]
    return []


def number(value: JsonValue, *keys: str) -> float:
    """The number below the keys (also when written as text), or 0."""
    found = dig(value, *keys)
    try:
        return float(found) if isinstance(found, (int, float, str)) else 0.0
    except ValueError:
        return 0.0

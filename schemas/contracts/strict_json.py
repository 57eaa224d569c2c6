"""Strict JSON: text that two readers could interpret differently is refused.

The good path costs little more than decoding: the text is decoded and encoded again, and what those
two steps can't notice is counted. Only a text that fails is examined closely, to say where.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

import msgspec
import orjson

from schemas.contracts import refusals
from schemas.contracts.refusals import refused

MAX_BYTES = 4 * 1024 * 1024
"""The limit of stream and edge. An order of 500 lines has about 480 KB in our own shape, and up to
3 MB in a storefront's webhook, which repeats its lines in fulfilments and refunds."""

MAX_DEPTH = 64
"""Shopify's orders have five levels; a reader with a small stack tolerates a few hundred."""

MAX_INTEGER = 2**64 - 1
"""The range of 64 bits, which every reader, store and wire format behind the edge supports."""

MIN_INTEGER = -(2**63)
SHOWN_CHARACTERS = 60

_decode = msgspec.json.Decoder().decode
# msgspec reads integers of any size and reports where a fault is; orjson writes in half the time,
# and refuses integers beyond 64 bits. Together they notice what neither does alone.
_encode = orjson.dumps
_BOM = b"\xef\xbb\xbf"
_KEEP = b'[]{}"'
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(_KEEP))
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_BYTE = re.compile(r"\(byte (\d+)\)")
_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?\d[-+.0-9eE]*)', re.DOTALL)


def check(raw: bytes, *, limit_bytes: int = MAX_BYTES) -> None:
    """Raise Refused unless `raw` is JSON that every reader interprets alike. See `parse`."""
    parse(raw, limit_bytes=limit_bytes)


def parse(raw: bytes, *, limit_bytes: int = MAX_BYTES) -> object:
    """Return the value of `raw`: dicts, lists, texts, numbers, booleans and None.

    Raises Refused for more than `limit_bytes`, for anything but UTF-8 and JSON, a byte order mark,
    NUL (raw or escaped), lone surrogates, more than 64 levels, a key twice in one object, integers
    beyond 64 bits (-2**63 to 2**64 - 1; longer ones must be sent as text), and numbers beyond a
    double.
    """
    if len(raw) > limit_bytes:
        raise refused(
            refusals.TOO_LARGE,
            f"The body has {len(raw):,} bytes; the limit is {limit_bytes:,}.",
        )
    try:
        tree: object = _decode(raw)
    except RecursionError:
        _refuse_depth()
    except UnicodeDecodeError:
        _refuse_text(raw)
    except msgspec.ValidationError:  # The only value that is refused for itself is a number.
        _refuse_number(raw)
    except msgspec.DecodeError as error:
        _refuse_text(raw, str(error))
    again = _written(raw, tree)
    escapes = b"\\" in raw
    # Most senders write as we do, except for the slash, which some escape: then every key was read.
    same = (raw.replace(b"\\/", b"/") if escapes else raw) == again
    suspicious = not same and raw.count(b":") != again.count(b":")
    if escapes:
        plain = raw.replace(b"\\\\", b"")  # Every backslash left begins an escape.
        if b"\\u0000" in plain:
            _refuse_nul(raw, raw.find(b"\\u0000"))
        # An escaped colon is counted only after encoding, and could hide a lost key.
        suspicious = suspicious or (not same and _ESCAPED_COLON.search(plain) is not None)
        brackets = plain.replace(b'\\"', b"").translate(_BRACKETS, _NO_BRACKETS)
    else:
        brackets = raw.translate(_BRACKETS, _NO_BRACKETS)
    if suspicious:
        _refuse_duplicates(raw)
    if not _is_shallow(brackets) and _depth(tree) > MAX_DEPTH:
        _refuse_depth()
    return tree


def _written(raw: bytes, tree: object) -> bytes:
    """Encode again what was read. Raises Refused for integers beyond 64 bits, and for some hundred
    levels."""
    try:
        return _encode(tree)
    except orjson.JSONEncodeError:
        if _depth(tree) > MAX_DEPTH:
            _refuse_depth()
        _refuse_number(raw)


def _is_shallow(brackets: bytes) -> bool:
    """Whether brackets (and quotes) alone show at most MAX_DEPTH levels.

    Complete strings vanish as pairs of quotes. A bracket inside a string leaves a quote behind; the
    answer is then False, which means: count in the tree.
    """
    left = brackets.replace(b'""', b"")
    if left.count(b"[") <= MAX_DEPTH and b'"' not in left:
        return True
    for _ in range(MAX_DEPTH):
        left = left.replace(b"[]", b"")
        if not left:
            return True
    return False


def _depth(tree: object) -> int:
    """Count levels without recursion, stopping one beyond the limit."""
    level, depth = [tree], 0
    while depth <= MAX_DEPTH:
        below: list[object] = []
        containers = 0
        for value in level:
            if isinstance(value, dict):
                containers += 1
                below.extend(value.values())
            elif isinstance(value, list):
                containers += 1
                below.extend(value)
        if not containers:
            return depth
        level, depth = below, depth + 1
    return depth


def without_nulls(value: object) -> object:
    """Return a message of another's contract with every null left out, in lists as well: their
    programs write it for what they have none of."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [without_nulls(one) for one in value if one is not None]
    return value


def shown(value: str) -> str:
    """Return a text in quotes, shortened and with control characters made visible."""
    cut = value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
    return json.dumps(cut, ensure_ascii=False)


def _place(raw: bytes, offset: int) -> str:
    before = raw[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return f"line {line}, column {column}"


def _refuse_depth() -> NoReturn:
    raise refused(
        refusals.JSON_TOO_DEEP,
        f"Objects and lists are nested deeper than {MAX_DEPTH} levels; "
        "send the order with less nesting.",
    )


def _refuse_nul(raw: bytes, offset: int) -> NoReturn:
    raise refused(
        refusals.JSON_NUL,
        f"The text at {_place(raw, offset)} contains the character NUL; leave that character out.",
    )


def _refuse_number(raw: bytes) -> NoReturn:
    text = raw.decode("utf-8", "replace")
    for found in _NUMBER.finditer(text):
        number = found.group(1)
        if number is None or _can_be_held(number):
            continue
        place = _place(raw, len(text[: found.start()].encode()))
        raise refused(
            refusals.JSON_NUMBER_OUT_OF_RANGE,
            f"The number {shown(number)[1:-1]} at {place} is too large "
            "(64 bits, or 1.8e308 with a fraction); send it as a text.",
        )
    raise refused(
        refusals.JSON_NUMBER_OUT_OF_RANGE,
        "A number is too large (64 bits); send it as a text.",
    )


def _can_be_held(number: str) -> bool:
    try:
        if re.fullmatch(r"-?\d+", number):
            return len(number) <= 20 and MIN_INTEGER <= int(number) <= MAX_INTEGER
        return abs(float(number)) != float("inf")
    except ValueError:
        return True


def _refuse_text(raw: bytes, complaint: str = "") -> NoReturn:
    if raw.startswith(_BOM):
        raise refused(
            refusals.JSON_BYTE_ORDER_MARK,
            "The text begins with a byte order mark (EF BB BF); send it without.",
        )
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise refused(
            refusals.JSON_NOT_UTF8,
            f"The byte 0x{raw[error.start]:02X} at {_place(raw, error.start)} is not UTF-8; "
            "send the text encoded as UTF-8.",
        ) from None
    if b"\0" in raw:
        _refuse_nul(raw, raw.find(b"\0"))
    # Escaped backslashes are blanked, not removed, so that offsets stay correct.
    surrogate = _LONE_SURROGATE.search(raw.replace(b"\\\\", b"  "))
    if surrogate:
        half = surrogate.group().decode()
        raise refused(
            refusals.JSON_LONE_SURROGATE,
            f"The text at {_place(raw, surrogate.start())} contains {half}, one half of a "
            "surrogate pair; send both halves or neither.",
        )
    byte = _BYTE.search(complaint)
    offset = min(int(byte.group(1)), len(raw)) if byte else len(raw)
    if not raw.strip():
        sentence = "The body is empty; a JSON object was expected."
    elif "trailing characters" in complaint:
        sentence = (
            f"The JSON is followed by more text, up to {_place(raw, len(raw))}; send one object."
        )
    elif byte is None or offset >= len(raw):
        sentence = f"The JSON ends too early, at {_place(raw, len(raw))}; part of it is missing."
    else:
        around = raw[offset : offset + 20].decode("utf-8", "replace")
        sentence = f"The text is not JSON: unexpected {shown(around)} at {_place(raw, offset)}."
    raise refused(refusals.JSON_MALFORMED, sentence)


class _Twice:
    """Marks an object in the tree that has a key twice."""

    def __init__(self, key: str) -> None:
        self.key = key


def _object(pairs: list[tuple[str, object]]) -> object:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            return _Twice(key)
        found[key] = value
    return found


def _refuse_duplicates(raw: bytes) -> None:
    """Raise Refused for the first key that an object has twice; return if there is none."""
    try:
        tree = json.loads(raw, object_pairs_hook=_object)
    except RecursionError:
        _refuse_depth()
    for path, value in _walk(tree):
        if isinstance(value, _Twice):
            raise refused(
                refusals.JSON_DUPLICATE_KEY,
                f"{path or 'The message'} has the key {shown(value.key)} twice; "
                "send each key once.",
            )


def _walk(tree: object) -> Iterator[tuple[str, object]]:
    waiting: list[tuple[str, object]] = [("", tree)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict):
            dot = "." if path else ""
            waiting += [(f"{path}{dot}{key[:SHOWN_CHARACTERS]}", one) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", one) for index, one in enumerate(value)]

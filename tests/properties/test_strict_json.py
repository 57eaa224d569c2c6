"""Whatever is JSON is read as any reader has it, and anything else is refused."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import MAX_INTEGER, MIN_INTEGER, parse

SOUP = r"""
" \ [ ] { } : , \u003a \u0000 \ud83d \ude00 a 1 é \u0061 "a": {"a":1} [] \" \\ - 1e999 true
"""
PIECES = st.sampled_from([*SOUP.split(), " ", "\n"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text('ab":[{\\', max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_json_writes_is_read_alike(value: object) -> None:
    """Any value of modest depth is read as the standard library reads it, escaped or not."""
    for ascii_only in (True, False):
        raw = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert parse(raw) == json.loads(raw)


@given(st.lists(PIECES, max_size=24))
@example(['{"a":', '"', "\\u003a", '"', ",", '"a":', "1", "}"])
def test_soup_of_json_is_read_or_refused_like_a_slow_reader_does(pieces: list[str]) -> None:
    """Pieces in any order are read only when the slow, exact reader takes them, too."""
    raw = "".join(pieces).encode()
    try:
        fast = parse(raw)
    except Refused as refused:
        reason = refused.reason
    else:
        reason = ""
        assert fast == json.loads(raw)
    if reason in ("", refusals.JSON_DUPLICATE_KEY):
        assert has_duplicates(raw) == bool(reason)


def has_duplicates(raw: bytes) -> bool:
    """Say, by the standard library, whether an object has a key twice."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        twice.extend(key for key in keys if keys.count(key) > 1)
        return dict(pairs)

    json.loads(raw, object_pairs_hook=look)
    return bool(twice)

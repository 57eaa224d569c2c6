"""The strict reader: refuses what two readers could understand differently, and says where."""

from __future__ import annotations

import json

import pytest

from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.contracts.strict_json import MAX_BYTES, MAX_DEPTH, parse


def refusal(raw: bytes) -> Refused:
    """Return how a text is refused."""
    with pytest.raises(Refused) as caught:
        parse(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "reason", "word"),
    [
        (b"", refusals.JSON_MALFORMED, "empty"),
        (b'{"a":\n  1,}', refusals.JSON_MALFORMED, "line 2, column"),
        (b'{"a": tru', refusals.JSON_MALFORMED, "ends too early"),
        (b"[1] 2", refusals.JSON_MALFORMED, "followed by more"),
        (b"[NaN]", refusals.JSON_MALFORMED, "line 1, column 2"),
        (b"[Infinity]", refusals.JSON_MALFORMED, "column 2"),
        (b"{'a': 1}", refusals.JSON_MALFORMED, "not JSON"),
        (b'"\xff"', refusals.JSON_NOT_UTF8, "0xFF"),
        (b'"\xed\xa0\x80"', refusals.JSON_NOT_UTF8, "UTF-8"),
        (b"\xef\xbb\xbf{}", refusals.JSON_BYTE_ORDER_MARK, "EF BB BF"),
        (b'{"a":"b\x00"}', refusals.JSON_NUL, "column 8"),
        (b'{"a":"\\u0000"}', refusals.JSON_NUL, "column 7"),
        (b'{"a":"\\\\\\u0000"}', refusals.JSON_NUL, "NUL"),
        (b'"\\ud800"', refusals.JSON_LONE_SURROGATE, "\\ud800"),
        (b'"\\ud800 \\udc00"', refusals.JSON_LONE_SURROGATE, "half"),
        (b'"x\\uDFFF"', refusals.JSON_LONE_SURROGATE, "column 3"),
        (b"[" * 65 + b"]" * 65, refusals.JSON_TOO_DEEP, "64"),
        (b"[" * 10_000 + b"]" * 10_000, refusals.JSON_TOO_DEEP, "64"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, refusals.JSON_TOO_DEEP, "64"),
        (b"[" * 100_000, refusals.JSON_TOO_DEEP, "64"),
        (b'["[",' + b"[" * 64 + b"]" * 65, refusals.JSON_TOO_DEEP, "64"),
        (b'{"x":1e400000}', refusals.JSON_NUMBER_OUT_OF_RANGE, "1e400000"),
        (b'{"x":-1e400000}', refusals.JSON_NUMBER_OUT_OF_RANGE, "column 6"),
        (b"[18446744073709551616]", refusals.JSON_NUMBER_OUT_OF_RANGE, "18446744073709551616"),
        (b"[-9223372036854775809]", refusals.JSON_NUMBER_OUT_OF_RANGE, "text"),
        (b'["9",1' + b"0" * 5000 + b"]", refusals.JSON_NUMBER_OUT_OF_RANGE, "column 6"),
        (b'{"a":1,"a":1}', refusals.JSON_DUPLICATE_KEY, '"a" twice'),
        (b'{"a":1,"\\u0061":1}', refusals.JSON_DUPLICATE_KEY, '"a"'),
        (b'{"o":[{},{"b":{"k":1,"k":2}}]}', refusals.JSON_DUPLICATE_KEY, "o[1].b has"),
        (b'{"a\\/b":1,"a/b":1}', refusals.JSON_DUPLICATE_KEY, '"a/b"'),
        (b'{"a":"\\/","a":"/"}', refusals.JSON_DUPLICATE_KEY, '"a"'),
        (b'{"a":"\\\\/u003a","a":1}', refusals.JSON_DUPLICATE_KEY, '"a"'),
        (b"[" * 70 + b"18446744073709551616" + b"]" * 70, refusals.JSON_TOO_DEEP, "64"),
        (b'{"a":"x:y","a":"\\u003a\\u003A\\u003a"}', refusals.JSON_DUPLICATE_KEY, '"a"'),
        (b'{"a":{"a":1,"a":2},"a":{}}', refusals.JSON_DUPLICATE_KEY, '"a"'),
    ],
)
def test_bad_texts_are_refused_by_name_and_place(raw: bytes, reason: str, word: str) -> None:
    """Each kind of bad text has its reason, and a whole sentence that says where it is."""
    found = refusal(raw)
    assert found.reason == reason
    assert word in found.sentences[0]
    assert found.sentences[0].endswith(".")
    assert len(found.sentences[0]) < 300


@pytest.mark.parametrize(
    "raw",
    [
        b'"\\ud83d\\ude00"',
        b'"\\\\u0000"',
        b'"\\\\ud800"',
        b'{"a":"\\u003a"}',
        b'{"a":"18446744073709551616"}',
        b"[18446744073709551615, -9223372036854775808]",
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        b'["]]]][[[[",' + b"[" * 63 + b"]" * 64,
        b'{"a":{"a":{"a":1}}}',
        b'{"":1,"a:":2,"a":":"}',
        b" \n[1.0, 1e5, -0]\t",
    ],
)
def test_odd_but_plain_texts_are_read(raw: bytes) -> None:
    """What only looks like one of the faults is read as every JSON reader reads it."""
    assert parse(raw) == json.loads(raw)


def test_a_body_over_the_limit_is_refused_unread() -> None:
    """The size is checked before anything else."""
    with pytest.raises(Refused, match="4,194,305 bytes") as caught:
        parse(b"\xff" * (MAX_BYTES + 1))
    assert caught.value.reason == refusals.TOO_LARGE
    with pytest.raises(Refused):
        parse(b"[1, 2]", limit_bytes=5)


def test_every_reason_is_told_in_a_sentence() -> None:
    """The table of reasons has a sentence for each code, and codes are plain words."""
    for reason, meaning in refusals.REASONS.items():
        assert reason.replace("_", "").isalnum()
        assert meaning.endswith(".")

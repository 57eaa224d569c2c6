"""Texts are cut to partners' limits as people would cut them, whatever was typed."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from adapters.kit.fitting import fill, fit, phrases, printable, utf16_length

texts = st.text(max_size=80)


@given(texts, st.booleans())
def test_printable_is_one_plain_line(text: str, pictures: bool) -> None:
    """Nothing that moves a cursor or turns text round is left; cleaning twice changes nothing."""
    line = printable(text, pictures=pictures)
    assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(line, pictures=pictures) == line
    assert line == line.strip()


@given(texts, st.integers(0, 40))
def test_fit_keeps_the_limit_and_whole_letters(text: str, limit: int) -> None:
    """A cut text is a beginning of the whole, within the limit, and loses no accent of a letter."""
    for length in (len, utf16_length):
        cut = fit(text, limit, length=length)
        assert length(cut) <= limit
        assert text.startswith(cut)
    cut = fit(text, limit)
    rest = text[len(cut) :].lstrip()
    if cut and len(text) > limit and text[len(cut) : len(cut) + 1].strip():
        assert unicodedata.category(rest[0]) not in ("Mn", "Mc")


@given(st.lists(texts.map(printable), max_size=4))
def test_fill_keeps_every_limit(lines: list[str]) -> None:
    """Lines are set again into the partner's, none empty, none too long, in the order of
    reading."""
    filled = fill(lines, (35, 35, 20))
    assert len(filled) <= 3
    assert all(0 < len(line) <= limit for line, limit in zip(filled, (35, 35, 20), strict=False))


def test_a_street_is_set_again_by_words() -> None:
    """What fits stays as it is; what doesn't is broken between words, and only then inside."""
    assert fill(["1 Main St", "", "Apt 2"], (35, 35)) == ["1 Main St", "Apt 2"]
    assert fill(["12 Long Street Name, House of Cards", "Floor 9"], (20, 20, 20)) == [
        "12 Long Street Name",
        "House of Cards",
        "Floor 9",
    ]
    assert fill(["x" * 12], (5, 5)) == ["x" * 5, "x" * 5]


def test_small_things() -> None:
    """Compatibility forms become plain, words aren't repeated."""
    assert printable("№ ４２ ①😀", pictures=False) == "No 42 1"
    assert phrases(["Bad.", "Bad", "Worse.\n"]) == "Bad; Worse"
    assert phrases([]) == "it gave no reason"
    assert len(phrases(["x" * 9999])) == 500

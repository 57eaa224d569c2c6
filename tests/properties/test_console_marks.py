"""Whatever text is shown, marking its faults changes none of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.quarantine.marking import parts_of, spans_of


@given(
    st.text(max_size=80) | st.from_regex(r'[{}\[\]":,a1 ]{0,40}', fullmatch=True),
    st.lists(
        st.text(max_size=40)
        | st.from_regex(
            r"The [a-z]{1,5} \([a-z]{1,3}(\[[0-9]{1,2}\])?(\.[a-z])?\) is", fullmatch=True
        )
        | st.from_regex(r"at line [0-9]{1,2}, column [0-9]{1,2}", fullmatch=True),
        max_size=4,
    ),
)
def test_marks_change_no_text(text: str, sentences: list[str]) -> None:
    """Whatever is marked, the parts are the text, in order."""
    assert "".join(part for part, _ in parts_of(text, spans_of(text, sentences))) == text

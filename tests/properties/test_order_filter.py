"""Whatever is typed into the filter of orders is read or refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.order_filter import (
    FilterRefused,
    parse,
)

_TYPED = st.from_regex(r"-?[a-z]{2,6}:[^ ]{0,9}( [a-z]+:[^ ]+)?", fullmatch=True)


@given(st.text(max_size=60) | _TYPED)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in another error, and a refusal points inside of it or at its end."""
    at = 0
    try:
        parse(text)
    except FilterRefused as refused:
        at = refused.at
    assert 0 <= at <= len(text)

"""Whatever the lines of a street are, it is cut only where the label would lose a word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.order.addresses import is_cut
from adapters.kit.fitting import fill, printable
from schemas.order.canonical import Address

HOME = Address(
    name="Ada", lines=("12 Oak Street",), city="Lexington", region="KY", postal_code="40502",
    country="US",
)  # fmt: skip


@given(st.lists(st.text(min_size=1, max_size=90).map(printable).filter(bool), max_size=4))
def test_a_street_is_cut_exactly_where_the_label_loses_a_word(lines: list[str]) -> None:
    """What acceptance says of a street is what the carrier's label would show of it."""
    limits = (35, 35, 35)
    shown = "".join(fill(lines, limits)).replace(" ", "").replace(",", "")
    whole = "".join(lines).replace(" ", "").replace(",", "")
    plain = whole.isascii()  # a letter is never parted from its accents, which may lose some
    if plain and whole:
        assert is_cut(replace(HOME, lines=tuple(lines)), limits) == (shown != whole)

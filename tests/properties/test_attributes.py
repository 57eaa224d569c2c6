"""Whatever attributes an order has, what fits is kept together and read again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.kit.attributes import MAX_ATTRIBUTES, MAX_NAME, MAX_TEXT, ROOM, bounded, unpacked
from schemas.contracts.doubts import TOO_MANY_ATTRIBUTES
from schemas.order.canonical import DOUBT

TOLD = DOUBT + TOO_MANY_ATTRIBUTES


def fits(made: dict[str, str]) -> bool:
    """Whether an order takes these."""
    return len(made) <= MAX_ATTRIBUTES and all(
        len(name) <= MAX_NAME and len(text) <= MAX_TEXT for name, text in made.items()
    )


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=40), st.text(max_size=200), min_size=91, max_size=150
    )
)
def test_whatever_fits_together_is_read_again(found: dict[str, str]) -> None:
    """Packed and read again every attribute has its name and its text, and the order takes them."""
    made = bounded(found, "acme")
    assert fits(made)
    assert len(made) <= MAX_ATTRIBUTES - ROOM + 1
    assert "did not fit" not in made.pop(TOLD)
    assert unpacked(made) == found

"""Whatever the amount, it is read back as it was written, and its shares sum to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.order.money import MAX_MINOR, decimal_text, minor_units, share_out

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF"])


@given(st.integers(-MAX_MINOR, MAX_MINOR), CURRENCIES)
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    """Any amount survives being written as its currency's text and read again."""
    assert minor_units(decimal_text(amount, currency), currency) == amount


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_shares_sum_to_the_whole(total: int, weights: list[int]) -> None:
    """Parts by largest remainder sum to the total, and none is off by a whole unit."""
    parts = share_out(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        assert all(
            abs(part - total * weight / whole) < 1.001
            for part, weight in zip(parts, weights, strict=True)
        )

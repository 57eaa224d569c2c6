"""Money: exact in, exact out, and the parts are the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.order.money import MAX_MINOR, MoneyRefused, decimal_text, minor_units, share_out

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "CLF"])


@given(st.integers(-MAX_MINOR, MAX_MINOR), CURRENCIES)
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    """Any amount survives being written as its currency's text and read again."""
    assert minor_units(decimal_text(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("404.95", "USD", 40495),
        ("1000", "JPY", 1000),
        ("1000.00", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("-0.01", "EUR", -1),
        ("0", "USD", 0),
    ],
)
def test_amounts_of_different_exponents(text: str, currency: str, expected: int) -> None:
    """Each currency has its own number of places; trailing zeros are not a fraction."""
    assert minor_units(text, currency) == expected


@pytest.mark.parametrize(
    "text",
    ["", "abc", "NaN", "Infinity", "1e99", "1e400000", "1.005", "1_0.0.0", "99999999999999999"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Rubbish, infinities, too fine and too large amounts are refused, never rounded."""
    with pytest.raises(MoneyRefused):
        minor_units(text, "USD")


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

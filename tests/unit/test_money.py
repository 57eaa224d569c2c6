"""Money: exact in, exact out, and the parts are the whole."""

from __future__ import annotations

import pytest

from schemas.order.money import MoneyRefused, minor_units


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

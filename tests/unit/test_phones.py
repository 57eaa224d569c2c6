"""Telephone numbers as others write them, and as spreadsheets damage them."""

from __future__ import annotations

import pytest

from schemas.contracts.doubts import doubts_of
from schemas.order.canonical import Customer
from schemas.order.customers import phone_of
from schemas.order.phones import corrected, dialled, parted


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("12075550142.0", "12075550142"),
        ("+12075550142.00", "+12075550142"),
        ("1.20756E+10", ""),
        ("1,20756e+10", ""),
        ("+1 207 555 0142", "+1 207 555 0142"),
        ("207.555.0142", "207.555.0142"),
        ("2075550142,0", "2075550142,0"),
    ],
)
def test_an_amount_becomes_a_number_again_or_none(typed: str, kept: str) -> None:
    """What is all there is kept, and what is not makes none; a comma dials an extension."""
    assert corrected(typed) == kept


def test_what_was_shortened_is_dialled_by_no_one() -> None:
    """A carrier gets no number rather than another's, and the order says why."""
    assert dialled("12075550142.0") == ("12075550142", "")
    assert dialled("1.20756E+10") == parted("1.20756E+10") == ("", "")
    (doubt,) = doubts_of(None, None, Customer(phone="1.20756E+10"))
    assert doubt.reason == "phone_invalid"
    assert doubts_of(None, None, Customer(phone="12075550142.0")) == ()


def test_customers_are_told_apart_by_whole_numbers() -> None:
    """Two whose numbers were shortened to the same are not one: what is erased is one's alone."""
    assert phone_of("1.20756E+10") == ""
    assert phone_of("12075550142.0") == phone_of("+1 207 555 0142") == "phone:12075550142"

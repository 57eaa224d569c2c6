"""Rounding follows the declared rule, and what it leaves over is shared out to the unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kit import rounding as kit
from adapters.kit.rounding import (
    Level,
    Mode,
    Rounding,
    line_minors,
    minor_of,
    reconciled,
    usual_minor,
)
from schemas.order.money import MoneyRefused, exponent_of, minor_units, share_out

MODES: list[Mode] = ["exact", "half_even", "half_up", "down"]
LEVELS: list[Level] = ["line", "order"]
ROUNDINGS = st.builds(Rounding, mode=st.sampled_from(MODES), level=st.sampled_from(LEVELS))
CURRENCIES = st.sampled_from(["USD", "JPY", "KWD", "CLF"])
AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=6)


def exact(amount: Decimal, currency: str) -> Fraction:
    """Return an amount in minor units before any rounding."""
    return Fraction(amount) * Fraction(10 ** exponent_of(currency))


@given(AMOUNTS, CURRENCIES, st.sampled_from(MODES))
def test_each_mode_rounds_as_its_name_says(amount: Decimal, currency: str, mode: Mode) -> None:
    """Nearest modes are at most half a unit off, down is below, and exact refuses the rest."""
    wanted = exact(amount, currency)
    if mode == "exact" and wanted.denominator != 1:
        with pytest.raises(MoneyRefused):
            minor_of(amount, currency, Rounding(mode=mode))
        return
    off = minor_of(str(amount), currency, Rounding(mode=mode)) - wanted
    if mode == "exact":
        assert off == 0
        assert minor_of(amount, currency) == minor_units(str(amount), currency)
    elif mode == "down":
        assert -1 < off <= 0
    else:
        assert abs(off) <= Fraction(1, 2)
        assert abs(off) != Fraction(1, 2) or mode == "half_even" or off > 0


@given(st.from_regex(r"[-+]?[0-9]{0,18}[.,]?[0-9٣]{0,5}", fullmatch=True), CURRENCIES, ROUNDINGS)
def test_the_short_way_reads_what_the_exact_way_reads(
    text: str, currency: str, rounding: Rounding
) -> None:
    """An amount that is written as most are comes out the same by every rule."""
    found = usual_minor(text, currency)
    if found is not None:
        assert found == minor_of(Decimal(text), currency, rounding)  # a number goes the exact way


@pytest.mark.parametrize(
    ("text", "currency", "found"),
    [
        ("12.34", "USD", 1234),
        ("12.3400", "USD", 1234),
        ("0.00", "EUR", 0),
        ("12.3450", "USD", None),
        ("12.34", "JPY", None),
        ("-12.34", "USD", None),
        ("12", "USD", None),
        ("99999999999999.99", "USD", None),
    ],
)
def test_the_short_way_is_for_the_usual_form_alone(
    text: str, currency: str, found: int | None
) -> None:
    """Two places, or four that end in zeros, of a currency with two."""
    assert usual_minor(text, currency) == found


@given(st.lists(AMOUNTS, min_size=1, max_size=12), CURRENCIES, ROUNDINGS)
def test_lines_sum_to_what_the_level_rounds(
    amounts: list[Decimal], currency: str, rounding: Rounding
) -> None:
    """By line each is rounded alone; by order the lines sum to the rounded sum, none a unit off."""
    try:
        minors = line_minors(amounts, currency, rounding)
    except MoneyRefused:
        assert rounding.mode == "exact"
        assert any(exact(one, currency).denominator != 1 for one in amounts)
        return
    if rounding.level == "line":
        assert minors == [minor_of(one, currency, rounding) for one in amounts]
    else:
        assert sum(minors) == minor_of(sum(amounts, Decimal(0)), currency, rounding)
        for minor, amount in zip(minors, amounts, strict=True):
            assert abs(minor - exact(amount, currency)) < 1


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=12), st.integers(-20, 20), ROUNDINGS)
def test_what_rounding_left_over_is_shared_out_or_stays(
    parts: list[int], left: int, rounding: Rounding
) -> None:
    """Parts sum to the total when the level allows it; none is negative or made out of nothing."""
    total = sum(parts) + left
    shared = reconciled(parts, total, rounding)
    assert min(shared) >= 0
    assert not [new for new, old in zip(shared, parts, strict=True) if new and not old]
    if rounding.level == "order" and abs(left) <= len(parts) and sum(parts) >= max(1, -left):
        assert sum(shared) == total
    else:
        assert shared == parts


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_largest_remainder_sums_exactly(total: int, weights: list[int]) -> None:
    """Whatever is shared out, by whatever weights: the parts sum to it, each within one unit."""
    parts = share_out(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        wanted = [Fraction(total * weight, whole) for weight in weights]
        assert all(abs(part - want) < 1 for part, want in zip(parts, wanted, strict=True))


@given(st.text(max_size=80), ROUNDINGS)
def test_no_text_breaks_it(text: str, rounding: Rounding) -> None:
    """Whatever stands where money should: whole units, or refused in a sentence."""
    try:
        minor_of(text, "USD", rounding)
    except MoneyRefused as refused:
        told = str(refused)
    else:
        assert Decimal(text).is_finite()
        return
    assert told.endswith(".")


@pytest.mark.parametrize("text", ["1E+999999", "1E-999999", "NaN", "-Infinity", "9" * 65, "1e16"])
def test_extreme_amounts_are_refused_at_once(text: str) -> None:
    """Numbers that would cost memory or that can't be held are not money."""
    with pytest.raises(MoneyRefused):
        minor_of(text, "USD", Rounding(mode="half_even"))


def test_the_known_examples_hold() -> None:
    """A half goes where the mode says, and zero may have any exponent."""
    wanted: dict[Mode, int] = {"half_even": 12, "half_up": 13, "down": 12}
    for mode, cents in wanted.items():
        assert minor_of("0.125", "USD", Rounding(mode=mode)) == cents
    assert minor_of("0E-900", "JPY") == 0
    thirds = ["3.333", "3.333", "3.334"]
    order = Rounding(mode="half_up", level="order")
    assert line_minors(thirds, "USD", order) == [333, 333, 334]


def test_negative_parts_are_left_for_the_schema_to_refuse() -> None:
    """No channel should send them; sharing out over them would be a crash or a guess."""
    assert reconciled([-5, 10], 6, Rounding(level="order")) == [-5, 10]
    assert reconciled([5, 10], 16, Rounding(level="order")) == [5, 11]


def test_long_amounts_are_not_remembered() -> None:
    """What a sender makes up fills no memory: a text longer than any usual amount, and a currency
    that is none, leave no trace in what is remembered."""
    before = kit._usual.cache_info().currsize
    assert usual_minor("1" * 100_000 + ".00", "USD") is None
    assert usual_minor("1.00", "U" * 100_000) is None
    assert kit._usual.cache_info().currsize == before

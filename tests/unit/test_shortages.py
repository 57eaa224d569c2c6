"""What was short lately is not hoped for."""

from __future__ import annotations

from adapters.postgres.shortages import MAX_SHORT, PAUSE_SECONDS, STAND_BACK_SECONDS, Shortages
from schemas.messages.effects import ReserveStock, Units


def asking(*skus: str, place: str = "main") -> ReserveStock:
    """An effect that reserves one of each."""
    return ReserveStock(place=place, units=tuple(Units(sku, sku, 1) for sku in skus))


def test_a_sku_that_was_short_is_not_hoped_for_for_a_while() -> None:
    """At its place alone, beside whatever else is asked for; finding it short again begins the
    while again."""
    shortages = Shortages()
    shortages.remember([("main", "A"), ("main", "B")], 10.0)
    assert shortages.concern(asking("C", "A"), 10.0)
    assert not shortages.concern(asking("C"), 10.0)
    assert not shortages.concern(asking("A", place="north"), 10.0)
    later = 10.0 + PAUSE_SECONDS / 2
    shortages.remember([("main", "A")], later)
    assert not shortages.concern(asking("B"), 10.0 + PAUSE_SECONDS)
    assert shortages.concern(asking("A"), 10.0 + PAUSE_SECONDS)
    assert not shortages.concern(asking("A"), later + PAUSE_SECONDS)


def test_nothing_is_hoped_for_while_somebody_may_hold_the_stock() -> None:
    """Whatever SKU and place; then everything is."""
    shortages = Shortages()
    shortages.stand_back(10.0)
    assert shortages.concern(asking("A"), 10.0)
    assert not shortages.concern(asking("A"), 10.0 + STAND_BACK_SECONDS)


def test_no_more_are_remembered_than_the_bound() -> None:
    """However many are short at once: the oldest is forgotten."""
    shortages = Shortages()
    shortages.remember([("main", str(n)) for n in range(MAX_SHORT + 1)], 0.0)
    assert not shortages.concern(asking("0"), 0.0)
    assert shortages.concern(asking("1"), 0.0)

"""The orders that benches store beside those of the real intake."""

from __future__ import annotations

from ops.bench.fill import an_order, varied
from schemas.contracts.checks import refuse_order


def test_they_are_orders_and_differ_from_each_other() -> None:
    """Each is one that our contract takes, the same each time, and unlike its neighbours in what
    rules ask for."""
    some = [varied(number) for number in range(1, 200)]
    assert some == [varied(number) for number in range(1, 200)]
    for one in some:
        refuse_order(one)
    assert {one.ship_to.country for one in some if one.ship_to} == {"US", "DE", "FR", "GB"}
    assert len({one.totals.total_minor for one in some}) > 150
    assert {len(one.lines) for one in some} == {1, 2, 3, 4}
    assert {bool(one.subscription_ref) for one in some} == {True, False}
    assert varied(7).ref == an_order(7).ref

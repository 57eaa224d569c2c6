"""How long delivery takes, as parcels took."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.postgres.availability import Step, Way
from schemas.messages import events as e
from schemas.order.things import Key
from service.availability.feed import shipping_of
from service.availability.measuring import LEAST, Days, Measured, days_of
from tests.appends import NOON
from tests.order_streams import F1, F2, K1, K2, Stream, left


def way(*told: tuple[float, e.OrderEvent], country: str = "US") -> Way:
    """What happened to an order that was placed at noon, each so many hours later."""
    steps = [Step(Stream().placed(country=country), NOON)]
    steps += [Step(event, NOON + timedelta(hours=hours)) for hours, event in told]
    return Way(NOON, tuple(steps))


def there(key: Key, at: str = "") -> e.Delivered:
    """The parcel is with the customer."""
    return e.Delivered(rule="deliver", key=key, delivered_at=at)


def measured(*ways: Way) -> Measured:
    """What these orders come to."""
    found = Measured()
    found.add(ways)
    return found


def test_an_order_s_parcels_are_measured_each_by_itself() -> None:
    """From the order to the hand-over, and from there to the customer, as the carrier says."""
    at = (NOON + timedelta(hours=71)).isoformat()
    found = measured(
        way((5, left(F1, K1)), (23, left(F2, K2)), (90, there(K1, at)), (50, there(K2)))
    )
    assert found.handling == [5.0, 23.0]
    assert found.transit == {"US": [66.0, 27.0]}


def test_what_waited_for_stock_or_for_its_day_is_no_handling() -> None:
    """It says nothing about what is in stock; how long its parcel travelled counts."""
    short = e.Backordered(rule="backorder", key=F1, skus=("MUG-1",))
    later = e.UnitsScheduled(rule="later", outside_id="s-1", at="2027-01-01T00:00:00Z")
    for event in (short, later):
        found = measured(way((1, event), (500, left(F1, K1)), (548, there(K1))))
        assert (found.handling, found.transit) == ([], {"US": [48.0]})


def test_the_country_is_the_one_that_it_went_to() -> None:
    """An address that changed counts where it went, and a country that no one told counts
    nowhere."""
    placed = Stream().placed(country="US")
    changed = e.Changed(
        rule="change", by="channel", facets=("address",), source_updated_at="", total_minor=1,
        payment="paid", body_digest="", country="CA",
    )  # fmt: skip
    steps = [Step(placed, NOON), Step(changed, NOON), Step(left(F1, K1), NOON)]
    steps.append(Step(there(K1), NOON + timedelta(hours=30)))
    assert measured(Way(NOON, tuple(steps))).transit == {"CA": [30.0]}
    assert measured(way((1, left(F1, K1)), (2, there(K1)), country="")).transit == {}


def test_a_wrong_clock_makes_no_negative_time() -> None:
    """A carrier that says it was there before it left is taken for no time at all, and a time
    without a zone for none."""
    before = (NOON - timedelta(hours=9)).isoformat()
    found = measured(way((5, left(F1, K1)), (50, there(K1, before))))
    assert found.transit == {"US": [0.0]}
    plain = NOON.replace(tzinfo=None).isoformat()
    assert measured(way((5, left(F1, K1)), (50, there(K1, plain)))).transit == {"US": [45.0]}


@pytest.mark.parametrize(
    ("hours", "days"),
    [
        ([1.0] * (LEAST - 1), None), ([1.0] * LEAST, Days(0, 1)), ([24.0] * LEAST, Days(1, 1)),
        ([24.1] * LEAST, Days(1, 2)), ([*[30.0] * 18, 900.0, 900.0], Days(1, 2)),
        ([*[30.0] * 17, *[900.0] * 3], Days(1, 38)), ([float(x) for x in range(100)], Days(0, 4)),
    ],
)  # fmt: skip
def test_nine_of_ten_take_no_longer(hours: list[float], days: Days | None) -> None:
    """Whole days around the quantiles, and nothing where too few parcels are known."""
    assert days_of(list(reversed(hours))) == days


def test_only_countries_of_which_enough_is_known_are_stated() -> None:
    """A single parcel to Canada is an accident; without hand-overs nothing is stated at all."""
    some = Measured(handling=[5.0] * LEAST, transit={"US": [60.0] * LEAST, "CA": [60.0]})
    (one,) = shipping_of(some)
    assert one["shippingDestination"]["addressCountry"] == "US"
    assert one["deliveryTime"]["handlingTime"]["maxValue"] == 1
    transit = one["deliveryTime"]["transitTime"]
    assert (transit["minValue"], transit["maxValue"], transit["unitCode"]) == (2, 3, "DAY")
    assert shipping_of(Measured(transit={"US": [60.0] * LEAST})) == []

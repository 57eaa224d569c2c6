"""Orders that wait for a person longer than their goods are kept for them."""

from __future__ import annotations

from actors.order.policy import Policy
from tests.stories.orders import an_order, cups
from tests.stories.pure import Pure


def waiting() -> Pure:
    """An order that a person reviews, with its goods reserved; they are kept for three days."""
    told = Pure("full")
    told.policy = Policy(reservation_seconds=72 * 3_600)
    told.given("an order in review").has_stock("WH1", "SKU-1", 2).has_stock("WH1", "SKU-2", 1)
    told.is_slow("reserve").places(an_order()).person("hold").answers("reserve")
    told.then("its goods are kept, and no one packs").stock_is_held(l1=2, l2=1).tasks_are(0)
    return told


def test_an_order_is_released_from_review_after_its_reservation_expired() -> None:
    """Its goods are given back after three days, and reserved again before anyone packs; it goes
    out as if nothing had been, once."""
    told = waiting()
    told.when("two days pass").hours(48).then("they are still kept").stock_is_held(l1=2, l2=1)
    told.when("another day passes").hours(25).then("they are given back").stock_is_held()
    told.then("the order still waits").person_is_asked().tasks_are(0)
    told.when("it is released from review").person("release", told.world.state.holds[0].hold_id)
    told.then("they are kept again, and packed").stock_is_held(l1=2, l2=1).tasks_are(1)
    told.packs().sends().carrier_says("delivered").stage_is("closed")
    told.then("the shop shows it once").shop_shows({"l1": 2, "l2": 1}).erp_has(l1=2, l2=1)
    told.no_one_is_asked().ends()


def test_an_order_is_released_from_review_after_others_took_its_goods() -> None:
    """It waits for stock as any other does, and goes out when that has come."""
    told = waiting()
    told.when("four days pass, and others take the cups").hours(96).has_stock("WH1", "SKU-1", 0)
    told.when("it is released from review").person("release", told.world.state.holds[0].hold_id)
    told.then("nothing is promised that is not there").tasks_hold(l2=1).erp_has(l1=2, l2=1)
    told.when("cups come in").has_stock("WH1", "SKU-1", 2).hours(24)
    told.then("they are packed, too").tasks_hold(l1=2, l2=1).stock_is_held(l1=2, l2=1)
    told.no_one_is_asked().ends()


def test_an_order_in_review_is_cancelled_after_its_reservation_expired() -> None:
    """Nothing is given back a second time."""
    told = waiting()
    told.when("four days pass").hours(96).stock_is_held()
    told.when("the customer cancels").shop_cancels()
    told.then("nothing is left of it").stage_is("cancelled").stock_is_held().tasks_are(0).erp_has()
    assert told.world.partners.stock.on_hand["WH1", "SKU-1"] == 2
    told.ends()


def test_an_order_in_review_is_changed_after_its_reservation_expired() -> None:
    """What is reserved again is what it is now."""
    told = waiting()
    told.when("four days pass").hours(96).stock_is_held()
    told.when("the shop takes the jar and a cup away").states_lines(cups(1)).stock_is_held()
    told.when("it is released from review").person("release", told.world.state.holds[0].hold_id)
    told.then("the rest is kept, and packed").stock_is_held(l1=1).tasks_hold(l1=1).erp_has(l1=1)
    told.packs().sends().carrier_says("delivered").no_one_is_asked().ends()

"""Orders that go out in parts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.conftest import Seller
from tests.stories.orders import an_order, cups, jars


@pytest.mark.both
def test_a_warehouse_ships_three_of_two(seller: Seller) -> None:
    """It is written down as it is, the shop is told, and a person hears of the one too many."""
    told = seller("full").given("an order of two cups").places(an_order(cups(2)))
    told.when("the warehouse packs and sends three").packs(l1=3).sends()
    told.then("the shop shows three").shop_shows({"l1": 3})
    told.then("a person hears of it").person_is_asked("1 × SKU-1 too many").erp_has(l1=2).ends()


@pytest.mark.both
def test_two_warehouses_and_one_short_pick(seller: Seller) -> None:
    """One place sends all it was asked, the other is short; the rest waits for stock."""
    told = seller("two places").given("cups here and jars there")
    told.has_stock("WH1", "SKU-1", 2).has_stock("WH1", "SKU-2", 0)
    told.has_stock("WH2", "SKU-1", 0).has_stock("WH2", "SKU-2", 3)
    told.when("an order needs both").places(an_order(cups(2), jars(3)))
    told.then("each place has its part").task_holds("F1", l2=3).task_holds("F2", l1=2)
    told.when("the second finds a jar too little").packs("F1", l2=2).person_is_asked("short")
    told.person("backorder", "F1").sends("F1").packs("F2").sends("F2")
    told.then("the shop shows what went").shop_shows({"l2": 2}, {"l1": 2}).stage_is("open").ends()


@pytest.mark.both
def test_a_second_parcel_arrives_a_day_later(seller: Seller) -> None:
    """The order is complete when the last parcel is, and the customer can follow both. In the real
    servers no day passes: a parcel moves when the story says so."""
    told = seller("full").given("two parcels on their way").places(an_order())
    told.packs(l1=2, more=True).packs(l2=1).sends()
    told.labels_are(2).shop_shows({"l1": 2}, {"l2": 1})
    told.when("the first arrives").carrier_says("delivered", "K1").stage_is("open")
    told.when("a day later the second does").hours(24).carrier_says("delivered", "K2")
    told.then("it is done").stage_is("closed").no_one_is_asked().ends()


@pytest.mark.both
def test_a_3pl_buys_its_own_labels(seller: Seller) -> None:
    """Numbers come in with its notice, the shop gets them, and no carrier of ours is asked."""
    told = seller("3PL").given("a 3PL has the task").places(an_order()).tasks_are(1)
    told.when("it packs and sends with its own number").packs(number="JJ1").sends()
    told.then("the shop shows it").shop_shows({"l1": 2, "l2": 1}).labels_are(0)
    told.then("and the order is done").stage_is("closed").no_one_is_asked().ends()


@pytest.mark.both
def test_a_warehouse_splits_a_shipment_by_itself(seller: Seller) -> None:
    """Two hand-overs of one task: the shop is told of each, with exactly what went."""
    told = seller("full").given("a task").places(an_order())
    told.when("a part leaves").packs(l1=2, more=True).sends(box=1).shop_shows({"l1": 2})
    told.when("the rest leaves").packs(l2=1).sends(box=2)
    told.then("the shop shows both").shop_shows({"l1": 2}, {"l2": 1}).tasks_are(1)
    told.when("both arrive").carrier_says("delivered").stage_is("closed").ends()


@pytest.mark.both
def test_stock_is_refused_and_split_over_two_places(seller: Seller) -> None:
    """No place has all of it: it is planned again, the fewest parcels first."""
    told = seller("two places").given("two cups here and one there")
    told.has_stock("WH1", "SKU-1", 2).has_stock("WH2", "SKU-1", 1)
    told.when("an order needs three").places(an_order(cups(3)))
    told.then("each place has a task").task_holds("F1", l1=2).task_holds("F2", l1=1)
    told.then("and nothing is held twice").stock_is_held(l1=3).no_one_is_asked().ends()


@pytest.mark.both
def test_a_short_pick_is_backordered_by_policy(seller: Seller) -> None:
    """The rest is sent, and the missing unit waits for stock, without a person."""
    told = seller("three places").given("a task of two cups").places(an_order(cups(2)))
    told.when("one is found").finds(l1=1).packs(l1=1).sends()
    told.then("the shop shows one").shop_shows({"l1": 1}).stage_is("open").no_one_is_asked()
    told.when("stock is asked again").hours(7).packs("F2").sends("F2")
    told.then("both have left").shop_shows({"l1": 1}, {"l1": 1}).erp_has(l1=2).ends()


def test_a_short_pick_is_dropped_by_policy(seller: Seller) -> None:
    """The missing unit leaves the order, the ERP follows, and its money is owed."""
    told = seller("3PL with tracking").given("a task of two cups").places(an_order(cups(2)))
    told.when("one is found and sent").finds(l1=1).packs(l1=1, number="JJ1").sends()
    told.then("the order comes to one").erp_has(l1=1).shop_shows({"l1": 1})
    told.then("money is owed").person_is_asked("5.00 USD are owed").ends()


@pytest.mark.both
def test_somebody_else_fulfils_a_part(seller: Seller) -> None:
    """What the shop shows as sent by others is not sent by us, and the rest is."""
    told = seller("full").given("a task of two cups and a jar").places(an_order())
    told.when("a supplier sends the jar").others_send("2", 1)
    told.then("the task is without it").tasks_are(1).task_holds("F2", l1=2)
    told.when("ours leaves").packs("F2").sends("F2").carrier_says("delivered")
    told.then("the shop shows ours once").shop_shows({"l1": 2}).stage_is("closed").ends()


def test_a_pickup_is_prepared_and_collected(seller: Seller) -> None:
    """No carrier, no label: the customer comes for it, once the shop shows it as ready."""
    told = seller("full").given("a pickup").places(an_order(replace(cups(), delivery="pickup")))
    told.then("nothing is ready").shop_shows_ready()
    told.when("it is packed").packs().then("it waits for him").shop_shows_ready("F1")
    told.when("he collects it").customer_collects().shop_shows_ready("F1")
    told.then("it is done").labels_are(0).shop_shows({"l1": 2}).stage_is("closed").ends()


@pytest.mark.both
def test_a_warehouse_cancels_by_itself_and_another_takes_over(seller: Seller) -> None:
    """The place that refused is not asked again by itself."""
    told = seller("two places").given("a task at the first place").places(an_order())
    told.when("it cancels").drops_task()
    told.then("the other place has it").tasks_are(1).task_holds("F2", l1=2, l2=1)
    told.then("with the stock of one").stock_is_held(l1=2, l2=1).no_one_is_asked().ends()


def test_a_part_waits_for_its_day(seller: Seller) -> None:
    """The shop wants the jar sent tomorrow: the cups go today, and the jar goes by itself."""
    told = seller("full").given("a task of two cups and a jar").places(an_order())
    told.when("the shop puts the jar off").shop_puts_off(20, l2=1)
    told.then("the cups are a task of their own").tasks_are(1).task_holds("F2", l1=2)
    told.when("they are sent").packs("F2").sends("F2").carrier_says("delivered")
    told.then("the order waits for no one").stage_is("open").no_one_is_asked()
    told.when("its day comes").hours(20).then("the jar is a task").task_holds("F3", l2=1)
    told.when("it is sent").packs("F3").sends("F3").carrier_says("delivered")
    told.then("all of it has left").shop_shows({"l1": 2}, {"l2": 1}).erp_has(l1=2, l2=1).ends()

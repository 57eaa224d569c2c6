"""Orders that change on their way."""

from __future__ import annotations

import pytest

from tests.stories.conftest import Seller
from tests.stories.orders import OAK, PINE, TO_PINE, an_order, cups, jars


@pytest.mark.both
def test_the_address_is_corrected_before_the_label(seller: Seller) -> None:
    """After acceptance and before the label all of it goes to the new address by itself."""
    told = seller("full").given("an order that the warehouse works on").places(an_order())
    told.when("the shop corrects the address").states(ship_to=TO_PINE)
    told.when("the warehouse packs what it was asked last").packs("F2").sends("F2")
    told.then("label and task say the new one").goods_go_to(PINE).labels_are(1)
    told.then("and the ERP has one order").erp_has(l1=2, l2=1).no_one_is_asked().ends()


@pytest.mark.both
def test_the_address_is_corrected_after_the_label(seller: Seller) -> None:
    """The label is voided and bought again; the warehouse goes on with what it packed."""
    told = seller("full").given("a packed parcel with its label").places(an_order()).packs()
    told.then("it says the old address").goods_go_to(OAK)
    told.when("the shop corrects the address").states(ship_to=TO_PINE)
    told.then("a new label was bought, and the old one is void").labels_are(1, void=1)
    told.when("it leaves").sends().carrier_says("delivered")
    told.then("no one had to do anything").no_one_is_asked().tasks_are(1).ends()


@pytest.mark.both
def test_the_address_is_corrected_after_the_parcel_left(seller: Seller) -> None:
    """What has left can't follow: one person's task names exactly what differs."""
    told = seller("full").given("a parcel on its way").places(an_order()).packs().sends()
    told.when("the shop corrects the address").states(ship_to=TO_PINE)
    told.then("a person is told which parcel").person_is_asked("address", "K1").labels_are(1).ends()


@pytest.mark.both
def test_a_line_is_removed_while_it_is_picked(seller: Seller) -> None:
    """The task is cancelled and issued again without it; the ERP follows."""
    told = seller("full").given("the warehouse picks").places(an_order()).picks()
    told.when("the shop removes the jar").states_lines(cups())
    told.then("the task is a new one").tasks_are(1).task_holds("F2", l1=2).erp_has(l1=2)
    told.then("its stock is given back").stock_is_held(l1=2)
    told.when("the rest goes out").packs("F2").sends("F2").carrier_says("delivered")
    told.then("no one had to do anything").no_one_is_asked().ends()


@pytest.mark.both
def test_an_app_edits_an_order_five_times(seller: Seller) -> None:
    """With the echo of our own in between: the tasks hold the last word, and no hold stays."""
    told = seller("full").given("an order").places(an_order())
    for count in (3, 4, 2, 5, 3):
        told.when(f"the app makes it {count} cups").states_lines(cups(count), jars())
        told.when("the shop echoes").states()
    told.then("the tasks hold the last word").tasks_hold(l1=3, l2=1).erp_has(l1=3, l2=1)
    told.then("and no one is asked").no_one_is_asked().stock_is_held(l1=3, l2=1).ends()


@pytest.mark.both
def test_an_exchange_is_added_after_the_order_closed(seller: Seller) -> None:
    """A line added to a closed order is owed once its money is there, and ships."""
    told = seller("full").given("a closed order").places(an_order()).packs().sends()
    told.carrier_says("delivered").stage_is("closed")
    told.when("the shop exchanges the jar for two").states_lines(cups(), jars(3))
    told.then("it is open again, and the new jars are packed").packs("F2").sends("F2")
    told.carrier_says("delivered").shop_shows({"l1": 2, "l2": 1}, {"l2": 2}).erp_has(l1=2, l2=3)
    told.stage_is("closed").ends()


@pytest.mark.both
def test_a_person_edits_an_order_and_the_shop_repeats_itself(seller: Seller) -> None:
    """What a person took away stays away, and is owed; the shop's echo does not bring it back."""
    told = seller("full").given("an order").places(an_order())
    told.when("a person takes a cup away").edits(l1=1)
    told.then("money is owed").person_is_asked("5.00 USD are owed").erp_has(l1=1, l2=1)
    told.when("the shop repeats itself").states()
    told.then("nothing comes back").erp_has(l1=1, l2=1).tasks_are(1).task_holds("F2", l1=1, l2=1)
    told.when("the shop takes away the other cup").states_lines(cups(1), jars())
    told.then("one cup is still wanted").erp_has(l1=1, l2=1).ends()


@pytest.mark.both
def test_the_address_is_swapped_after_a_person_looked(seller: Seller) -> None:
    """A hold that a person released does not send goods to the address of before."""
    told = seller("full").given("a test order that a person releases").places(an_order(test=True))
    told.person_is_asked("test").person("release")
    told.when("the address is swapped").states(ship_to=TO_PINE).packs("F2").sends("F2")
    told.then("what leaves says the address of now").goods_go_to(PINE).ends()


def test_a_mapping_is_missing_and_then_added(seller: Seller) -> None:
    """The order waits by name for the SKU, and goes on by itself."""
    told = seller("full", "SKU-1").given("an order with an unknown SKU").places(an_order())
    told.then("a person is told which").person_is_asked("SKU-2").tasks_are(0)
    told.when("it is listed").knows_skus("SKU-1", "SKU-2").everyone_answers()
    told.then("the order goes on").no_one_is_asked().tasks_are(1).erp_has(l1=2, l2=1).ends()

"""Orders that are cancelled, here and in the shop."""

from __future__ import annotations

import pytest

from tests.stories.conftest import Seller
from tests.stories.orders import an_order, cups


@pytest.mark.both
def test_an_order_is_cancelled_here(seller: Seller) -> None:
    """Task, label, stock and ERP are undone, then the shop and the customer are told."""
    told = seller("full").given("a packed order with its label").places(an_order()).packs()
    told.when("a person cancels it").person("cancel")
    told.then("everything is undone").labels_are(0, void=1).tasks_are(0).stock_is_held().erp_has()
    told.then("the shop is told by us").shop_is_cancelled(by_us=True)
    told.then("and the customer").mails_are("order_confirmed", "order_cancelled")
    told.then("money is owed").person_is_asked("17.50 USD are owed").person("done")
    told.stage_is("cancelled").ends()


@pytest.mark.both
def test_an_order_is_cancelled_in_the_shop(seller: Seller) -> None:
    """The same is undone; the shop knows it already, and pays back itself."""
    told = seller("full").given("an order being worked on").places(an_order())
    told.when("the customer cancels it in the shop").shop_cancels()
    told.then("everything is undone").tasks_are(0).stock_is_held().erp_has()
    told.then("the shop is not told again").shop_is_cancelled(by_us=False).no_one_is_asked()
    told.stage_is("cancelled").ends()


@pytest.mark.both
def test_a_cancellation_while_one_of_two_shipments_has_left(seller: Seller) -> None:
    """What has left is not undone and is named; the rest is, and the shop still shows the order."""
    told = seller("two places").given("two shipments").has_stock("WH1", "SKU-1", 2)
    told.has_stock("WH1", "SKU-2", 0).has_stock("WH2", "SKU-2", 1).has_stock("WH2", "SKU-1", 0)
    told.places(an_order()).packs("F1").sends("F1")
    told.when("a person cancels the order").person("cancel")
    told.then("the other shipment is undone").tasks_are(1).erp_has(l1=2).stock_is_held()
    told.then("a person settles its money").person_is_asked("7.50 USD", "a part of the order")
    told.then("the first goes on").shop_shows({"l1": 2}).carrier_says("delivered").person("done")
    told.stage_is("closed").ends()


@pytest.mark.both
def test_a_confirmation_is_given_up_and_the_order_cancelled(seller: Seller) -> None:
    """The confirmation was skipped; the cancellation mail still goes."""
    told = seller("full").given("a mail server that is down").fails("mail").places(an_order())
    told.when("a person skips the confirmation").person("skip", "mail").no_one_is_asked()
    told.when("and cancels the order").person("cancel")
    told.then("the cancellation is written").mails_are("order_cancelled").person("done")
    told.stage_is("cancelled").ends()


@pytest.mark.both
def test_a_warehouse_refuses_to_cancel(seller: Seller) -> None:
    """Nothing more is bought for it before a person has looked; what leaves is told."""
    told = seller("full").given("an order being packed").places(an_order()).refuses("cancel task")
    told.when("a person cancels it").person("cancel")
    told.then("a person is asked").person_is_asked("does not cancel F1").packs().labels_are(0)
    told.when("a person lets it go").person("release", "cancel-refused").labels_are(1)
    told.sends().carrier_says("delivered").shop_shows({"l1": 2, "l2": 1}).stage_is("closed").ends()


@pytest.mark.both
def test_a_label_is_wanted_no_more_and_turns_out_to_be_bought(seller: Seller) -> None:
    """The late answer for a dropped label voids it by itself, and reopens nothing else."""
    told = seller("full").given("a label of which no one knows").places(an_order())
    told.answer_is_lost("label").packs().person_is_asked("did not answer")
    told.when("the order is cancelled and the label skipped").person("cancel")
    told.person("skip", "label")
    told.when("the carrier's answer comes after all").answers("label")
    told.then("it is voided").labels_are(0, void=1).tasks_are(0).erp_has().person("done")
    told.stage_is("cancelled").ends()


def test_goods_leave_although_their_task_was_cancelled(seller: Seller) -> None:
    """What has left is written down, shown in the shop, and a person is told."""
    told = seller("full").given("a packed order").places(an_order()).packs()
    told.when("it is cancelled").person("cancel").person("done").stage_is("cancelled")
    told.when("and leaves all the same").sends()
    told.then("the shop would show it, but it is cancelled").person_is_asked("left although").ends()


def test_goods_are_packed_and_leave_although_their_task_was_cancelled(seller: Seller) -> None:
    """The warehouse tells what it packed, then only that it left: no one is asked what it holds."""
    told = seller("full").given("an order at its warehouse").places(an_order())
    told.when("it is cancelled").person("cancel").person("done").stage_is("cancelled")
    told.when("and packed all the same").packs(l1=2).no_one_is_asked().stage_is("cancelled")
    told.when("and leaves").sends()
    told.then("a person is told exactly what").person_is_asked("2 × SKU-1 too many left with F1")
    told.then("and asked no more than that").ends()


def test_the_shop_asks_not_to_send_and_takes_it_off(seller: Seller) -> None:
    """The warehouse gives the goods back, the shop hears yes, and what it leaves on is sent."""
    told = seller("full").given("a task of two cups and a jar").places(an_order())
    told.when("the shop asks not to send the jar").shop_asks_to_stop(l2=1)
    told.then("it hears that it is stopped").shop_hears("stopped").tasks_are(0)
    told.then("nothing is held for it").stock_is_held().person_is_asked("asks to cancel")
    told.when("it takes the jar off").states_lines(cups())
    told.then("the cups go on").tasks_are(1).task_holds("F2", l1=2).no_one_is_asked().ends()


def test_the_shop_asks_not_to_send_what_has_left(seller: Seller) -> None:
    """It hears no, and no person is asked."""
    told = seller("full").given("a parcel that left").places(an_order()).packs().sends()
    told.when("the shop asks not to send it").shop_asks_to_stop(l1=2, l2=1)
    told.then("it hears that it can't be stopped").shop_hears("not_stopped").no_one_is_asked()
    told.ends()


def test_the_warehouse_does_not_stop_what_the_shop_asks_for(seller: Seller) -> None:
    """The shop hears no, and the goods go on by themselves."""
    told = seller("full").given("a task of two cups and a jar").places(an_order())
    told.refuses("cancel task", "It is on the truck.").shop_asks_to_stop(l1=2)
    told.then("it hears that it can't be stopped").shop_hears("not_stopped").no_one_is_asked()
    told.when("it is packed and leaves").packs().sends()
    told.then("the shop shows it").shop_shows({"l1": 2, "l2": 1}).ends()

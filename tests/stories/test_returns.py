"""Goods that come back, with their money before, after, or without them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.conftest import Seller
from tests.stories.orders import an_order, cups, jars
from tests.stories.runner import Runner


def arrived(seller: Seller, name: str = "refunds") -> Runner:
    """Return a story whose two cups and jar have arrived."""
    told = seller(name).given("an order that arrived").places(an_order()).packs().sends()
    return told.carrier_says("delivered")


@pytest.mark.both
def test_a_return_that_goes_well(seller: Seller) -> None:
    """Asked for, received, inspected: the cup is on the shelf again, and its money goes back."""
    told = arrived(seller).when("the customer wants to send a cup back").back("request", l1=1)
    told.then("it is agreed by the settings").return_is("authorised").no_one_is_asked()
    told.when("it comes").back("receive").back("inspect", "restock", l1=1)
    told.then("it is paid and on the shelf").return_is("closed").refunds_are(500)
    told.stock_got_back(l1=1).no_one_is_asked().ends()


@pytest.mark.both
def test_goods_without_a_return(seller: Seller) -> None:
    """A jar comes that no one had announced; it is broken, and paid back all the same."""
    told = arrived(seller).when("a jar comes").back("receive", l2=1).return_is("received")
    told.when("it turns out to be broken").back("inspect", "discard", l2=1)
    told.then("nothing goes on the shelf").stock_got_back().refunds_are(750)
    told.return_is("closed").no_one_is_asked().ends()


@pytest.mark.both
def test_money_before_goods(seller: Seller) -> None:
    """The shop gives a cup's money back while it is on its way: we give none."""
    told = arrived(seller).given("a return of a cup").back("request", l1=1)
    told.when("the shop gives its money back").shop_gives_back(500, l1=1)
    told.then("no one has to ask for it").no_one_is_asked()
    told.when("it comes").back("receive").back("inspect", "restock", l1=1)
    told.then("we give nothing").refunds_are().return_is("closed").stock_got_back(l1=1)
    told.no_one_is_asked().ends()


def test_goods_before_money(seller: Seller) -> None:
    """We give the money back, and then the shop states the order without the cup: no one is asked
    for a cup that is here, and nothing is given twice."""
    told = arrived(seller).given("a return of a cup").back("request", l1=1)
    told.when("it comes").back("receive").back("inspect", "restock", l1=1).refunds_are(500)
    told.when("the shop shows it").shop_gives_back(500, l1=1)
    told.then("that is all").refunds_are(500).no_one_is_asked().ends()


def test_money_without_a_return(seller: Seller) -> None:
    """The shop gives money back for what left, and nothing comes: a person is told to see to it."""
    told = arrived(seller).when("the shop gives a cup back").shop_gives_back(500, l1=1)
    told.then("a person is told").person_is_asked("removed or refunded after they left")
    told.refunds_are().ends()


def test_a_return_without_goods(seller: Seller) -> None:
    """Nothing comes for a month: an alarm, and no money; then it is called off."""
    told = arrived(seller).given("a return of a cup").back("request", l1=1)
    told.when("a month passes").hours(31 * 24).then("no money went back").refunds_are()
    told.return_is("authorised").when("it is called off").back("cancel").return_is("cancelled")
    told.refunds_are().ends()


@pytest.mark.both
def test_the_shop_paid_for_a_part_of_what_comes(seller: Seller) -> None:
    """Two cups come, one of which the shop paid for: we pay for the other."""
    told = arrived(seller).given("a return of two cups").back("request", l1=2)
    told.when("the shop pays for one").shop_gives_back(500, l1=1)
    told.when("both come").back("receive").back("inspect", "restock", l1=2)
    told.then("we pay for the other").refunds_are(500).stock_got_back(l1=2)
    told.return_is("closed").no_one_is_asked().ends()


def test_a_refund_in_the_shop_after_it_shipped_and_another(seller: Seller) -> None:
    """Two cups are paid for in the shop, one after the other; both come, and we pay for none."""
    told = arrived(seller).given("a return of two cups").back("request", l1=2)
    told.when("the shop pays for one").shop_gives_back(500, l1=1)
    told.when("and for the other").shop_gives_back(500, l1=1)
    told.when("both come").back("receive").back("inspect", "restock", l1=2)
    told.then("we pay for none").refunds_are().return_is("closed").no_one_is_asked().ends()


def test_the_last_unit_of_a_line_takes_the_rest(seller: Seller) -> None:
    """Three cups for 10.00 come back one by one: what is given sums to what was paid."""
    line = replace(cups(3), unit_price_minor=0, total_minor=1000)
    told = seller("refunds").given("three cups for 10.00").places(an_order(line, jars(1)))
    told.packs().sends().carrier_says("delivered")
    for key in ("T1", "T2", "T3"):
        told.when("a cup comes").back("receive", l1=1).back("inspect", "restock", l1=1)
        told.return_is("closed", key)
    told.then("the cents add up").refunds_are(333, 334, 333).no_one_is_asked().ends()


def test_a_return_with_a_restocking_fee(seller: Seller) -> None:
    """15 % is kept of a cup, and a person authorises it first."""
    told = arrived(seller, "captures and refunds").back("request", l1=1)
    told.then("a person is asked").person_is_asked("authorise or decline it")
    told.when("he agrees").back("authorise").back("receive").back("inspect", "restock", l1=1)
    told.then("the fee is kept").refunds_are(425).no_one_is_asked().ends()


def test_a_return_is_declined_and_comes_all_the_same(seller: Seller) -> None:
    """What is here is inspected; nothing is paid for it, because a person says so."""
    told = arrived(seller).given("a return that is asked for too late").hours(48)
    told.back("request", l1=1).return_is("declined")
    told.when("the cup comes").back("receive", l1=1).return_is("received", "T2")
    told.back("inspect", "damaged", "none", l1=1)
    told.then("it is neither paid nor sold again").refunds_are().stock_got_back()
    told.return_is("closed", "T2").ends()


@pytest.mark.both
def test_a_return_that_the_shop_decides(seller: Seller) -> None:
    """Its webhooks tell that it was asked for and agreed to; the goods say which they are."""
    told = arrived(seller).when("the customer asks in the shop").shop_tells_of_return("request")
    told.then("the shop decides").return_is("requested").no_one_is_asked()
    told.when("it agrees").shop_tells_of_return("authorise").return_is("authorised")
    told.when("a jar comes").back("receive", l2=1).back("inspect", "restock", l2=1)
    told.then("it is paid for").refunds_are(750).return_is("closed").stock_got_back(l2=1).ends()


def test_an_answer_of_a_return_s_refund_is_lost(seller: Seller) -> None:
    """It is looked up, and the customer gets the money once."""
    told = arrived(seller).given("a return of a cup").back("request", l1=1).back("receive")
    told.when("the refund's answer is lost").answer_is_lost("refund")
    told.back("inspect", "restock", l1=1).then("it is found").refunds_are(500)
    told.return_is("closed").ends()


def test_the_stock_does_not_answer(seller: Seller) -> None:
    """Whether the shelf has the cup is not known: tried again, it is there once."""
    told = arrived(seller).given("a return of a cup").back("request", l1=1).back("receive")
    told.when("the stock's answer is lost").answer_is_lost("restock")
    told.back("inspect", "restock", l1=1).when("a person tries again").person("retry", "restock")
    told.then("it is there once").stock_got_back(l1=1).return_is("closed").refunds_are(500).ends()

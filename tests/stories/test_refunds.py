"""Money that goes back to the customer, by the seller's policy, by a person, or in the shop."""

from __future__ import annotations

import pytest

from tests.stories.conftest import Seller
from tests.stories.orders import an_order, cups, jars


@pytest.mark.both
def test_a_short_pick_is_refunded_by_itself(seller: Seller) -> None:
    """What is not found is given back once, the shop takes it off, and no one is asked."""
    told = seller("refunds").given("an order of two cups and a jar").places(an_order())
    told.when("the warehouse finds one cup").finds(l1=1, l2=1)
    told.then("its money goes back").refunds_are(500).no_one_is_asked()
    told.when("the rest leaves").packs(l1=1, l2=1).sends().then("the shop shows it")
    told.shop_shows({"l1": 1, "l2": 1}).refunds_are(500).ends()


@pytest.mark.both
def test_a_cancelled_order_is_refunded_by_itself(seller: Seller) -> None:
    """Once everything is undone and the shop knows, all of it goes back; no one is asked."""
    told = seller("refunds").given("a packed order").places(an_order()).packs()
    told.when("a person cancels it").person("cancel")
    told.then("everything is undone").labels_are(0, void=1).tasks_are(0).erp_has()
    told.shop_is_cancelled(by_us=True).refunds_are(1750).no_one_is_asked()
    told.stage_is("cancelled").ends()


@pytest.mark.both
def test_an_answer_of_a_refund_is_lost(seller: Seller) -> None:
    """The shop tells of the refund before we know that it was ours: it is looked up, and not made
    again."""
    told = seller("refunds").given("an order").places(an_order())
    told.when("the refund's answer is lost").answer_is_lost("refund").finds(l1=1, l2=1)
    told.then("it is found").refunds_are(500)
    told.packs(l1=1, l2=1).sends().refunds_are(500).ends()


@pytest.mark.both
def test_a_refused_refund_is_tried_again(seller: Seller) -> None:
    """A person has it tried again; the goods don't wait for it."""
    told = seller("refunds").given("an order").places(an_order())
    told.refuses("refund").when("a cup is missing").finds(l1=1, l2=1).packs(
        l1=1, l2=1
    ).refunds_are()
    told.when("a person tries again").person("retry", "refund").refunds_are(500)
    told.sends().no_one_is_asked().ends()


@pytest.mark.both
def test_a_refund_in_the_shop_before_anything_shipped(seller: Seller) -> None:
    """What was given back there ships no more, and we give nothing."""
    told = seller("refunds").given("an order of three cups").places(an_order(cups(3), jars(1)))
    told.when("the shop gives one back").shop_gives_back(500, l1=1)
    told.then("two cups and the jar are packed").tasks_hold(l1=2, l2=1)
    told.refunds_are().ends()


@pytest.mark.both
def test_two_refunds_in_the_shop_and_one_here(seller: Seller) -> None:
    """Together they give back no more than was paid: what a person asks for here beyond it is
    refused, and the rest is given."""
    told = seller("refunds").given("an order of three cups").places(an_order(cups(3), jars(1)))
    told.when("the shop gives one cup back").shop_gives_back(500, l1=1)
    told.when("and another").shop_gives_back(500, l1=1)
    told.then("one cup and the jar are packed").tasks_hold(l1=1, l2=1)
    told.when("a person gives more back than is left").gives_back(1300).refunds_are()
    told.when("and then what is left").gives_back(1250).then("it is given").refunds_are(1250)
    told.ends()


@pytest.mark.both
def test_a_goodwill_refund_after_it_left(seller: Seller) -> None:
    """Nothing of the goods changes."""
    told = seller("refunds").given("an order that left").places(an_order()).packs().sends()
    told.when("a person gives something back").gives_back(199).then("it is given")
    told.refunds_are(199).no_one_is_asked().shop_shows({"l1": 2, "l2": 1}).ends()

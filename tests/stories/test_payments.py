"""Orders whose money is only reserved when they come."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.order.canonical import Order
from tests.stories.conftest import Seller
from tests.stories.orders import an_order, cups, jars
from tests.stories.runner import Runner


def reserved(*lines: object) -> Order:
    """Return an order whose card is charged later."""
    return replace(an_order(*lines), payment="authorized")  # type: ignore[arg-type]  # lines


def in_two_parts(told: Runner) -> Runner:
    """Let cups leave from one place and jars from another."""
    told.has_stock("WH1", "SKU-1", 2).has_stock("WH1", "SKU-2", 0)
    told.has_stock("WH2", "SKU-1", 0).has_stock("WH2", "SKU-2", 2)
    return told.places(reserved(cups(2), jars(2))).tasks_are(2)


@pytest.mark.both
def test_money_is_captured_before_goods_leave(seller: Seller) -> None:
    """What is packed is paid, once, and then its label is bought."""
    told = seller("captures").given("an order whose money is reserved").places(reserved())
    told.then("nothing is taken while it is packed").tasks_are(1).captured_is()
    told.when("it is packed").packs().then("the money is there").captured_is(1750).labels_are(1)
    told.when("it leaves").sends().then("the shop shows it").shop_shows({"l1": 2, "l2": 1})
    told.no_one_is_asked().ends()


@pytest.mark.both
def test_two_fulfilments_capture_a_share_each(seller: Seller) -> None:
    """The shares sum to the total, and no part is taken twice."""
    told = in_two_parts(seller("captures parts").given("a gateway that captures in parts"))
    told.gateway_captures(more_than_once=True)
    told.when("the first is packed").packs("F1")
    told.when("the second is packed").packs("F2").then("all is paid").labels_are(2)
    told.sends("F1").sends("F2").no_one_is_asked()
    told.captured_is(1000, 1500).ends()


@pytest.mark.both
def test_a_gateway_voids_the_rest(seller: Seller) -> None:
    """A partial capture frees what was left: the second part waits for a person, and leaves when he
    lets it."""
    told = in_two_parts(seller("captures parts").given("a gateway that captures once"))
    told.gateway_captures(more_than_once=False)
    told.when("the first is packed").packs("F1").captured_is(1000).labels_are(1)
    told.when("the second is packed").packs("F2").then("it waits").labels_are(1)
    told.person_is_asked("goods wait for 15.00 USD of P1", "frees what was not captured")
    told.when("a person lets it go").person("done", "unpaid-P1").labels_are(2)
    told.sends("F1").sends("F2").captured_is(1000).ends()


@pytest.mark.both
def test_an_answer_of_a_capture_is_lost(seller: Seller) -> None:
    """No one knows whether it was taken: it is looked up, and not taken again."""
    told = seller("captures").given("money that is reserved").places(reserved())
    told.when("the capture's answer is lost").answer_is_lost("capture").packs()
    told.then("it is found").captured_is(1750)
    told.ends()


@pytest.mark.both
def test_a_declined_capture_is_tried_again(seller: Seller) -> None:
    """The label waits; a person has it tried again, and it is taken once."""
    told = seller("captures").given("money that is reserved").places(reserved())
    told.refuses("capture").when("it is packed").packs().then("it waits").labels_are(0)
    told.when("a person tries again").person("retry", "capture").captured_is(1750).labels_are(1)
    told.sends().no_one_is_asked().ends()


@pytest.mark.both
def test_a_declined_capture_becomes_a_receivable(seller: Seller) -> None:
    """A person lets the goods go without it, and nothing is taken afterwards."""
    told = seller("captures").given("money that is reserved").places(reserved())
    told.refuses("capture").packs().labels_are(0)
    told.when("a person lets it go").person("skip", "capture").labels_are(1)
    told.sends().captured_is().ends()


@pytest.mark.both
def test_a_declined_capture_is_cancelled(seller: Seller) -> None:
    """The order is undone, the shop hears so and frees the money by itself."""
    told = seller("captures").given("money that is reserved").places(reserved())
    told.refuses("capture").packs().labels_are(0)
    told.when("a person cancels").person("cancel").stage_is("cancelled")
    told.shop_is_cancelled(by_us=True).captured_is().ends()


def test_an_authorisation_expires_on_hold(seller: Seller) -> None:
    """A person is told a day before; at its end the goods wait, until the shop is paid."""
    told = seller("captures").given("a held order").places(reserved())
    told.when("the shop says that its money went back").states(payment="voided")
    told.person_is_asked("the payment is voided")
    told = seller("captures").given("an order that is not packed").places(reserved())
    told.when("six days pass").hours(6 * 24).person_is_asked("reserved until", "release what keeps")
    told.when("its time is over").hours(2 * 24).packs().labels_are(0)
    told.person_is_asked("its authorisation has expired", "have the customer pay again")
    told.when("the customer pays again").states(payment="paid", amount_due_minor=0).labels_are(1)
    told.sends().captured_is().ends()


@pytest.mark.both
def test_a_gift_card_covers_all(seller: Seller) -> None:
    """What is paid when it comes is not captured."""
    told = seller("captures").given("an order that is paid").places(an_order())
    told.packs().labels_are(1).sends().captured_is().no_one_is_asked().ends()

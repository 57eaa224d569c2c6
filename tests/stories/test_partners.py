"""Partners that answer late, never, or not as asked; sellers without some of them."""

from __future__ import annotations

import pytest

from actors.order import stream
from tests.stories.conftest import Seller
from tests.stories.orders import PINE, TO_PINE, an_order, cups
from tests.stories.pure import Pure
from tests.stories.runner import Call, Runner


@pytest.mark.both
def test_a_skipped_label_turns_up_an_hour_later(seller: Seller) -> None:
    """An effect was skipped as unknown; its label arrives, is used, and is not bought again. In the
    real servers the hour is some seconds: the carrier finds the label once the story says so, and
    the service looks it up by its reference (`sought_seconds`)."""
    told = seller("full").given("the carrier's answer is lost").answer_is_lost("label")
    told.places(an_order()).packs().person_is_asked("did not answer")
    told.when("a person skips the label").person("skip", "label").labels_are(1)
    told.when("an hour later it arrives").hours(1).answers("label")
    told.then("it is the parcel's label").labels_are(1).sends().carrier_says("delivered")
    told.then("the shop shows it once").shop_shows({"l1": 2, "l2": 1}).stage_is("closed").ends()


@pytest.mark.both
@pytest.mark.parametrize("call", ["task", "post", "label", "publish"])
def test_an_unknown_call_is_looked_up_when_it_is_tried_again(seller: Seller, call: Call) -> None:
    """Whatever call it was, a person's retry finds what it did: nothing is done twice."""
    tried_again(seller("full"), call)


def test_an_unknown_reservation_is_looked_up_when_it_is_tried_again(seller: Seller) -> None:
    """So it is with our own stock, whose answers no simulator can lose."""
    tried_again(seller("full"), "reserve")


def tried_again(told: Runner, call: Call) -> None:
    """A call's answer is lost, and a person tries it again."""
    told.given(f"the answer to {call} is lost").answer_is_lost(call).places(an_order())
    if call in ("label", "publish"):
        told.packs()
    if call == "publish":
        told.sends()
    told.when("a person tries it again").person_is_asked("did not answer").person("retry")
    told.then("it is found").no_one_is_asked().tasks_are(1).erp_has(l1=2, l2=1).ends()


@pytest.mark.both
def test_an_address_changes_while_no_one_knows_of_the_label(seller: Seller) -> None:
    """A label that may be bought says the address of then: it is voided and bought again."""
    told = seller("full").given("a label of which no one knows").answer_is_lost("label")
    told.places(an_order()).packs()
    told.when("the address changes").states(ship_to=TO_PINE)
    told.when("and a person tries again").person("retry")
    told.then("the found one is void, and another bought").labels_are(1, void=1)
    told.labels_say(PINE).no_one_is_asked().ends()


@pytest.mark.both
def test_cash_on_delivery(seller: Seller) -> None:
    """It is accepted by its method, and the amount to collect reaches the warehouse once."""
    order = an_order(payment="pending", payment_method="cod")
    told = seller("COD").given("cash on delivery").places(order)
    told.then("the task says what to collect").tasks_are(1).collected_is(1750)
    told.when("it is sent and arrives").packs().sends().carrier_says("delivered")
    told.then("it is done").stage_is("closed").no_one_is_asked().ends()


@pytest.mark.both
def test_cash_on_delivery_in_two_parts(seller: Seller) -> None:
    """Each part collects its share, and the shares sum to the whole."""
    told = seller("COD").given("a split order").has_stock("WH1", "SKU-1", 2)
    told.has_stock("WH2", "SKU-1", 1)
    told.places(an_order(cups(3), payment="pending", payment_method="cod"))
    told.then("the shares sum to it").tasks_are(2).collected_is(1000, 500).ends()


@pytest.mark.both
def test_a_seller_without_an_erp(seller: Seller) -> None:
    """The life is shorter, not stuck."""
    told = seller("no ERP").given("no ERP").places(an_order()).packs().sends()
    told.when("it arrives").carrier_says("delivered")
    told.then("it is done").erp_has().stage_is("closed").no_one_is_asked().ends()


@pytest.mark.both
def test_a_seller_without_a_warehouse(seller: Seller) -> None:
    """A person packs, and is told exactly what; the label is bought for what was packed."""
    told = seller("no warehouse").given("no warehouse").places(an_order())
    told.then("a person is told what to pack").person_is_asked("2 × SKU-1", "1 × SKU-2")
    told.when("it is packed").person("done").labels_are(1).carrier_says("delivered")
    told.then("it is done").shop_shows({"l1": 2, "l2": 1}).stage_is("closed").ends()


def test_a_partly_refunded_order_at_first_sight(seller: Seller) -> None:
    """What was refunded is not ordered any more; the rest is paid and ships."""
    told = seller("full").given("refunded in part").places(an_order(payment="partially_refunded"))
    told.then("it is accepted").tasks_are(1).no_one_is_asked().packs().sends()
    told.carrier_says("delivered").stage_is("closed").ends()


@pytest.mark.both
def test_an_order_without_money_waits_for_a_person(seller: Seller) -> None:
    """Nothing is promised for it until one accepts it."""
    told = seller("full").given("an unpaid order").places(an_order(payment="pending"))
    told.then("it waits").stage_is("placed").tasks_are(0).stock_is_held()
    told.when("a person accepts it").person("accept")
    told.then("it is worked on").tasks_are(1).ends()


@pytest.mark.both
def test_a_parcel_is_returned_to_its_sender(seller: Seller) -> None:
    """A person hears of it at the first such scan."""
    told = seller("full").given("a parcel on its way").places(an_order()).packs().sends()
    told.when("the carrier returns it").carrier_says("returned")
    told.then("a person is told").person_is_asked("the carrier returns K1").person("done").ends()


@pytest.mark.both
def test_a_parcel_is_lost(seller: Seller) -> None:
    """So is one that the carrier does not find."""
    told = seller("full").given("a parcel on its way").places(an_order()).packs().sends()
    told.when("the carrier loses it").carrier_says("lost")
    told.then("a person is told").person_is_asked("has lost K1").person("done").ends()


def test_an_order_stored_before_a_machine_existed() -> None:
    """A stored state of other machines is rebuilt from the events, byte for byte what they give."""
    told = Pure("full").given("a stored order").places(an_order()).packs().sends()
    stored = stream.encode_state(told.world.state)
    older = stored.replace(stream.VERSIONS.encode(), b"O1F1K1L1D1", 1)
    told.when("it is read by a service with one machine more")
    with pytest.raises(stream.StateOutdated):
        stream.decode_state(older)
    told.then("it is built again").ends()
    assert stream.encode_state(stream.replay(told.world.events)) == stream.encode_state(
        told.world.state
    )

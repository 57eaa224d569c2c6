"""A storefront is told how far something is that it waits for: a pickup that is ready, and goods
that it asked us not to send."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from actors.order.words import of_fulfilment
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    K1,
    MAIN,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_closed,
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
    published,
)

SHOP = replace(SETUP, hears=frozenset({"ready", "stop"}))
TAKING = replace(SETUP, hears=frozenset({"request"}))
TWO = replace(SHOP, places=(MAIN, Place(name="WH2", warehouse="wms-2", carrier="dhl")))
COLLECTED = i.ReportCollected(ref=REF, fulfilment=F1, task_id="t-F1")
TOLD = f.StandingTold()

ASKED = "gid://shopify/FulfillmentOrder/7"
TOPIC = "fulfillment_orders/cancellation_request_submitted"
WORDS = "The storefront asks to cancel the fulfilment."


def a_pickup(setup: object = SHOP, quantity: int = 2) -> Story:
    """An order that its customer collects, of which the warehouse has the task."""
    story = Story(setup=setup)  # type: ignore[arg-type]  # a Setup
    story.when(i.PlaceOrder(order=order_of(a_line("1", quantity, delivery="pickup"))))
    story.done(f.ReserveStock, RESERVED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    return story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)


def ready(*units: tuple[str, int]) -> f.TellStanding:
    """What a storefront is told of these lines."""
    held = tuple(f.Units(line, f"SKU-{line}", quantity) for line, quantity in units)
    return f.TellStanding(what="ready", units=held)


def asks(*units: tuple[str, int], name: str = ASKED) -> i.NoteReport:
    """The channel asks not to send these units."""
    held = tuple(f.Units(line, "", quantity) for line, quantity in units)
    stop = i.AskedToStop(outside_id=name, units=held)
    return i.NoteReport(
        ref=REF, source="shopify", topic=TOPIC, words=WORDS, hold="before_hand_over", stop=stop
    )


def answer(story: Story) -> f.TellStanding:
    """What the channel is told of what it asked."""
    found = story.effect(f.TellStanding)
    assert isinstance(found, f.TellStanding)
    return found


# --- goods that the channel asks us to take on ---


def requests(name: str = ASKED) -> i.NoteReport:
    """The channel asks us to take goods on."""
    topic = "fulfillment_orders/fulfillment_request_submitted"
    return i.NoteReport(ref=REF, source="shopify", topic=topic, words="It asks.", request=name)


def test_goods_are_taken_on_when_the_order_is_accepted() -> None:
    """Not before, and once; a request that came before its order is kept for it."""
    story = Story(setup=TAKING).when(requests())
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).then_effects()
    story.when(i.ConfirmPayment(ref=REF))
    assert answer(story) == f.TellStanding(what="taken", outside_id=ASKED)
    story.done(f.TellStanding, TOLD).then_events(e.RequestAnswered)
    assert story.state.requests == ()


def test_goods_of_a_cancelled_order_are_not_taken_on() -> None:
    """With the reason; its end waits for that."""
    story = Story(setup=TAKING).when(requests())
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).act("cancel")
    why = "the order is cancelled"
    assert answer(story) == f.TellStanding(what="not_taken", outside_id=ASKED, reason=why)
    assert story.stage() != "cancelled"
    story.done(f.TellStanding, TOLD)
    assert story.state.requests == ()
    closed = given_closed(Story(setup=TAKING)).when(requests())
    assert answer(closed).what == "taken"


def test_a_request_that_came_before_its_cancelled_order_is_answered() -> None:
    """The order itself may never come, and the channel waits for no one."""
    story = Story(setup=TAKING).when(requests(), i.CancelOrder(ref=REF, reason="customer"))
    assert answer(story).what == "not_taken"
    story.done(f.TellStanding, TOLD).then_events(e.RequestAnswered).then_stage("expected")


def test_goods_that_others_sent_are_not_taken_on() -> None:
    """Nothing is left that could be accepted: an order that was not paid waits for nothing."""
    story = Story(setup=TAKING)
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).when(requests())
    units = (f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1))
    shown = i.OutsideShipment(outside_id="theirs", units=units)
    story.when(i.UpdateOrder(order=later(9, an_order(payment="pending")), fulfilled=(shown,)))
    why = "nothing of the order is left to send"
    assert answer(story) == f.TellStanding(what="not_taken", outside_id=ASKED, reason=why)
    story.done(f.TellStanding, TOLD).then_events(e.RequestAnswered, e.Closed)


def test_a_person_may_answer_a_request_in_the_channel() -> None:
    """What is refused is a person's, who goes on without it."""
    story = given_placed(Story(setup=TAKING)).when(requests())
    story.refused(f.TellStanding, "no such request").act("skip")
    assert (story.state.requests, story.state.stuck) == ((), ())


def test_a_channel_that_can_t_be_answered_asks_nothing() -> None:
    """Its request is on the timeline alone."""
    story = given_placed().when(requests()).then_events(e.ReportNoted)
    assert story.state.requests == ()


# --- a pickup that is ready -----------------------------------------------------------------------


def test_a_packed_pickup_is_told_once_and_fulfilled_when_it_is_collected() -> None:
    """The shop hears that it waits when the warehouse has packed it, and that it was collected."""
    story = a_pickup().when(packed()).then_events(e.Packed).then_effects(f.TellStanding)
    assert answer(story) == ready(("1", 2))
    story.done(f.TellStanding, TOLD).then_events(e.ReadyTold).then_effects()
    story.when(packed()).then_effects()
    story.when(COLLECTED).then_effects(f.PublishFulfilment)
    published(story).then_stage("closed")


def test_what_a_channel_shows_because_we_told_it_holds_nothing() -> None:
    """It comes back as a status that otherwise holds the order; before that it does hold it."""
    shown = i.NoteReport(
        ref=REF, source="bigcommerce", topic="Awaiting Pickup", words="It waits.", waits=True,
        hold="before_hand_over", ready=True,
    )  # fmt: skip
    story = a_pickup().when(packed()).when(shown).then_events(e.ReportNoted)
    story.done(f.TellStanding, TOLD).when(shown).then_events(e.ReportNoted)
    a_pickup().when(shown).then_events(e.ReportNoted, e.Held, e.Stopped)


def test_a_storefront_that_can_t_be_told_is_told_nothing() -> None:
    """Nor is one told of parcels: only what its customer collects waits for him."""
    a_pickup(SETUP).when(packed()).then_effects()
    given_packed(Story(setup=SHOP)).then_effects(f.BuyLabel)


def test_a_pickup_is_not_told_while_it_is_held_or_stopped() -> None:
    """No one is sent to a shop that will not hand the goods out."""
    held = i.NoteReport(ref=REF, source="s", topic="t", words="w", hold="before_hand_over")
    story = a_pickup().when(held, packed()).then_effects()
    story.refused(f.CancelTask, "It is packed.").then_effects()
    story.act("release").then_effects(f.TellStanding)
    story = a_pickup().act("cancel").when(packed())
    assert "tell_standing" not in str(story.open_kinds())


def test_a_pickup_is_told_when_the_last_of_it_is_packed() -> None:
    """A part that is packed, or a short pick that no one has decided about, is not ready."""
    story = a_pickup().when(packed(a_parcel("a", l1=1), complete=False)).then_effects()
    story.when(packed(a_parcel("b", l1=1))).then_effects(f.TellStanding)
    assert answer(story) == ready(("1", 2))


def test_what_waits_at_two_places_is_told_together() -> None:
    """The shop can show it as ready only when all of it is, so it is told of all that waits."""
    story = Story(setup=TWO).when(i.PlaceOrder(order=order_of(a_line("1", 2, delivery="pickup"))))
    seen = (f.Seen("WH1", "SKU-1", 1), f.Seen("WH2", "SKU-1", 1))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=seen), F1)
    for key, place in ((F1, "WH1"), (F2, "WH2")):
        story.done(f.ReserveStock, f.StockReserved(place=place), key)
        story.done(f.CreateTask, f.TaskCreated(task_id=f"t-{key}"), key)
    story.when(packed()).done(f.TellStanding, f.StandingTold(told=False), F1)
    story.when(packed(key=F2)).then_effects(f.TellStanding)
    assert answer(story) == ready(("1", 2))


def test_what_waits_elsewhere_is_not_told_where_places_matter() -> None:
    """A shop that knows our places is told what waits at each, and from which goods left."""
    story = Story(setup=replace(TWO, hears=TWO.hears | {"place"}))
    story.when(i.PlaceOrder(order=order_of(a_line("1", 2, delivery="pickup"))))
    seen = (f.Seen("WH1", "SKU-1", 1), f.Seen("WH2", "SKU-1", 1))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=seen), F1)
    for key, place in ((F1, "WH1"), (F2, "WH2")):
        story.done(f.ReserveStock, f.StockReserved(place=place), key)
        story.done(f.CreateTask, f.TaskCreated(task_id=f"t-{key}"), key)
    story.when(packed()).done(f.TellStanding, TOLD, F1)
    assert "the customer to collect it" in str(
        of_fulfilment(story.state, F1, story.state.fulfilments[F1])
    )
    story.when(packed(key=F2))
    assert answer(story) == replace(ready(("1", 1)), place="WH2")
    story.done(f.TellStanding, TOLD, F2).when(COLLECTED)
    told = story.effect(f.PublishFulfilment, F1)
    assert isinstance(told, f.PublishFulfilment)
    assert told.place == "WH1"


def test_a_refusal_that_comes_after_the_customer_is_no_one_s() -> None:
    """He has the goods, so nothing is left to tell; the shop is told that they are with him."""
    story = a_pickup().when(packed()).when(COLLECTED).then_effects()
    story.refused(f.TellStanding, "no").then_effects(f.PublishFulfilment)
    assert story.state.stuck == ()


def test_a_person_goes_on_when_the_shop_does_not_take_it() -> None:
    """A refused or lost call waits for one, who retries it under the same key or did it there."""
    story = a_pickup().when(packed()).refused(f.TellStanding, "it is not a pickup")
    assert "how far F1 is was refused: it is not a pickup" in waiting_for(story.state)
    story.act("skip").then_events(e.Skipped, e.ReadyTold).when(COLLECTED)
    published(story).then_stage("closed")
    story = a_pickup().when(packed()).unknown(f.TellStanding)
    story.act("retry").then_effects(f.TellStanding)
    story.done(f.TellStanding, f.StandingTold(told=False)).then_events(e.ReadyTold)


def test_a_late_answer_is_taken() -> None:
    """It comes after a person went on, or when the goods were handed out: nothing is told again."""
    story = a_pickup().when(packed())
    number = story.number(f.TellStanding)
    story.unknown(f.TellStanding).act("skip").when(i.EffectDone(number=number, result=TOLD))
    story.when(COLLECTED).then_effects(f.PublishFulfilment)
    story = a_pickup().when(packed(), COLLECTED).done(f.TellStanding, TOLD)
    story.then_events(e.ReadyTold).then_effects(f.PublishFulfilment)


# --- goods that the channel asks not to send ------------------------------------------------------


def given_stopped(units: tuple[tuple[str, int], ...] = (("1", 2), ("2", 1))) -> Story:
    """The channel asked not to send them, and the warehouse has given them back."""
    story = given_released(Story(setup=SHOP)).when(asks(*units))
    story.then_events(e.ReportNoted, e.Held, e.StopAsked, e.Stopped).then_effects(f.CancelTask)
    return story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())


def test_goods_that_the_warehouse_gives_back_are_stopped() -> None:
    """The channel is told yes once it is so, the units are not planned again, and a person is asked
    unless the channel says what becomes of them."""
    story = given_stopped()
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.StopDecided)
    assert answer(story) == f.TellStanding(
        what="stopped", outside_id=ASKED, reason="the goods have not left, and no one works on them"
    )
    story.done(f.TellStanding, TOLD).then_events(e.StopAnswered).then_effects()
    assert story.counts() == {"q": 2, "o": 2}
    assert "asks to cancel the fulfilment" in waiting_for(story.state)


def test_what_the_channel_takes_off_ends_the_hold_and_the_rest_is_sent() -> None:
    """It asked for one line, the other one was in the same task: it goes on by itself."""
    story = given_stopped((("2", 1),)).done(f.TellStanding, TOLD)
    rest = order_of(an_order().lines[0])
    story.when(i.UpdateOrder(order=later(1, rest)))
    story.then_events(e.Changed, e.UnitsDropped, e.HoldReleased, e.FulfilmentPlanned)
    assert (story.state.stops, story.state.holds) == ((), ())
    assert story.state.fulfilments[F2].left == ((0, 2),)


def test_a_person_may_send_it_all_the_same() -> None:
    """Released after the answer it is planned again; before it, the channel is told no."""
    story = given_stopped().done(f.TellStanding, TOLD).act("release")
    story.then_events(e.HoldReleased, e.FulfilmentPlanned)
    story = given_released(Story(setup=SHOP)).when(asks(("1", 2))).act("release")
    story.then_events(e.HoldReleased, e.StopDecided)
    assert (answer(story).what, answer(story).reason) == (
        "not_stopped",
        "the seller decided to send the goods",
    )


def test_goods_that_have_left_are_not_stopped() -> None:
    """On their way to the customer, or to the shop's knowledge: nothing is held for it."""
    story = given_shipped(Story(setup=SHOP)).when(asks(("1", 2), ("2", 1)))
    story.then_events(e.ReportNoted, e.StopAsked, e.StopDecided).then_effects(f.TellStanding)
    assert answer(story).what == "not_stopped"
    assert answer(story).reason.startswith("2 × SKU-1, 1 × SKU-2 left before")
    story.done(f.TellStanding, TOLD).then_events(e.StopAnswered)
    assert (story.state.stops, story.state.holds, story.state.tasks) == ((), (), ())
    story = given_closed(Story(setup=SHOP)).when(asks(("1", 2)))
    story.done(f.TellStanding, TOLD).then_stage("closed")


def test_goods_that_leave_after_all_before_the_shop_is_told_are_not_said_to_be_stopped() -> None:
    """The shop is still being asked something else when what was stopped leaves the house."""
    story = given_released(Story(setup=SHOP))
    story.when(i.RefetchOrder(ref=REF, source="shopify", topic="orders/edited"))
    story.when(asks(("1", 2), ("2", 1))).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone()).then_effects()
    assert story.state.stops[0].verdict == "stopped"
    story.when(handed_over(a_parcel("p", l1=2, l2=1)))
    story.done(f.FetchOrder, f.OrderFetched(digest="d" * 64)).then_effects(f.TellStanding)
    assert answer(story).what == "not_stopped"
    assert answer(story).reason == "the goods left although their task was cancelled"


def test_a_warehouse_that_does_not_stop_is_told_as_no() -> None:
    """The goods go on, and no person is asked for what the shop is told."""
    story = given_released(Story(setup=SHOP)).when(asks(("1", 1)))
    story.refused(f.CancelTask, "it is on the truck")
    story.then_events(e.StopDropped, e.StopDecided, e.HoldReleased).then_effects(f.TellStanding)
    assert answer(story).what == "not_stopped"
    story.done(f.TellStanding, TOLD)
    assert (story.state.holds, story.state.tasks, story.state.stops) == ((), (), ())
    story.when(packed()).then_effects(f.BuyLabel)


def test_goods_that_leave_while_they_are_stopped_are_told_as_no() -> None:
    """The hand-over overtakes the warehouse's answer."""
    story = given_labelled(Story(setup=SHOP)).when(asks(("1", 2)), handed_over())
    assert answer(story).what == "not_stopped"
    assert story.state.holds == ()


def test_a_request_that_is_repeated_is_one() -> None:
    """The same fulfilment order asked for twice is stopped and answered once."""
    story = given_stopped().when(asks(("1", 2), ("2", 1))).then_events(e.ReportNoted)
    assert len(story.state.stops) == 1


def test_a_second_request_waits_under_the_same_hold() -> None:
    """Each is answered by its own id; the hold ends when neither is left."""
    story = given_stopped((("1", 2),)).when(asks(("2", 1), name=f"{ASKED}1"))
    assert len({one.hold_id for one in story.state.stops}) == 1
    story.done(f.TellStanding, TOLD).then_effects(f.TellStanding)
    assert answer(story).outside_id == f"{ASKED}1"
    story.done(f.TellStanding, TOLD).when(i.CancelOrder(ref=REF, whole=True))
    story.done(f.CancelSalesOrder, f.Undone()).done(f.SendMail, SENT)
    story.then_stage("cancelled")


def test_what_no_one_has_begun_with_is_stopped_at_once() -> None:
    """Before stock is reserved, or while it is: the answer comes after that of the stock."""
    story = given_placed(Story(setup=SHOP)).when(asks(("1", 2)))
    story.done(f.ReserveStock, RESERVED).done(f.ReleaseStock, f.Undone())
    assert answer(story).what == "stopped"
    story = given_placed(Story(setup=SHOP), payment="pending").when(asks(("1", 2)))
    assert answer(story).what == "stopped"


def test_a_channel_that_can_t_be_told_is_asked_of_a_person() -> None:
    """As before: it holds the order, and nothing is stopped by itself."""
    story = given_released().when(asks(("1", 2))).then_events(e.ReportNoted, e.Held)
    story.then_effects()


def test_a_refused_answer_is_a_person_s() -> None:
    """He answers in the shop, and goes on here."""
    story = given_stopped().refused(f.TellStanding, "it is gone")
    assert "how far the order is was refused" in waiting_for(story.state)
    story.act("skip").then_events(e.Skipped, e.StopAnswered)
    story.act("release").then_events(e.HoldReleased, e.FulfilmentPlanned)


@pytest.mark.parametrize("units", [(("9", 1),), (("1", 0),)])
def test_what_the_order_does_not_have_is_not_stopped(units: tuple[tuple[str, int], ...]) -> None:
    """The hold stays for a person."""
    story = given_released(Story(setup=SHOP)).when(asks(*units))
    story.then_events(e.ReportNoted, e.Held).then_effects()
    assert story.state.parcels.get(K1) is None

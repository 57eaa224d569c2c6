"""An order that a channel only names, or that no one sent at all, is asked for."""

from __future__ import annotations

from datetime import timedelta

from actors.incidents.incidents import category_of, matter_of, settles
from actors.order.policy import Policy
from actors.order.steps import waiting_for
from schemas.contracts import incidents as c
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    Story,
    an_order,
    given_labelled,
    given_placed,
    given_released,
    given_shipped,
)

REF = "820982911946154508"
LOOK = i.RefetchOrder(ref=REF, source="bigcommerce", topic="store/order/updated")
FETCHED = f.OrderFetched(digest="d" * 64)
DUE = i.TimerFired(name="due")


def test_a_named_order_is_expected_and_asked_for() -> None:
    """Nothing but its name is known: the channel is asked, and its answer places the order."""
    story = Story().when(LOOK)
    story.then_events(e.LookAsked).then_effects(f.FetchOrder).then_stage("expected")
    story.done(f.FetchOrder, FETCHED).then_events(e.Fetched).then_effects()
    story.when(i.UpdateOrder(order=an_order())).then_stage("accepted")


def test_looks_that_come_while_it_is_asked_make_one_more_question() -> None:
    """What the answer under way has missed is asked for once more, however often it was said."""
    story = Story().when(LOOK).when(LOOK)
    story.then_events(e.LookAsked).then_effects()
    story.when(LOOK).then_events()
    story.done(f.FetchOrder, FETCHED).then_events(e.Fetched).then_effects(f.FetchOrder)
    story.done(f.FetchOrder, FETCHED).then_events(e.Fetched).then_effects()
    assert story.state.looks == 2


def test_a_known_order_goes_on_while_it_is_asked_for() -> None:
    """The question stops neither the way to the customer nor the end."""
    story = given_released().when(LOOK).then_effects(f.FetchOrder).then_stage("reserved")
    story.when(i.CancelOrder(ref=REF)).then_stage("cancelling")
    story.then_effects(f.CancelWarehouseTask)
    shipped = given_shipped().when(LOOK)
    shipped.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))
    shipped.when(i.TimerFired(name="track"))
    shipped.done(f.TrackShipment, f.Tracked(status="delivered")).then_stage("closed")
    assert shipped.open_kinds() == [f.tag_of(f.FetchOrder)]
    shipped.done(f.FetchOrder, FETCHED).then_events(e.Fetched)
    shipped.when(LOOK).then_events().then_effects()


def test_an_order_that_the_channel_does_not_know_is_a_persons() -> None:
    """It is visible with the channel's words, can be asked for again, and can be given up."""
    story = Story().when(LOOK)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="has no order 7"))
    story.then_events(e.GivenToPerson).then_stage("expected")
    assert "has no order 7" in waiting_for(story.state)
    told = story.events[-1]
    assert category_of(told) == c.FETCH_REFUSED
    story.when(i.ActOnOrder(ref=REF, verb="retry", person="ann"))
    story.then_effects(f.FetchOrder)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="still none"))
    assert len(story.state.stuck) == 1
    story.when(i.ActOnOrder(ref=REF, verb="cancel", person="ann", reason="a typing error"))
    story.then_events(e.CancelRequested, e.Cancelled).then_stage("cancelled")
    assert not waiting_for(story.state)


def test_an_order_that_was_given_up_and_arrives_is_placed() -> None:
    """An accepted order is never lost, whatever somebody thought before it came."""
    story = Story().when(LOOK)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="none"))
    story.when(i.ActOnOrder(ref=REF, verb="cancel", person="ann"))
    story.when(LOOK).then_effects(f.FetchOrder)
    story.when(i.PlaceOrder(order=an_order())).then_stage("accepted")
    assert story.state.cancel is None


def test_what_the_channel_cancelled_before_stays_cancelled() -> None:
    """A cancellation of the channel's own outlives that a person gave the order up."""
    story = Story().when(i.CancelOrder(ref=REF), LOOK)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="none"))
    story.when(i.ActOnOrder(ref=REF, verb="cancel", person="ann"))
    story.when(i.PlaceOrder(order=an_order())).then_stage("cancelled")


def test_a_later_answer_frees_what_was_stuck() -> None:
    """A question that a new webhook brings about and that succeeds ends the incident, too."""
    story = Story().when(LOOK)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="none"))
    matter = matter_of(story.events[-1])
    story.when(LOOK).then_effects(f.FetchOrder)
    story.done(f.FetchOrder, FETCHED)
    assert not story.state.stuck
    assert settles(story.events[-1], matter)


def test_a_refused_question_is_followed_by_the_one_that_waits() -> None:
    """Whoever changed the order meanwhile may have made it known."""
    story = Story().when(LOOK).when(LOOK)
    story.when(i.EffectRefused(number=story.number(f.FetchOrder), reason="none"))
    story.then_effects(f.FetchOrder)
    assert not story.state.refetch


def test_a_payment_without_its_order_has_the_order_asked_for_before_it_alarms() -> None:
    """What a machine can fix raises no alarm; when it could not, the alarm comes, and it is asked
    for again each day."""
    story = Story().when(i.ConfirmPayment(ref=REF)).then_stage("expected")
    story.when(DUE).then_events(e.LookAsked).then_effects(f.FetchOrder)
    assert story.last is not None
    policy = Policy()
    assert dict(story.last.set_timers)["due"] - story.now == timedelta(
        seconds=policy.place_due_seconds
    )
    story.done(f.FetchOrder, FETCHED)
    story.when(DUE).then_events(e.Overdue).then_effects(f.FetchOrder)
    story.when(DUE).then_events(e.Overdue).then_effects()


def test_an_order_that_must_wait_is_due_as_late_as_a_payment() -> None:
    """The channel's own words say why; the order that comes later is no longer waited for."""
    pending = i.NoteReport(
        ref=REF, source="amazon", topic="PENDING", words="not confirmed yet", waits=True
    )
    story = Story().when(LOOK).done(f.FetchOrder, FETCHED).when(pending)
    assert story.last is not None
    wait = dict(story.last.set_timers)["due"] - story.now
    assert wait == timedelta(seconds=Policy().payment_due_seconds)
    assert waiting_for(story.state) == "the channel: not confirmed yet"
    story.when(i.UpdateOrder(order=an_order(payment="pending"))).then_stage("placed")
    assert waiting_for(story.state) == "the customer's payment"


def test_a_note_that_must_wait_moves_no_order_that_is_there() -> None:
    """Only what has not come can be waited for."""
    for story in (given_placed(payment="pending"), given_labelled()):
        story.when(i.NoteReport(ref=REF, source="a", topic="P", words="w", waits=True))
        assert story.last is not None
        assert story.last.set_timers == ()
        assert story.state.waits == ""


def test_what_waits_at_its_channel_is_held_only_once_it_is_here() -> None:
    """A shop that holds an order back holds ours too, if we have it; else there is nothing to hold,
    and the order goes on by itself when the shop lets it."""
    note = i.NoteReport(
        ref=REF, source="x", topic="verify", words="By hand.", hold="before_hand_over", waits=True
    )
    story = Story().when(note).then_events(e.ReportNoted).then_stage("expected")
    assert not story.state.holds
    story.when(i.UpdateOrder(order=an_order())).then_stage("accepted")
    given_placed().when(note).then_events(e.ReportNoted, e.Held)

"""What people decide about an order, and what must not be left behind by it."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from actors.order.policy import DAY, Policy
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    LABEL,
    Story,
    an_order,
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
)

REF = "820982911946154508"
LATER = "2026-11-27T13:00:00Z"


def act(verb: str, target: str = "") -> i.ActOnOrder:
    """A person's decision."""
    return i.ActOnOrder(ref=REF, verb=verb, person="ann", target=target)


def in_doubt(story: Story, kind: type[f.Effect]) -> Story:
    """The open effect of this kind goes to a person, who shall say whether it was done."""
    return story.when(
        i.EffectGivenUp(number=story.number(kind), reason="no answer", outcome_known=False)
    )


def test_a_cancelled_order_waits_for_a_doubtful_label_that_is_looked_up_again() -> None:
    """A person has a label looked up during a cancellation: what is found is voided, not kept."""
    story = in_doubt(given_packed(), f.BuyLabel)
    story.when(i.CancelOrder(ref=REF)).then_stage("cancelling")
    story.when(act("retry")).then_stage("cancelling").then_effects(f.BuyLabel)
    story.done(f.BuyLabel, LABEL).then_effects(f.VoidLabel)


def test_a_cancelled_order_waits_for_a_doubtful_reservation() -> None:
    """The same holds for stock: what turns out to be reserved is released."""
    story = in_doubt(given_placed(), f.ReserveStock)
    story.when(i.CancelOrder(ref=REF), act("retry")).then_stage("cancelling")
    story.done(f.ReserveStock, f.StockReserved(place="WH1")).then_effects(f.ReleaseStock)


def test_a_cancelled_order_needs_no_one_any_more() -> None:
    """Holds and refused effects of an order that is undone wait for no one."""
    story = given_reserved()
    number = story.number(f.PostSalesOrder)
    story.when(i.EffectRefused(number=number, reason="no such customer"))
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t-1"))
    story.done(f.SendMail, f.MailSent(message_id="m-1"))
    story.when(i.ReportTaskCancelled(ref=REF, task_id="t-1"), i.CancelOrder(ref=REF))
    assert story.state.holds
    story.done(f.CancelWarehouseTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.then_stage("cancelled")
    assert story.state.holds == ()
    assert story.state.stuck == ()


def test_a_hold_of_a_final_order_is_refused_in_words() -> None:
    """Releasing a hold of a cancelled order is answered, and never a fault."""
    story = given_placed().when(i.CancelOrder(ref=REF))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",))).then_stage("cancelled")
    story.when(act("release")).then_events(e.ActionRefused)


def test_no_one_can_skip_what_the_order_cannot_go_on_without() -> None:
    """An order without reservation or label would stand still permanently if that were skipped."""
    reserving = given_placed()
    reserving.when(i.EffectRefused(number=reserving.number(f.ReserveStock), reason="no"))
    labelling = given_packed()
    labelling.when(i.EffectRefused(number=labelling.number(f.BuyLabel), reason="no"))
    for story in (reserving, labelling):
        story.when(act("skip")).then_events(e.ActionRefused)
        assert story.state.stuck


def test_a_skipped_question_is_asked_again_later() -> None:
    """Only tracking tells of the delivery, so skipping one question must not end the asking."""
    story = given_shipped().when(i.TimerFired(name="track"))
    story.when(i.EffectRefused(number=story.number(f.TrackShipment), reason="no"), act("skip"))
    assert story.last is not None
    assert [name for name, _ in story.last.set_timers] == ["track"]
    story.when(i.TimerFired(name="track")).then_effects(f.TrackShipment)


def test_a_mail_is_sent_again_for_a_closed_order() -> None:
    """A mail that failed doesn't keep an order open; a person may still have it sent."""
    story = given_reserved()
    story.when(i.EffectRefused(number=story.number(f.SendMail), reason="mailbox full"))
    story.done(f.PostSalesOrder, f.SalesOrderPosted(erp_id="e-1", number="S-1"))
    story.done(f.CreateWarehouseTask, f.TaskCreated(task_id="t-1"))
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=(f.Parcel(parcel_id="1"),)))
    story.done(f.BuyLabel, LABEL).when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered"))
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))
    story.then_stage("closed").when(act("retry")).then_effects(f.SendMail)
    story.done(f.SendMail, f.MailSent(message_id="m-1")).then_events(e.CustomerNotified)


def test_money_that_went_back_holds_the_order() -> None:
    """A payment that is voided or refunded after the order was accepted stops what can't be
    undone, once."""
    story = given_released(payment="authorized")
    gone = an_order(payment="voided", updated_at=LATER)
    story.when(i.UpdateOrder(order=gone)).then_events(e.UpdateNoted, e.Held)
    again = replace(gone, updated_at="2026-11-27T13:01:00Z")
    story.when(i.UpdateOrder(order=again)).then_events(e.UpdateNoted)
    story.when(i.ReportPacked(ref=REF, task_id="t-1", parcels=(f.Parcel(parcel_id="1"),)))
    story.then_effects()
    story.when(act("release")).then_effects(f.BuyLabel)


def test_a_partial_refund_holds_nothing() -> None:
    """Some money back is the seller's everyday kindness."""
    story = given_released()
    story.when(i.UpdateOrder(order=an_order(payment="partially_refunded", updated_at=LATER)))
    story.then_events(e.UpdateNoted)


def test_closing_is_asked_again_when_it_had_to_wait() -> None:
    """The timer that closes an order finds a partner still at work: it comes again."""
    story = given_labelled()
    story.policy = Policy(close_after_seconds=60.0)
    story.when(i.TimerFired(name="track"))
    story.done(f.TrackShipment, f.Tracked(status="delivered")).then_stage("delivered")
    story.when(i.TimerFired(name="close")).then_events().then_stage("delivered")
    story.done(f.PublishFulfilment, f.FulfilmentPublished(fulfilment_id="f-1"))
    story.then_stage("delivered")
    story.when(i.TimerFired(name="close")).then_events(e.Closed)


def test_an_alarm_is_repeated_daily_at_most() -> None:
    """An order that no one looks at must not grow by an event every ten minutes."""
    story = Story().when(i.ConfirmPayment(ref=REF), i.TimerFired(name="due"))
    story.done(f.FetchOrder, f.OrderFetched(digest="d")).when(i.TimerFired(name="due"))
    story.then_events(e.Overdue)
    assert story.last is not None
    assert story.last.set_timers == (("due", story.now + timedelta(seconds=DAY)),)


def test_two_statements_for_one_second_are_not_guessed_between() -> None:
    """Channels count in seconds: an edit in the second of the order itself is not a stale echo."""
    story = given_placed(payment="pending")
    edited = an_order(payment="pending", shipping_method="Express")
    story.when(i.UpdateOrder(order=edited)).then_events(e.Held)
    story.when(i.UpdateOrder(order=edited)).then_events()
    story.when(i.UpdateOrder(order=an_order())).then_events(e.PaymentConfirmed, e.Accepted)
    story.done(f.ReserveStock, f.StockReserved(place="WH1"))
    story.then_effects(f.PostSalesOrder, f.SendMail)


def test_an_echo_of_the_same_second_changes_nothing() -> None:
    """A channel that repeats itself holds no one up."""
    given_placed().when(i.UpdateOrder(order=an_order(note="the same"))).then_events()

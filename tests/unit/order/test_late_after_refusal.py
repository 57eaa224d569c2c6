"""A call of which no one knows is tried again and refused: the answer to the first one may still
come, and what it tells is adopted, also of what has ended meanwhile."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.things import ORDER, Key
from tests.given import (
    D1,
    F1,
    K1,
    L1,
    M1,
    MAIN,
    POSTED,
    REF,
    SENT,
    SETUP,
    Story,
    an_order,
    given_labelled,
    given_packed,
    given_released,
    given_reserved,
    handed_over,
    later,
    packed,
    sold,
)
from tests.model.setups import address
from tests.unit.order.test_late_answers import CANCEL, late

BY_THE_CHANNEL = i.CancelOrder(ref=REF, reason="customer", requested_by="channel")
NO_CARRIER = replace(SETUP, places=(replace(MAIN, carrier=""),))
RENAMED = i.EditOrder(ref=REF, person="bob", email="new@example.com")
MOVED = i.UpdateOrder(order=later(5, ship_to=address("99 Pine Road")))


def tried_twice(story: Story, kind: type[f.Effect]) -> int:
    """No one knows what became of a call, and a person has it made again; return its number."""
    number = story.number(kind)
    story.unknown(kind).act("retry").then_effects(kind)
    return number


def test_what_the_shop_shows_is_ours_although_it_refused_it_later() -> None:
    """The order was cancelled between the two calls; the first one had been carried out. Its answer
    comes when all of it has ended, and the shipment is not taken for somebody else's."""
    story = given_released(Story(setup=NO_CARRIER)).when(packed(), handed_over())
    number = tried_twice(story, f.PublishFulfilment)
    story.when(BY_THE_CHANNEL).refused(f.PublishFulfilment, "The order is cancelled.")
    story.then_events(e.Published, e.TaskOpened, e.FulfilmentDone)
    story.act("done").when(i.TimerFired(name="close", key=ORDER)).then_stage("closed")
    late(story, number, f.FulfilmentPublished(outside_ids=("f-1",))).then_events(e.Published)
    shown = i.OutsideShipment(outside_id="f-1", units=(f.Units("1", "SKU-1", 2),))
    story.when(i.UpdateOrder(order=later(9), fulfilled=(shown,))).then_events(e.UpdateNoted)


def test_what_the_shop_shows_is_ours_before_the_late_answer_comes() -> None:
    """The shop states the shipment first: it says what the call without an answer said."""
    story = given_released(Story(setup=NO_CARRIER)).when(packed(), handed_over())
    tried_twice(story, f.PublishFulfilment)
    story.when(BY_THE_CHANNEL).refused(f.PublishFulfilment, "The order is cancelled.")
    units = (f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1))
    shown = i.OutsideShipment(outside_id="f-1", units=units)
    story.when(i.UpdateOrder(order=later(9), fulfilled=(shown,)))
    story.then_events(e.UpdateNoted, e.OutsideMatched)


def test_a_label_that_was_bought_before_it_was_refused_is_voided() -> None:
    """It is not wanted any more, so the refusal asks no one; that it was sold does."""
    story = given_packed()
    number = tried_twice(story, f.BuyLabel)
    story.when(CANCEL).done(f.CancelTask, f.Undone()).refused(f.BuyLabel, "no")
    story.then_stage("dropped", L1)
    late(story, number, sold(K1)).then_events(e.LabelBought)
    story.then_effects(f.VoidLabel)


def test_a_label_that_was_void_before_it_was_refused_is_told() -> None:
    """The parcel left under it meanwhile: a person asks the carrier what becomes of it."""
    story = given_labelled().act("cancel").done(f.CancelTask, f.Undone())
    number = tried_twice(story, f.VoidLabel)
    story.when(handed_over()).refused(f.VoidLabel, "The label was scanned.")
    story.then_events(e.LabelStopDropped)
    late(story, number, f.Undone())
    assert e.LabelVoided in [type(one) for one in story.last.events]  # type: ignore[union-attr]  # it decided
    assert "K1 left under L1, which was voided meanwhile" in story.state.tasks[0].words


def test_a_task_that_was_there_before_it_was_refused_is_cancelled() -> None:
    """The order changed between the calls, and another task is asked for: the first one must not
    send the goods as well."""
    story = given_reserved().done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    number = tried_twice(story, f.CreateTask)
    story.when(MOVED).refused(f.CreateTask, "The address is not known.")
    assert e.Renewed in [type(one) for one in story.last.events]  # type: ignore[union-attr]  # it decided
    late(story, number, f.TaskCreated(task_id="t-9")).done(f.ReleaseStock, f.Undone())
    assert story.effect(f.CancelTask) == f.CancelTask(task_id="t-9")


def test_a_sales_order_that_was_there_before_it_was_refused_is_cancelled() -> None:
    """The order changed between the calls, and another one is posted: the ERP keeps one of them."""
    story = given_reserved().done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    number = tried_twice(story.done(f.SendMail, SENT), f.PostSalesOrder)
    story.when(RENAMED).refused(f.PostSalesOrder, "no").then_stage("refused", D1)
    story.done(f.PostSalesOrder, POSTED, "D2")
    late(story, number, f.SalesOrderPosted(erp_id="e-9", number="S-9")).then_events(e.Posted)
    story.then_effects(f.CancelSalesOrder)
    assert story.effect(f.CancelSalesOrder) == f.CancelSalesOrder(erp_id="e-9")
    story.done(f.CancelSalesOrder, f.Undone()).then_events(e.DocumentCancelled).then_effects()


def test_a_task_that_was_cancelled_before_that_was_refused_is_taken_back() -> None:
    """The warehouse does not work on it any more, so nothing waits for it."""
    story = given_released().act("cancel")
    number = tried_twice(story, f.CancelTask)
    story.refused(f.CancelTask, "no").then_events(e.StopDropped, e.Held)
    late(story, number, f.Undone())
    assert e.TaskCancelled in [type(one) for one in story.last.events]  # type: ignore[union-attr]  # it decided


def test_a_label_that_turns_up_when_its_parcel_went_without_one_is_voided() -> None:
    """The fulfilment has ended, and no parcel goes under what was paid for."""
    story = given_labelled(Story(setup=replace(SETUP, storefront="")))
    story.when(i.TimerFired(name="track", key=K1), MOVED).done(f.VoidLabel, f.Undone())
    number = story.number(f.BuyLabel)
    story.unknown(f.BuyLabel).act("skip").unknown(f.TrackParcel)
    story.when(handed_over()).then_stage("done", F1)
    late(story, number, sold(K1, shipment="S-2")).then_events(e.LabelBought, e.LabelStopped)
    story.then_effects(f.VoidLabel)


def test_money_that_was_taken_before_a_refusal_is_known() -> None:
    """No one knows whether a cancelled order's money was taken; the retry is refused and the
    capture dropped. The answer to the first call says that it was."""
    setup = replace(SETUP, capture="order", erp="", mail="")
    story = Story(setup=setup).when(i.PlaceOrder(order=an_order(payment="authorized")))
    number = tried_twice(story, f.CapturePayment)
    story.when(CANCEL).refused(f.CapturePayment, "The authorisation is gone.")
    story.then_stage("dropped", "C1")
    taken = f.PaymentCaptured(amount_minor=2250, left_minor=0, outside_id="T1")
    late(story, number, taken)
    story.then_stage("captured", "C1").then_stage("captured", "P1")
    assert story.state.captures[Key("C1")].taken == 2250


def test_a_refused_repeat_does_not_say_that_the_first_mail_was_not_sent() -> None:
    """No one knows whether the first one arrived. Each further attempt that fails, in whichever
    way, is put to a person as one that may have been done, and is the same message, so that mail
    programs recognise it; it ends when the server takes it."""
    story = given_reserved()
    tried_twice(story, f.SendMail)
    for said in ("try again later", "no such mailbox"):
        story.refused(f.SendMail, said).then_events(e.GivenToPerson)
        (stuck,) = story.state.stuck
        assert not stuck.outcome_known
        assert not stuck.refused
        assert "the customer may get it twice" in stuck.reason
        assert said in stuck.reason
        story.act("retry").then_events(e.Retried).then_effects(f.SendMail)
    story.done(f.SendMail, SENT).then_events(e.MessageSent)
    assert list(story.state.messages) == [M1]

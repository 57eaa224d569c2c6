"""Captures that others overtake: a late answer, goods that left another way, less that is due."""

from __future__ import annotations

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import F1, F2, REF, a_line, an_order, later, order_of
from tests.unit.order.test_payments import C1, C2, P1, PARTS, packed, placed, took


def test_money_that_two_calls_speak_of_is_counted_once() -> None:
    """The first call's answer comes late, after the repeat was refused and another capture was
    asked for: that one finds the money taken, and adds nothing to it."""
    story = packed(placed(PARTS)).unknown(f.CapturePayment)
    number = story.state.stuck[0].number
    story.act("retry").refused(f.CapturePayment, "no").act("retry").then_effects(f.CapturePayment)
    result = f.PaymentCaptured(amount_minor=1500, left_minor=750, outside_id="T1")
    story.when(i.EffectDone(number=number, result=result)).then_stage("captured", C1)
    took(story, 1500, left=750).then_stage("captured", C2)
    assert story.state.payments[P1].captured == 1500


def test_goods_that_wait_for_money_of_what_left_are_a_persons() -> None:
    """What was packed by hand was sent in part by the warehouse meanwhile, and the order is
    cancelled: the label of the first pack waits for money that no one captures any more."""
    story = placed().done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    number = story.number(f.CreateTask)
    story.unknown(f.CreateTask).act("skip").act("done", f"pack-{F1}")
    story.when(i.EffectDone(number=number, result=f.TaskCreated(task_id="t")))
    story.refused(f.CapturePayment).act("cancel").then_stage("dropped", C1)
    units = (f.Units("1", "SKU-1", 2),)
    box = i.ReportedParcel(parcel_id="1", units=units)
    story.when(i.ReportHandedOver(ref=REF, fulfilment=F1, task_id="t", parcels=(box,)))
    story.refused(f.CancelTask, "It has left.").act("release")
    assert "unpaid-P1" in [x.task_id for x in story.state.tasks]


def test_what_does_not_travel_goes_once_less_is_due() -> None:
    """A gateway that captures once freed the rest. Another file waits for money, until the channel
    takes back the first one, which is what the money was for."""
    first, box, more = (
        a_line("1", 2, delivery="digital"), a_line("2", 1), a_line("3", 1, delivery="digital")
    )  # fmt: skip
    story = placed(PARTS, order_of(first, box, payment="authorized"))
    took(story, 1000).then_events(e.Captured, e.Fulfilled)
    added = order_of(first, box, more, payment="authorized")
    story.when(i.UpdateOrder(order=later(1, added)))
    assert "unpaid-P1" in [x.task_id for x in story.state.tasks]
    assert story.counts(2) == {"p": 1, "a": 1}
    story.when(i.UpdateOrder(order=later(2, order_of(box, more, payment="authorized"))))
    assert story.counts(2) == {"p": 1, "f": 1}


def test_what_a_person_accepts_without_its_money_waits_for_none() -> None:
    """The goods are with the customer, the channel says that the money is void, and then adds a
    line, which a person accepts: its label does not wait for what no one can capture."""
    story = placed().done(f.ReserveStock, f.StockReserved(place="WH1"), F1)
    story.done(f.CreateTask, f.TaskCreated(task_id="t"), F1)
    story.when(i.ReportCollected(ref=REF, fulfilment=F1, task_id="t"))
    lines = an_order().lines
    more = order_of(*lines, a_line("3", 1), payment="voided")
    story.when(i.UpdateOrder(order=later(1, payment="voided")))
    story.when(i.UpdateOrder(order=later(2, more))).act("accept")
    assert story.state.payments[P1].waived
    packed(story, key=F2).then_effects(f.BuyLabel)

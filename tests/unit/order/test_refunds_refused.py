"""Refunds that the channel refused, made only in part, or made when no one counted on them."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import an_order, later
from tests.unit.order.test_refunds import R1, given, placed, takes_off


def test_a_refused_refund_is_not_dropped_where_nothing_is_left() -> None:
    """Where the shop calls the money gone, trying it again would ask for nothing: the person is
    told so, and the refund still waits for one."""
    story = takes_off(placed(), "1", 1)
    number = story.number(f.RefundPayment)
    story.refused(f.RefundPayment, "The card is closed.")
    totals = replace(an_order().totals, discount_minor=2250, total_minor=0)
    story.when(i.UpdateOrder(order=later(5, payment="partially_refunded", totals=totals)))
    story.act("retry", str(number)).then_stage("wanted", R1)
    assert isinstance(story.events[-1], e.ActionRefused)
    assert "no money of the order left" in story.events[-1].reason
    assert [one.number for one in story.state.stuck] == [number]
    story.act("skip", str(number)).then_stage("skipped", R1)


def test_more_than_was_taken_is_a_person_s() -> None:
    """The shop shows that others gave back more than the customer paid."""
    story = takes_off(placed(), "1", 1)
    given(story, 0, by_others=True, excess_minor=300).then_stage("refunded", R1)
    (task,) = story.state.tasks
    assert task.task_id == "refund-excess-R1"
    assert "3.00 USD more were given back" in task.words
    story.act("done", task.task_id)
    assert not story.state.tasks


def test_given_back_after_a_person_went_on_without_it() -> None:
    """A person paid by other means, and then the channel says that it gave the money back after
    all: that was twice, and a person is told."""
    story = takes_off(placed(), "1", 1)
    number = story.number(f.RefundPayment)
    story.unknown(f.RefundPayment).act("skip", str(number)).then_stage("skipped", R1)
    given_late = f.PaymentRefunded(amount_minor=500, outside_id="r-1")
    story.when(i.EffectDone(number=number, result=given_late)).then_stage("refunded", R1)
    (task,) = [one for one in story.state.tasks if one.task_id == "refund-excess-R1"]
    assert "5.00 USD were given back after all" in task.words
    story.act("done", task.task_id)
    assert "refund-excess-R1" not in [one.task_id for one in story.state.tasks]


def test_a_payment_that_declines_its_part() -> None:
    """Of two payments one took its part back, and the other one did not: what the customer does not
    have yet is a person's to pay."""
    story = takes_off(placed(), "1", 1)
    given(story, 300, declined_minor=200).then_stage("refunded", R1)
    (task,) = story.state.tasks
    assert task.task_id == "refund-declined-R1"
    assert "2.00 USD" in task.words
    story.act("done", task.task_id)
    assert not story.state.tasks

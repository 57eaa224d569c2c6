"""Refunds that others overtake: a lost answer, and money that comes in afterwards."""

from __future__ import annotations

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import Story, an_order, later
from tests.unit.order.test_refunds import BY_ITSELF, R1, answered, asked, given, placed, takes_off


def test_a_refund_that_may_have_been_given_is_never_another() -> None:
    """Its answer was lost, and the repeat was refused, perhaps because the money is back: what a
    person has tried again is the same refund, looked for first."""
    story = takes_off(placed(), "1", 1).unknown(f.RefundPayment)
    story.act("retry").refused(f.RefundPayment, "The order is refunded.")
    (stuck,) = story.state.stuck
    assert not stuck.outcome_known
    story.act("retry").then_events(e.Retried).then_effects(f.RefundPayment)
    assert story.last is not None
    assert story.last.effects[0].attempts == 1
    given(story).then_stage("refunded", R1)
    assert list(story.state.refunds) == [R1]


def test_what_comes_in_for_a_cancelled_order_goes_back() -> None:
    """A part was paid and given back; then the channel says that the rest is paid, too."""
    part = an_order(payment="partially_paid", amount_due_minor=750)
    story = Story(setup=BY_ITSELF).when(i.PlaceOrder(order=part)).act("accept")
    answered(story.done(f.ReserveStock, f.StockReserved(place="WH1")).act("cancel"))
    assert asked(story).amount_minor == 1500
    given(story)
    story.when(i.UpdateOrder(order=later(9, payment="paid")))
    assert asked(story).amount_minor == 750
    given(story)
    assert sum(one.given for one in story.state.refunds.values()) == 2250

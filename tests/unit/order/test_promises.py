"""Payments that are promised, and parts of payments: what an order is accepted by may change."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import REF, RESERVED, Story, an_order, given_placed, later
from tests.unit.order.test_people import COD


def test_a_promise_that_comes_later_is_one() -> None:
    """Given a pending order whose method the channel does not know yet: named later, it promises
    the payment as it would have at once."""
    story = given_placed(Story(setup=COD), payment="pending").then_stage("placed")
    named = later(5, payment="pending", payment_method="Net30")
    story.when(i.UpdateOrder(order=named)).then_stage("accepted")
    assert story.state.payment_method == "Net30"


def test_a_promise_that_is_withdrawn_holds_the_order() -> None:
    """Given an order that was accepted by its terms and then names another method, nothing leaves:
    until it is paid, or promised again, or a person lets it go."""
    unpaid: dict[str, Any] = {"payment": "pending", "payment_method": "bank transfer"}
    ends: tuple[i.Input, ...] = (
        i.ConfirmPayment(ref=REF),
        i.UpdateOrder(order=later(9, payment="paid", payment_method="bank transfer")),
        i.UpdateOrder(order=later(9, payment="pending", payment_method="net30")),
    )
    for end in ends:
        story = given_placed(Story(setup=COD), payment="pending", payment_method="net30")
        story.then_stage("accepted").when(i.UpdateOrder(order=later(5, **unpaid)))
        held = list(story.state.holds)
        assert next(x.reason for x in held).startswith(
            "it was accepted because its payment was promised by net30"
        )
        story.when(i.UpdateOrder(order=later(6, note="hurry", **unpaid)))
        assert list(story.state.holds) == held
        story.when(end)
        assert not story.state.holds
    story = given_placed(Story(setup=COD), payment="pending", payment_method="net30")
    story.when(i.UpdateOrder(order=later(5, **unpaid))).act("release", story.state.holds[0].hold_id)
    story.when(i.UpdateOrder(order=later(6, note="hurry", **unpaid)))
    assert not story.state.holds


@pytest.mark.parametrize("first", ["order", "payment"])
def test_a_part_of_the_payment_is_not_the_payment(first: str) -> None:
    """Given 1.00 paid of 22.50, whichever is heard of first: the order waits for the rest, and is
    accepted when all of it is there."""
    order, part = i.PlaceOrder(order=an_order(payment="pending")), i.ConfirmPayment(ref=REF)
    told = (order, replace(part, paid_minor=100))
    story = Story().when(*(told if first == "order" else reversed(told)))
    story.then_stage("placed")
    assert story.state.payment == "partially_paid"
    assert story.order is not None
    assert story.order.amount_due_minor == 2150
    story.when(replace(part, paid_minor=2250)).then_stage("accepted")
    assert story.state.payment == "paid"


def test_a_part_told_twice_is_one_part() -> None:
    """Given what is paid by now, told again or growing: only the whole of it is the payment, with
    the order in the message or without."""
    order = an_order(payment="pending")
    for stated in (None, later(3, order), later(3, payment="partially_paid")):
        part = i.ConfirmPayment(ref=REF, order=stated)
        for first in (i.PlaceOrder(order=order), replace(part, paid_minor=1)):
            story = Story().when(first)
            for paid in (1, 1200, 1200, 2160):
                story.when(replace(part, paid_minor=paid))
            if story.order is None:
                story.when(i.PlaceOrder(order=order))
            story.then_stage("placed")
            assert story.state.payment == "partially_paid"
            story.when(replace(part, paid_minor=2250)).then_stage("accepted")


def test_a_part_paid_with_the_order_leaves_the_rest_to_collect() -> None:
    """Given cash on delivery of 22.50 of which 12.00 were paid when the order came, 10.50 are
    collected with it."""
    order = an_order(payment="pending", payment_method="cash on delivery")
    story = Story(setup=COD).when(i.ConfirmPayment(ref=REF, paid_minor=1200, order=order))
    task = story.done(f.ReserveStock, RESERVED).effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 1050


def test_the_rest_of_a_payment_may_come_before_its_order_as_well() -> None:
    """Given a part and then all of it, or no sum, before the order comes: it is paid. What is told
    again, before the order or after it, changes nothing."""
    part = i.ConfirmPayment(ref=REF, paid_minor=100)
    for whole in (replace(part, paid_minor=2250), replace(part, paid_minor=None)):
        story = Story().when(part).when(part).then_events().when(whole).when(part).then_events()
        story.when(i.PlaceOrder(order=an_order(payment="pending"))).then_stage("accepted")
        assert story.state.payment == "paid"
    story = Story().when(i.PlaceOrder(order=an_order(payment="pending")), part)
    for again in (part, replace(part, order=later(3, payment="pending"))):
        count = len(story.events)
        story.when(again, again, again)
        assert not [x for x in story.events[count:] if isinstance(x, e.PaymentConfirmed)]
        assert sum(isinstance(x, e.Changed) for x in story.events[count:]) <= 1

"""What does not travel: held, withdrawn, and never sent back."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import (
    F2,
    REF,
    Story,
    a_line,
    later,
    order_of,
)


def test_what_does_not_travel_waits_for_a_hold_too() -> None:
    """Given a gift card in an order that a person holds: the shop is told of nothing before the
    hold ends, whether it was there before the order was paid or not."""
    card = order_of(a_line("1", 1), a_line("2", 1, delivery="digital"))
    story = Story().when(i.PlaceOrder(order=replace(card, payment="pending"))).act("hold")
    story.when(i.UpdateOrder(order=later(5, card))).then_stage("accepted")
    assert story.counts(1) == {"q": 1, "a": 1}
    story.act("release")
    assert story.counts(1) == {"q": 1, "f": 1}
    assert story.number(f.PublishFulfilment, F2)


def test_what_does_not_travel_is_withdrawn_and_not_sent_back() -> None:
    """Given a download that the customer has: whoever cancels or refunds it in the shop has it
    withdrawn."""
    order = order_of(a_line("1", 1), a_line("2", 1, delivery="digital"))
    for change in (
        i.UpdateOrder(order=later(5, order_of(order.lines[0]))),
        i.CancelOrder(ref=REF, reason="customer", whole=True),
    ):
        story = Story().when(i.PlaceOrder(order=order)).when(change)
        (task,) = story.state.tasks
        assert "they do not travel, so withdraw them" in task.words
        assert "sent back" not in task.words

"""What partners had refused of an order that is undone: no one is asked to have it tried again."""

from __future__ import annotations

import pytest

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import D1, POSTED, REF, RESERVED, given_released, given_reserved
from tests.unit.order.test_cancelling import undone


@pytest.mark.parametrize("known", [True, False])
def test_a_confirmation_that_was_refused_does_not_follow_the_cancellation(known: bool) -> None:
    """No one is confirmed an order that is undone, and no one is asked whether to."""
    story = given_reserved().done(f.PostSalesOrder, POSTED)
    story = story.refused(f.SendMail, "mailbox full") if known else story.unknown(f.SendMail)
    assert story.state.stuck
    story.act("cancel").done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    undone(story, f.CancelTask, f.ReleaseStock, f.CancelSalesOrder)
    assert story.state.stuck == ()
    story.done(f.CancelAtChannel, f.ChannelCancelled())
    assert story.effect(f.SendMail) == f.SendMail(template="order_cancelled")
    story.act("retry").then_events(e.ActionRefused)


def test_a_posting_that_was_refused_is_not_tried_again_of_an_undone_order() -> None:
    """Nothing was booked, so nothing is to be undone, and no one has to look."""
    story = given_reserved().refused(f.PostSalesOrder, "The customer is blocked.").act("cancel")
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    undone(story, f.CancelTask, f.ReleaseStock)
    assert story.state.stuck == ()
    assert story.stage(D1) == "refused"


def test_a_change_that_the_erp_refused_does_not_keep_it_from_cancelling() -> None:
    """Once everything is undone, the sales order is cancelled without a person."""
    story = given_released()
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="1", quantity=1),)))
    undone(story, f.CancelTask, f.ReleaseStock).done(f.ReserveStock, RESERVED)
    story.refused(f.AmendSalesOrder, "The order is released.").act("cancel")
    assert story.state.stuck
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F2"))
    undone(story, f.CancelTask, f.ReleaseStock)
    assert story.state.stuck == ()
    undone(story, f.CancelSalesOrder).then_effects(f.CancelAtChannel)

"""Orders that are cancelled when goods have left, or can't be stopped any more."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import (
    ELSEWHERE,
    F1,
    K1,
    K2,
    REF,
    SETUP,
    Story,
    a_parcel,
    an_order,
    given_released,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)

THREE_PL = replace(SETUP, places=(Place(name="3PL", warehouse="3pl", labels="them"),))


@pytest.mark.parametrize("status", ["returned", "lost"])
def test_what_came_back_or_was_lost_is_not_to_be_sent_back(status: Any) -> None:
    """Given a parcel that the carrier returned or lost, and whose goods the shop refunds or cancels
    then: they are not with the customer, so no one is asked to have them sent back."""
    _, jar = an_order().lines
    for done in (False, True):
        story = published(given_shipped()).when(i.TimerFired(name="track", key=K1))
        story.done(f.TrackParcel, f.Tracked(status=status))
        if done:
            story.act("done", "parcel-K1").then_stage("closed")
        story.when(i.UpdateOrder(order=later(20, order_of(jar))))
        story.when(i.CancelOrder(ref=REF, reason="other", whole=True))
        assert "changed" not in [one.task_id for one in story.state.tasks]


def test_what_the_customer_has_is_to_be_sent_back_beside_what_was_lost() -> None:
    """Given one of two parcels lost: units that are refunded beyond what it held are named."""
    story = given_released().when(packed(a_parcel("a", l1=1), a_parcel("b", l1=1, l2=1)))
    story.done(f.BuyLabel, sold(K1, K2)).when(handed_over())
    for key, status in ((K1, "lost"), (K2, "delivered")):
        story.when(i.TimerFired(name="track", key=key))
        story.done(f.TrackParcel, f.Tracked(status=status))  # type: ignore[arg-type]  # one of two
    cup, jar = an_order().lines
    one = order_of(replace(cup, quantity=1, total_minor=500), jar)
    story.when(i.UpdateOrder(order=later(20, one)))
    assert "changed" not in [one.task_id for one in story.state.tasks]
    story.when(i.UpdateOrder(order=later(21, order_of(jar))))
    (task,) = [one for one in story.state.tasks if one.task_id == "changed"]
    assert task.words.startswith("1 × SKU-1 of line 1 were removed or refunded after they left")
    story.when(i.CancelOrder(ref=REF, reason="other", whole=True))
    (task,) = [one for one in story.state.tasks if one.task_id == "changed"]
    assert "the channel cancelled the order after F1" in task.words


def given_not_stopped(before: str) -> Story:
    """A warehouse that labels by itself does not stop its task, and the order is cancelled: before
    the warehouse refuses, or long after it refused for another reason."""
    story = given_released(Story(setup=THREE_PL))
    if before == "held":
        story.act("hold")
    elif before:
        story.when(i.UpdateOrder(order=later(4, ship_to=ELSEWHERE)))
    if before in ("held", "changed"):
        story.refused(f.CancelTask, "it is picked")
    story.when(i.CancelOrder(ref=REF, reason="customer", whole=True))
    if before in ("", "changing"):
        story.refused(f.CancelTask, "it is picked")
    return story


REASONS = ["", "changing", "changed", "held"]


@pytest.mark.parametrize("before", REASONS)
def test_what_a_warehouse_does_not_stop_of_a_cancelled_order_is_a_persons(before: str) -> None:
    """Whatever it had been asked to stop for before: a person has it stopped there, and the order
    ends as cancelled."""
    story = given_not_stopped(before)
    (hold,) = [one for one in story.state.holds if one.key == F1]
    assert hold.hold_id.startswith("cancel-refused-")
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.done(f.ReleaseStock, f.Undone())
    assert (story.counts(), story.counts(1)) == ({"q": 2, "c": 2}, {"q": 1, "c": 1})


@pytest.mark.parametrize("before", REASONS)
def test_what_leaves_of_a_cancelled_order_before_anyone_stopped_it_is_told(before: str) -> None:
    """The hold ends with the goods, so a task says that they left; not where a person has let them
    go."""
    for lets_go in (False, True):
        story = given_not_stopped(before)
        if lets_go:
            story.act("release", next(x.hold_id for x in story.state.holds if x.key == F1))
        story.when(packed(a_parcel("a", "JD1", l1=2, l2=1)), handed_over(a_parcel("a")))
        words = "; ".join(one.words for one in story.state.tasks)
        assert ("F1 left although it was cancelled" in words) is not lets_go


def test_what_leaves_of_a_held_order_that_was_not_stopped_is_told() -> None:
    """The task to have it stopped ends with the goods; a person has them stopped on their way."""
    story = given_released(Story(setup=THREE_PL)).act("hold").refused(f.CancelTask, "picked")
    story.when(packed(a_parcel("a", "JD1", l1=2, l2=1)), handed_over(a_parcel("a")))
    (task,) = story.state.tasks
    assert task.words == "F1 left although it was held: have it stopped on its way, or sent back"

"""Reports of a warehouse that arrive in another order than they were sent."""

from __future__ import annotations

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import F1, REF, a_parcel, given_released, handed_over, packed


def test_a_hand_over_that_overtakes_what_was_packed_waits_for_it() -> None:
    """Reports may arrive out of order: what a parcel holds is not guessed while the report that
    says so is on its way, and then exactly that has left."""
    story = given_released()
    story.when(handed_over(a_parcel("a", "JD1"), sequence=3)).then_events(e.ContentsAwaited)
    story.when(handed_over(a_parcel("a", "JD1"), sequence=3)).then_events()
    assert waiting_for(story.state) == "the warehouse to tell what the parcels hold that have left"
    story.when(handed_over(a_parcel("b", "JD2"), sequence=4)).then_events(e.ContentsAwaited)
    story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    assert [type(one) for one in story.events[-2:]] == [e.Packed, e.HandedOver]
    held = {x.number: x.units for x in story.state.parcels.values()}
    assert held == {"JD1": ((0, 2),), "JD2": ((1, 1),)}
    assert story.state.fulfilments[F1].untold == ()
    assert not story.state.tasks


def test_an_unnamed_hand_over_waits_for_what_was_packed() -> None:
    """All that was packed so far has left, once it is known what that is."""
    story = given_released().when(handed_over(sequence=2)).then_events(e.ContentsAwaited)
    story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1)))
    assert [type(one) for one in story.events[-4:-2]] == [e.Packed, e.HandedOver]
    assert {x.parcel_id for x in story.state.parcels.values()} == {"a", "b"}


def test_the_first_report_of_a_task_waits_for_none() -> None:
    """A 3PL that tells only what it sent is believed at once; so is one that does not count."""
    for sequence in (0, 1):
        story = given_released()
        story.when(handed_over(a_parcel("a", "JD1"), sequence=sequence)).then_events(e.HandedOver)


def test_contents_that_no_one_tells_are_missed() -> None:
    """They are not guessed: an alarm says what is awaited, and from whom."""
    story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2))
    story.when(i.TimerFired(name="due", key=F1)).then_events(e.Overdue)
    (alarm,) = [x for x in story.events if isinstance(x, e.Overdue)]
    assert alarm.waiting_for == "the warehouse to tell what the parcels hold that have left"


def test_a_task_can_not_be_cancelled_of_which_something_has_left() -> None:
    """A person is told of the contradiction, whoever asked for the cancellation, and what is packed
    leaves all the same."""
    report = i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1")
    by_itself = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2)).when(report)
    asked = given_released().when(i.CancelOrder(ref=REF, reason="customer"))
    asked.when(handed_over(a_parcel("a", "JD1"), sequence=2)).done(f.CancelTask, f.Undone())
    for story in (by_itself, asked):
        assert "says that F1 is cancelled, and it has left" in story.state.tasks[0].words
        story.when(packed(a_parcel("a", l1=2, l2=1)))
        assert story.state.fulfilments[F1].stage == "handed_over"

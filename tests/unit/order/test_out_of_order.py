"""Reports of a warehouse that arrive in another order than they were sent."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    K1,
    REF,
    RESERVED,
    Story,
    a_line,
    a_parcel,
    given_released,
    handed_over,
    order_of,
    packed,
)


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
    story.when(i.TimerFired(name="due", key=F1)).then_events(e.Overdue, e.TaskOpened)
    (alarm,) = [x for x in story.events if isinstance(x, e.Overdue)]
    assert alarm.waiting_for == "the warehouse to tell what the parcels hold that have left"


@pytest.mark.parametrize("named", [True, False], ids=["by name", "all so far"])
def test_a_person_ends_the_wait_for_contents(named: bool) -> None:
    """Given an alarm for a hand-over whose contents no one tells, a person asks the warehouse and
    marks the task as done: all that was asked has left, under the numbers that are known."""
    report = (a_parcel("a", "JD1"), a_parcel("b", "JD2")) if named else ()
    story = given_released().when(handed_over(*report, sequence=2))
    assert not story.state.tasks
    story.when(i.TimerFired(name="due", key=F1)).then_events(e.Overdue, e.TaskOpened)
    story.when(i.TimerFired(name="due", key=F1)).then_events(e.Overdue)  # told once
    (task,) = story.state.tasks
    assert "have it report what it packed" in task.words
    story.act("done", "contents-F1")
    assert story.state.fulfilments[F1].untold == ()
    story.then_stage("handed_over", "F1")
    (parcel,) = story.state.parcels.values()
    assert (parcel.units, parcel.number) == (((0, 2), (1, 1)), "JD1" if named else "")
    assert ("the parcel b, whose contents no one told" in str(story.state.tasks)) == named
    assert not [one for one in story.state.tasks if one.task_id.startswith("contents")]


def test_contents_that_are_told_after_all_need_no_one() -> None:
    """The report that was missed comes: the task about it closes by itself."""
    story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2))
    story.when(i.TimerFired(name="due", key=F1))
    story.when(packed(a_parcel("a", l1=2, l2=1)))
    assert not story.state.tasks
    story.then_stage("handed_over", "F1")


def test_a_wait_ends_also_where_nothing_is_left_that_could_have_left() -> None:
    """All that was asked is in another parcel: what the unknown one holds is a person's question,
    and the order waits for its contents no more."""
    story = given_released().when(packed(a_parcel("a", l1=2, l2=1), complete=False, sequence=1))
    story.when(handed_over(a_parcel("b", "JD2"), sequence=3)).then_events(e.ContentsAwaited)
    story.when(i.TimerFired(name="due", key=F1)).act("done", "contents-F1")
    story.then_events(e.TaskClosed, e.TaskOpened, e.ContentsAwaited)
    assert story.state.fulfilments[F1].untold == ()
    assert "the parcel b, whose contents no one told" in story.state.tasks[0].words


def test_a_task_can_not_be_cancelled_of_which_all_has_left() -> None:
    """A person is told of the contradiction once it is known that nothing is left, whoever asked
    for the cancellation."""
    report = i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1")
    by_itself = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2))
    by_itself.when(report).then_events(e.CancelAsked).when(report).then_events()
    asked = given_released().when(i.CancelOrder(ref=REF, reason="customer"))
    asked.when(handed_over(a_parcel("a", "JD1"), sequence=2)).done(f.CancelTask, f.Undone())
    for story in (by_itself, asked):
        assert not story.state.tasks
        assert story.state.fulfilments[F1].ceased
        story.when(packed(a_parcel("a", l1=2, l2=1)))
        assert story.state.fulfilments[F1].stage == "handed_over"
        assert "says that F1 is cancelled, and it has left" in story.state.tasks[0].words


def test_what_is_cancelled_beside_what_left_is_not_lost() -> None:
    """Given a parcel that left before it was told what it holds, and a warehouse that cancels the
    rest: once the contents are told, the rest is taken back, and it is not lost."""
    report = i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1")
    story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2), report)
    story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1), sequence=1))
    story.then_stage("recalled", F1)
    assert story.state.parcels[K1].stage != "unpacked"
    story.done(f.ReleaseStock, f.Undone())
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    # The only place has declined it, so a person decides where it comes from.
    assert story.counts(1) == {"q": 1, "o": 1}
    assert waiting_for(story.state).startswith("a person")


def test_what_we_had_cancelled_beside_what_left_is_not_lost_either() -> None:
    """Given the same, cancelled because the order was: the warehouse's answer comes before the
    contents, the rest is taken back once they are known, and no one is told anything false."""
    story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2))
    story.when(i.CancelOrder(ref=REF, reason="customer")).done(f.CancelTask, f.Undone())
    assert "CancelTask" not in str(story.open_kinds()), "it is not asked twice"
    assert not story.state.tasks
    story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1), sequence=1))
    story.then_stage("recalled", F1)
    words = "; ".join(one.words for one in story.state.tasks)
    assert "says that F1 is cancelled" not in words
    assert "although its task was cancelled" not in words
    story.done(f.ReleaseStock, f.Undone())
    assert story.counts(1) == {"q": 1, "c": 1}
    assert story.counts(0)["q"] == 2


def picked(sequence: int) -> i.ReportPicked:
    return i.ReportPicked(ref=REF, fulfilment=F1, task_id="t-F1", sequence=sequence)


def test_a_last_report_that_overtakes_another_calls_nothing_missing() -> None:
    """Given a task in two parcels, when the report of the last parcel arrives before that of the
    first, then nothing counts as short and nothing is shipped again: the first is awaited."""
    story = given_released().when(picked(1))
    story.when(packed(a_parcel("2", l2=1), sequence=3)).then_events(e.PartPacked, e.LabelWanted)
    assert waiting_for(story.state) == "the carrier to sell the label"
    story.when(packed(a_parcel("1", l1=2), complete=False, sequence=2))
    assert not [one for one in story.events if isinstance(one, e.ShortPicked | e.ShortSettled)]
    assert set(story.state.fulfilments) == {F1}
    thing = story.state.fulfilments[F1]
    assert (thing.stage, thing.more, thing.last, thing.missing) == ("packed", False, 0, ())
    assert sum(isinstance(one, e.Packed) for one in story.events) == 1


def test_a_hand_over_that_overtakes_a_parcel_takes_it_along() -> None:
    """Given the report of the first of two parcels is still on its way, when all packed so far is
    handed over, then that parcel has left too once it is told of."""
    story = given_released().when(picked(1)).when(packed(a_parcel("2", l2=1), sequence=3))
    story.when(handed_over(sequence=4))
    story.when(packed(a_parcel("1", l1=2), complete=False, sequence=2))
    story.then_stage("handed_over", "F1")
    assert {x.parcel_id for x in story.state.parcels.values()} == {"1", "2"}
    assert set(story.state.fulfilments) == {F1}


def test_several_parcels_that_a_hand_over_overtakes_all_leave() -> None:
    """Given two of three reports are on their way when all packed so far is handed over, then each
    parcel has left when it is told of, in whatever order that is."""
    one, two = a_parcel("1", l1=1), a_parcel("2", l1=1)
    story = given_released().when(packed(a_parcel("3", l2=1), sequence=3))
    story.when(handed_over(sequence=4)).when(packed(two, complete=False, sequence=2))
    assert story.state.fulfilments[F1].untold
    story.when(packed(one, complete=False, sequence=1)).then_stage("handed_over", "F1")
    assert not [x for x in story.state.parcels.values() if x.stage == "packed"]


def test_what_a_last_report_leaves_out_is_missing_when_all_before_it_was_heard() -> None:
    """Reports in their order mean what they say: what is in no parcel is short at once. So it is
    where the warehouse does not count, and where only the shelf's report came late."""
    for heard in ((picked(1), 2), (picked(0), 0)):
        story = given_released().when(heard[0])
        story.when(packed(a_parcel("1", l1=2), sequence=heard[1]))
        assert [one for one in story.events if isinstance(one, e.ShortPicked)]
    late = given_released().when(packed(a_parcel("1", l1=2), sequence=2))
    assert not [one for one in late.events if isinstance(one, e.ShortPicked)]
    late.when(picked(1))
    assert [one for one in late.events if isinstance(one, e.ShortPicked)]


def test_a_report_that_never_comes_is_a_persons_question() -> None:
    """Given a last report that leaves units out, and one before it that never came: after the time
    that a label may take a person decides, whatever the policy for short picks says, because the
    units may be on their way."""
    story = given_released().when(picked(1)).when(packed(a_parcel("2", l2=1), sequence=3))
    story.when(i.TimerFired(name="due", key=F1))
    assert [x.waiting_for for x in story.events if isinstance(x, e.Overdue)]
    (hold,) = story.state.holds
    assert "short of 2 × SKU-1" in hold.reason
    story.act("backorder", "F1")
    assert "F2" in story.state.fulfilments


def given_a_pickup() -> Story:
    """A pickup of two lines, of which the warehouse has the task."""
    order = order_of(a_line("1", 2, delivery="pickup"), a_line("2", 1, delivery="pickup"))
    story = Story().when(i.PlaceOrder(order=order)).done(f.ReserveStock, RESERVED)
    return story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))


COLLECTED = i.ReportCollected(ref=REF, fulfilment=F1, task_id="t-F1")


def test_a_pickup_takes_along_what_is_told_of_it_later() -> None:
    """Given the customer has what was packed, and a report that was overtaken: what it tells of he
    has too, and nothing is packed again."""
    story = given_a_pickup().when(picked(1)).when(packed(a_parcel("2", l2=1), sequence=3))
    story.when(COLLECTED)
    story.when(packed(a_parcel("1", l1=2), complete=False, sequence=2))
    assert {x.parcel_id: x.stage for x in story.state.parcels.values()} == {
        "1": "delivered",
        "2": "delivered",
    }
    assert set(story.state.fulfilments) == {F1}


def test_a_pickup_is_short_of_what_no_report_tells_of() -> None:
    """Given the customer has what was packed, and the report that was overtaken only says that it
    was picked: the units that are in no parcel are short, and he does not have them."""
    story = given_a_pickup().when(packed(a_parcel("2", l2=1), sequence=2)).when(COLLECTED)
    assert story.state.lines[0].counts == {"q": 2, "a": 2}
    story.when(picked(1))
    assert [x.missing for x in story.events if isinstance(x, e.ShortPicked)] == [((0, 2),)]


def test_a_pickup_that_overtakes_what_was_packed_waits_for_it() -> None:
    """Given the report of what was packed is on its way, when the customer has it, then he has what
    that report tells, and what it leaves out is short."""
    story = given_a_pickup().when(picked(1)).when(replace(COLLECTED, sequence=3))
    assert waiting_for(story.state) == "the warehouse to tell what the parcels hold that have left"
    assert story.state.lines[0].counts == {"q": 2, "a": 2}
    story.when(packed(a_parcel("1", l1=1, l2=1), sequence=2))
    assert [(x.parcel_id, x.stage) for x in story.state.parcels.values()] == [("1", "delivered")]
    assert [x.missing for x in story.events if isinstance(x, e.ShortPicked)] == [((0, 1),)]


def test_a_pickup_that_comes_after_all_its_reports_is_complete() -> None:
    """A warehouse that does not tell what it packs, or does not count, gives what was asked."""
    for sequence in (0, 2):
        story = given_a_pickup().when(picked(1)).when(replace(COLLECTED, sequence=sequence))
        assert story.state.lines[0].counts == {"q": 2, "f": 2}


def test_a_pick_that_is_told_after_the_parcels_is_waited_for_no_longer() -> None:
    """It was on its way when a part was packed; once it is heard, the hand-over after it needs no
    other report, and the rest of a cancelled task has not left."""
    picked = i.ReportPicked(ref=REF, fulfilment=F1, task_id="t-F1", sequence=1)
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False, sequence=2))
    story.when(picked).then_events(e.Picked).then_stage("packed", F1)
    story.when(picked).then_events()
    story.when(handed_over(sequence=3)).then_events(e.PartHandedOver)
    assert story.state.fulfilments[F1].untold == ()
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.then_stage("recalled", F1)
    assert story.counts(1) == {"q": 1, "a": 1}


def test_a_short_pick_that_misses_nothing_is_a_pick() -> None:
    """Everything was found: what is reported after it waits for no other report."""
    found = (f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1))
    all_of_it = i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=found, sequence=1)
    story = given_released().when(all_of_it).then_events(e.Picked).then_stage("picked", F1)
    story.when(packed(a_parcel("a", l1=2), complete=False, sequence=2), handed_over(sequence=3))
    assert story.state.fulfilments[F1].untold == ()


def test_what_was_missed_has_left_when_a_person_says_that_all_has() -> None:
    """The warehouse found less at first, and packed all of it in the end: a person looked."""
    story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=3))
    story.when(i.TimerFired(name="due", key=F1))
    found = (f.Units("1", "SKU-1", 2),)
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=found, sequence=1))
    story.act("done", "contents-F1").then_stage("handed_over", F1)
    (parcel,) = story.state.parcels.values()
    assert parcel.units == ((0, 2), (1, 1))
    assert not story.state.holds


def test_a_task_that_is_cancelled_already_is_not_said_to_go_on() -> None:
    """Given a warehouse that reports its task as cancelled after something left of it, and refuses
    or never answers our own cancellation: no one is told that it does not stop."""
    report = i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1")
    for answer in (Story.refused, Story.unknown):
        story = given_released().when(handed_over(a_parcel("a", "JD1"), sequence=2))
        story.when(i.CancelOrder(ref=REF, reason="customer"), report)
        answer(story, f.CancelTask)
        assert (story.state.tasks, story.state.holds, story.state.stuck) == ((), (), ())
        story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1), sequence=1))
        story.then_stage("recalled", F1)

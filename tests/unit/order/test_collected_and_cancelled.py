"""A pickup that its customer collected and whose task was cancelled, in whatever order the reports
of that arrive: what the customer has is written down, nothing is sent twice, and a person is told.
"""

from __future__ import annotations

from itertools import permutations

import pytest

from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.messages.effects import tag_of
from tests.given import F1, POSTED, REF, RESERVED, SENT, Story, a_parcel, packed
from tests.unit.order.test_standing import a_pickup

DONE: tuple[tuple[type[f.Effect], f.Result], ...] = (
    (f.ReserveStock, RESERVED),
    (f.ReleaseStock, f.Undone()),
    (f.CreateTask, f.TaskCreated(task_id="t-F2")),
    (f.CancelTask, f.Undone()),
    (f.PostSalesOrder, POSTED),
    (f.AmendSalesOrder, f.SalesOrderAmended(digest="0" * 64)),
    (f.CancelSalesOrder, f.Undone()),
    (f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("g-1",))),
    (f.TellStanding, f.StandingTold()),
    (f.SendMail, SENT),
)
ANSWERS = {tag_of(kind): answer for kind, answer in DONE}


def answered(story: Story) -> Story:
    """Every partner has done what it was asked."""
    while story.state.open:
        one = story.state.open[0]
        story.when(i.EffectDone(number=one.number, result=ANSWERS[one.kind]))
    return story


def report(name: str, sequence: int) -> i.Input:
    """What the warehouse reports, with its place among its reports (0: it does not count them)."""
    if name == "packed":
        return packed(a_parcel("a", l1=2), sequence=sequence)
    if name == "collected":
        return i.ReportCollected(ref=REF, fulfilment=F1, task_id="t-F1", sequence=sequence)
    return i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1", reason="no one came")


SENT_IN = [
    ("packed", "collected", "cancelled"),
    ("packed", "cancelled", "collected"),
    ("collected", "cancelled"),
    ("cancelled", "collected"),
]
ARRIVING = [
    (counts, sent, tuple(order))
    for counts in (True, False)
    for sent in SENT_IN
    for order in permutations(range(len(sent)))
]


def delivered(story: Story) -> bool:
    """Whether the customer has all of it, by the books, and nothing of it is to be sent."""
    counts = story.counts()
    return counts.get("d", 0) + counts.get("f", 0) == 2 and not counts.get("o")


def settled(story: Story) -> Story:
    """A person ends every task and hold, and everyone answers."""
    for _ in range(9):
        answered(story)
        if story.state.tasks:
            story.act("done")
        elif story.state.holds:
            story.act("release")
    return story


@pytest.mark.parametrize("quick", [True, False], ids=["partners answer between", "slow partners"])
@pytest.mark.parametrize("asked", [True, False], ids=["we asked", "by itself"])
@pytest.mark.parametrize(("counts", "sent", "order"), ARRIVING)
def test_any_order_ends_right(
    asked: bool, quick: bool, counts: bool, sent: tuple[str, ...], order: tuple[int, ...]
) -> None:
    """The customer has it and the books say so, or a person is told that it is not known what was
    collected, and the report that says so puts it right. Nothing is planned again, and once that
    person has settled it the order ends."""
    story = a_pickup()
    if asked:
        story.when(i.CancelOrder(ref=REF, reason="customer", whole=True))
    for at in order:
        story.when(report(sent[at], at + 1 if counts else 0))
        if quick:
            answered(story)
    answered(story)
    thing = story.state.fulfilments.get(F1)
    awaited = thing is not None and bool(thing.untold)
    if awaited and not story.state.tasks:  # the contents are asked for in the end
        story.when(i.TimerFired(name="due", key=F1))
    assert story.state.tasks, "a person is told that the reports contradict each other"
    if not delivered(story):
        (task,) = [x for x in story.state.tasks if x.task_id in ("changed", "contents-F1")][:1]
        if task.task_id == "contents-F1":
            assert "left, and not what they hold: have it report what it packed" in task.words
        else:
            assert "what was collected is unknown" in task.words or "has left" in task.words
        story.when(report("packed", 0), report("collected", 0))
        answered(story)
    assert delivered(story), story.counts()
    assert "F2" not in story.state.fulfilments
    settled(story).then_stage("closed")
    assert "F2" not in story.state.ended

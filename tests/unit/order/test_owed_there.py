"""What is cancelled here and then taken off in the shop: the shop pays that back itself."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import F1, REF, RESERVED, SETUP, Story, a_line, given_released, later, order_of
from tests.unit.order.test_owed import owed_in

ORDER = order_of(a_line("1", 3, 500), a_line("2", 1, 750), payment="paid")


def with_cups(count: int, minute: int) -> i.UpdateOrder:
    """Return that the shop states so many cups."""
    line = replace(ORDER.lines[0], quantity=count, total_minor=500 * count)
    fewer = order_of(line, ORDER.lines[1], payment="paid")
    return i.UpdateOrder(order=later(minute, fewer))


def keeps(story: Story, count: int) -> None:
    """A person leaves so many cups in the order."""
    line = i.LineEdit(line_id="1", quantity=count)
    story.when(i.EditOrder(ref=REF, person="ann", lines=(line,)))
    if any(one.kind == f.tag_of(f.AmendSalesOrder) for one in story.state.open):
        story.done(f.AmendSalesOrder, f.SalesOrderAmended(digest=f"r{story.state.book}"))


def given_two_cancelled() -> Story:
    """Of three cups a person takes two off before anyone works on them."""
    story = Story().when(i.PlaceOrder(order=ORDER))
    keeps(story.done(f.ReserveStock, f.StockShort(skus=())), 1)
    return story


def test_what_the_shop_takes_off_as_well_is_not_owed() -> None:
    """Given two cups for which 10.00 are owed: when the shop takes one off, 5.00 are, and the task
    names one; when it takes the other off, no one is asked any more."""
    story = given_two_cancelled()
    assert owed_in(story) == [1000]
    story.when(with_cups(2, 5))
    (task,) = [x for x in story.state.tasks if x.task_id == "money"]
    assert task.words.startswith("5.00 USD are owed to the customer for 1 × SKU-1 of line 1; ")
    story.when(with_cups(1, 6))
    assert owed_in(story) == []
    assert story.state.settled_minor == 0


def test_what_is_cancelled_afterwards_is_owed_alone() -> None:
    """Given one of two cups that the shop has paid back, the last one that is cancelled here makes
    10.00 of 15.00 a person's; and all of what a person has paid stays paid when the shop takes it
    off after him."""
    story = given_two_cancelled().when(with_cups(2, 5))
    keeps(story, 0)
    assert owed_in(story) == [1000]
    paid = given_two_cancelled().act("done", "money").when(with_cups(1, 5))
    assert owed_in(paid) == []
    keeps(paid, 0)
    assert owed_in(paid) == [500]


def test_a_short_pick_that_the_shop_refunds_is_not_owed() -> None:
    """Given a cup that was dropped because it was not found, the shop's refund of it ends the
    task."""
    story = given_released(Story(setup=replace(SETUP, short_pick="drop")))
    found = (f.Units("1", "SKU-1", 1), f.Units("2", "SKU-2", 1))
    story.when(i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=found))
    assert owed_in(story) == [500]
    cup, jar = order_of(a_line("1", 1, 500), a_line("2", 1, 750)).lines
    less = order_of(cup, jar, payment="paid")
    story.when(i.UpdateOrder(order=later(5, less)))
    assert owed_in(story) == []


def test_a_cancelled_order_that_the_shop_refunds_owes_nothing() -> None:
    """Given an order that a person cancelled, the shop's word that all of it was refunded ends the
    task, before the goods are back or after."""
    for early in (True, False):
        story = Story().when(i.PlaceOrder(order=ORDER)).done(f.ReserveStock, RESERVED)
        story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).act("cancel")
        refunded = i.UpdateOrder(order=later(5, ORDER, payment="refunded"))
        if early:
            story.when(refunded)
        story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
        assert owed_in(story) == ([] if early else [2250])
        story.when(refunded)
        assert owed_in(story) == []

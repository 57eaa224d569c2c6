"""What a channel wants sent later waits for its day by itself; what is due now goes on."""

from __future__ import annotations

from datetime import timedelta

from actors.order.later import MAX_LATER
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    NOON,
    POSTED,
    REF,
    RESERVED,
    SENT,
    O,
    Story,
    a_line,
    an_order,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
    later,
    order_of,
    published,
)
from tests.unit.order.test_mapping import tables

GROUP = "gid://shopify/FulfillmentOrder/8"
DAY = "2026-12-24T12:00:00Z"


def wants(*units: tuple[str, int], at: str | None = DAY, group: str = GROUP) -> i.NoteReport:
    """The channel wants these units sent on a day; none: they are due."""
    held = tuple(f.Units(line, "", quantity) for line, quantity in units)
    told = i.Later(outside_id=group, at=at if units else None, units=held)
    return i.NoteReport(ref=REF, source="shopify", topic="t", words="scheduled", later=told)


def test_what_is_due_now_goes_on_without_the_rest() -> None:
    """Told before work began: the task has one line, and the other one waits for its day."""
    story = given_placed().when(wants(("2", 1)))
    story.then_events(e.ReportNoted, e.UnitsScheduled).then_effects()
    story.done(f.ReserveStock, RESERVED)
    story.then_events(e.StockReserved, e.Shrunk).then_effects(
        f.ReleaseStock, f.PostSalesOrder, f.SendMail
    )
    story.done(f.ReleaseStock, f.Undone()).then_effects(f.CreateTask)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.units == (f.Units("1", "SKU-1", 2),)
    assert story.counts(1) == {"q": 1, "o": 1}
    assert story.timers[O, "later"] == NOON.replace(month=12, day=24)


def test_its_day_comes_by_its_own_timer() -> None:
    """What was put off is planned then, whatever the channel tells; a timer that comes early is set
    again."""
    order = order_of(a_line("1", 2))
    story = Story().when(i.PlaceOrder(order=order), wants(("1", 2)))
    story.done(f.ReserveStock, RESERVED).done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled).then_effects()
    assert waiting_for(story.state) == f"its day, {DAY}"
    story.when(i.TimerFired(name="later", key=O)).then_events()
    assert (O, "later") in story.timers
    story.now = NOON.replace(month=12, day=24)
    story.when(i.TimerFired(name="later", key=O))
    story.then_events(e.UnitsScheduled, e.FulfilmentPlanned).then_effects(f.ReserveStock)
    assert (O, "later") not in story.timers
    assert story.state.later == ()


def test_an_order_without_alarm_before_its_day() -> None:
    """No one is alarmed that it stands still until then, and one is afterwards."""
    story = given_placed().when(wants(("1", 2), ("2", 1)))
    story.done(f.ReserveStock, RESERVED).done(f.ReleaseStock, f.Undone())
    assert story.timers[O, "due"] > story.timers[O, "later"]


def test_a_task_that_has_too_much_is_stopped() -> None:
    """The warehouse gives it back, and what is due now is its task again."""
    story = given_released().when(wants(("2", 1))).then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.FulfilmentPlanned)
    assert story.state.fulfilments[F2].left == ((0, 2),)


def test_the_channel_says_that_it_is_due_or_another_day() -> None:
    """Rescheduled it has one day; due it is planned at once, also before its date."""
    story = given_reserved().when(wants(("2", 1)), wants(("2", 1), at="2026-12-31T12:00:00Z"))
    assert story.timers[O, "later"] == NOON.replace(month=12, day=31)
    story.when(wants()).then_events(e.ReportNoted, e.UnitsScheduled)
    assert (story.state.later, (O, "later") in story.timers) == ((), False)
    story.when(wants()).then_events(e.ReportNoted)


def test_a_day_that_has_passed_or_goods_that_have_left_wait_for_nothing() -> None:
    """Old news changes nothing; what is on its way is not called back."""
    at = (NOON - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    given_reserved().when(wants(("1", 2), at=at)).then_events(e.ReportNoted)
    story = given_shipped().when(wants(("1", 2), ("2", 1)))
    story.then_events(e.ReportNoted, e.UnitsScheduled)
    published(story)


def test_a_day_that_is_told_before_the_order_is_kept() -> None:
    """The two come in any order."""
    story = Story().when(wants(("2", 1)), i.PlaceOrder(order=an_order()))
    story.then_events(e.Placed, e.Accepted, e.FulfilmentPlanned)
    assert story.state.fulfilments[F1].left == ((0, 2),)


def test_what_is_taken_off_is_what_was_to_be_sent_later() -> None:
    """A line of three of which one is for later, and one is removed: the two go on."""
    three = order_of(a_line("1", 3))
    story = Story().when(wants(("1", 1)), i.PlaceOrder(order=three)).done(f.ReserveStock, RESERVED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).done(f.PostSalesOrder, POSTED)
    story.done(f.SendMail, SENT)
    story.when(i.UpdateOrder(order=later(1, order_of(a_line("1", 2)))))
    assert (story.counts(), story.state.fulfilments[F1].stop) == ({"q": 3, "a": 2, "m": 1}, "")


def test_a_bundle_is_put_off_with_its_components() -> None:
    """The channel names its own line."""
    story = Story()
    bundles = {"SKU-1": {"components": [{"sku": "PEN", "quantity": 2}]}}
    story.mappings = tables(1, bundles=bundles)
    story.when(wants(("1", 1)), i.PlaceOrder(order=order_of(a_line("1", 3), a_line("2", 1))))
    assert [line.sku for line in story.state.lines] == ["PEN", "SKU-2"]
    assert story.state.fulfilments[F1].left == ((0, 4), (1, 1))


def unasked(*units: tuple[str, int]) -> i.Later:
    """What the channel has not asked for yet."""
    held = tuple(f.Units(line, "", quantity) for line, quantity in units)
    return i.Later(outside_id="unasked", units=held)


def test_what_the_channel_has_not_asked_for_waits_without_a_day() -> None:
    """One line is asked for and goes on; the other one is planned as soon as it is, and who is
    waited for is said. No timer wakes it, and a repeat of the same says nothing."""
    order = an_order()
    story = Story().when(i.PlaceOrder(order=order, unasked=unasked(("2", 1))))
    story.then_events(e.Placed, e.UnitsScheduled, e.Accepted, e.FulfilmentPlanned)
    assert story.state.fulfilments[F1].left == ((0, 2),)
    assert (O, "later") not in story.timers
    story.when(i.UpdateOrder(order=order, unasked=unasked(("2", 1)))).then_events()
    story.when(i.TimerFired(name="later", key=O)).then_events()
    story.when(i.UpdateOrder(order=order, unasked=unasked()))
    story.then_events(e.UnitsScheduled, e.FulfilmentPlanned)
    assert story.state.fulfilments[F2].left == ((1, 1),)


def test_an_order_of_which_nothing_is_asked_for_touches_no_one() -> None:
    """It stays open and names whom it waits for; the alarm is as late as a payment's."""
    story = Story().when(i.PlaceOrder(order=an_order(), unasked=unasked(("1", 2), ("2", 1))))
    assert (story.state.fulfilments, story.state.stage) == ({}, "accepted")
    assert waiting_for(story.state) == "the channel to ask for its goods"
    payment = timedelta(seconds=story.policy.payment_due_seconds)
    assert story.timers[O, "due"] > NOON + payment


def test_goods_that_are_not_asked_for_any_more_are_called_back() -> None:
    """The seller took his request back: the warehouse gives the goods back, and they wait. What an
    older statement says changes nothing."""
    order = order_of(a_line("1", 2))
    story = (
        given_released(Story(), lines=order.lines)
        .when(i.UpdateOrder(order=later(1, order), unasked=unasked(("1", 2))))
        .then_effects(f.CancelTask)
    )
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    assert (story.counts(), len(story.state.fulfilments)) == ({"q": 2, "o": 2}, 0)
    story.when(i.UpdateOrder(order=order, unasked=unasked())).then_events()
    story.when(i.ConfirmPayment(ref=REF, order=later(2, order), unasked=unasked()))
    assert [one.left for one in story.state.fulfilments.values()] == [((0, 2),)]


def test_more_groups_than_are_kept_hold_the_order() -> None:
    """What the channel wants sent on the fifty-first day of its own is not sent early: a person
    looks, once, however often it is told."""
    story = given_placed()
    for number in range(MAX_LATER):
        story.when(wants(("2", 1), group=f"group-{number}"))
    assert not story.state.holds
    story.when(wants(("1", 2), group="one more")).when(wants(("1", 2), group="one more"))
    assert [one.hold_id for one in story.state.holds] == ["later-beyond"]
    story.done(f.ReserveStock, RESERVED)
    assert not any(one.kind == f.tag_of(f.CreateTask) for one in story.state.open)

"""What channels tell: news, orders that are awaited, and what others have fulfilled."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from actors.order import holding, notes
from actors.order.policy import DAY, Policy
from actors.order.stream import row_of, waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    REF,
    RESERVED,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_closed,
    given_labelled,
    given_placed,
    given_released,
    given_shipped,
    handed_over,
    later,
    order_of,
    packed,
    published,
)

FETCHED = f.OrderFetched(digest="d" * 64)
LOOK = i.RefetchOrder(ref=REF, source="bigcommerce", topic="store/order/updated")
DUE = i.TimerFired(name="due")
Hold = Literal["", "before_hand_over", "once_begun"]


def news(hold: Hold = "", topic: str = "refunds/create") -> i.NoteReport:
    """A piece of news."""
    return i.NoteReport(ref=REF, source="shopify", topic=topic, words="Money went back.", hold=hold)


def shown(outside_id: str, *numbers: str, **units: int) -> i.OutsideShipment:
    """What the channel shows as fulfilled: `shown("x", l1=2)`."""
    held = tuple(f.Units(name[1:], f"SKU-{name[1:]}", count) for name, count in units.items())
    return i.OutsideShipment(outside_id=outside_id, units=held, tracking_numbers=numbers)


# --- news -----------------------------------------------------------------------------------------


def test_news_is_kept_and_changes_nothing() -> None:
    """An order at the warehouse goes on as it would have."""
    story = given_released().when(news()).then_events(e.ReportNoted).then_effects()
    assert not story.state.holds


def test_news_before_the_order_awaits_it_and_holds_it() -> None:
    """An order that the channel knows and we don't is expected, and raises its alarm in time."""
    story = Story().when(news("before_hand_over"))
    story.then_events(e.ReportNoted, e.Held).then_stage("expected")
    assert list(story.timers) == [("O", "due")]
    story.when(i.PlaceOrder(order=an_order())).done(f.ReserveStock, RESERVED)
    story.then_effects(f.PostSalesOrder, f.SendMail)
    story.act("release").then_effects(f.CreateTask)


def test_no_label_is_bought_while_such_a_hold_is_open() -> None:
    """A refund while the goods are packed keeps the parcel in the house."""
    story = given_released().when(news("before_hand_over"))
    assert story.state.holds[0].hold_id.startswith("refunds-create-")
    story.when(packed()).then_effects()


@pytest.mark.parametrize(
    ("story", "before", "begun"),
    [
        (given_placed(payment="pending"), True, False),
        (given_placed(), True, True),
        (given_labelled(), True, True),
        (given_shipped(), False, False),
    ],
)
def test_what_is_held_depends_on_how_far_the_order_is(
    story: Story, before: bool, begun: bool
) -> None:
    """Before hand-over, or only once work has begun; never after everything has left."""
    story.when(news("once_begun", "orders/edited"))
    assert bool(story.state.holds) == begun
    story.when(news("before_hand_over"))
    assert any(h.hold_id.startswith("refunds-") for h in story.state.holds) == before


def test_repeated_news_neither_piles_up_holds_nor_grows_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One hold for each kind of news, eight at most, and one for all further ones; a flood ends on
    the timeline's bound."""
    story = given_released().when(*[news("before_hand_over")] * 3)
    assert len(story.state.holds) == 1
    story.when(*(news("before_hand_over", f"a{n}/b") for n in range(20)))
    *kept, last = [one.hold_id for one in story.state.holds]
    assert (len(kept), last) == (notes.MAX_NOTED_HOLDS, "news-beyond")
    monkeypatch.setattr(holding, "MAX_NOTED_VERSION", story.state.version)
    story.when(news()).then_events()


def test_an_edit_holds_is_fetched_and_frees_itself() -> None:
    """Nothing leaves while it is not known what was changed; a statement as new tells it."""
    edited = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="edited", hold="once_begun",
        refetch=True, at=later(2).updated_at,
    )  # fmt: skip
    story = given_released().when(edited)
    story.then_events(e.ReportNoted, e.Held, e.RefetchAsked).then_effects(f.FetchOrder)
    story.when(edited).then_events(e.ReportNoted, e.RefetchAsked).then_effects()
    story.when(edited).then_events(e.ReportNoted).then_effects()
    story.when(i.UpdateOrder(order=later(1))).then_events(e.UpdateNoted)
    assert story.state.holds
    story.when(i.UpdateOrder(order=later(2))).then_events(e.UpdateNoted, e.HoldReleased)
    story.when(edited).then_events(e.ReportNoted)


def test_a_hold_that_ends_by_itself_asks_for_no_person_before_the_channel_failed() -> None:
    """It waits for the channel's answer; a person is asked when there is none."""
    edited = i.NoteReport(
        ref=REF, source="shopify", topic="orders/edited", words="edited", hold="once_begun",
        refetch=True, at=later(2).updated_at,
    )  # fmt: skip
    story = given_released().when(edited)
    assert waiting_for(story.state) == "the channel to say how the order is now"
    assert not row_of(story.state).attention
    story.refused(f.FetchOrder, "no such order")
    assert row_of(story.state).attention


def test_a_hold_ends_when_the_channel_says_that_it_ended() -> None:
    """Only holds of the topics that are named; others, and a person's, stay."""
    held = news("before_hand_over", "fulfillment_orders/placed_on_hold")
    dispute = news("before_hand_over", "disputes/create")
    story = given_released().when(held, dispute)
    assert len(story.state.holds) == 2
    freed = i.NoteReport(
        ref=REF, source="shopify", topic="fulfillment_orders/hold_released", words="It goes on.",
        frees=("fulfillment_orders/placed_on_hold",),
    )  # fmt: skip
    story.when(freed).then_events(e.ReportNoted, e.HoldReleased)
    assert [one.hold_id.startswith("disputes-create-") for one in story.state.holds] == [True]
    story.when(freed).then_events(e.ReportNoted)
    story.when(held).then_events(e.ReportNoted, e.Held)


# --- fetching -------------------------------------------------------------------------------------


def test_a_named_order_is_expected_and_fetched() -> None:
    """Nothing but its name is known: the channel's answer places it."""
    story = Story().when(LOOK).then_events(e.RefetchAsked).then_effects(f.FetchOrder)
    story.done(f.FetchOrder, FETCHED).then_events(e.Fetched).then_effects()
    story.when(i.UpdateOrder(order=an_order())).then_stage("accepted")


@pytest.mark.parametrize(
    "report",
    [
        i.ReportPicked(ref=REF, fulfilment=F1, task_id="t-F1"),
        packed(a_parcel("1", l1=1)),
        handed_over(a_parcel("1", l1=1)),
    ],
    ids=["picked", "packed", "handed-over"],
)
def test_a_report_on_an_order_that_is_fetched_comes_again(report: i.Input) -> None:
    """Given a restored service that knows the order's name alone, when its warehouse tells what it
    did in what was lost, then nothing is taken, and the report is to be told again."""
    story = Story().when(LOOK)
    story.when(report).then_events()
    came_early = story.last is not None and story.last.early
    assert came_early
    story.done(f.FetchOrder, FETCHED).when(i.UpdateOrder(order=an_order()), report)
    is_taken = story.last is not None and story.last.events
    assert is_taken


def test_a_report_on_an_order_that_waits_for_its_payment_comes_again() -> None:
    """Given an order whose payment was lost with its warehouse's task, when that reports, then it
    is to be told again; one of a fulfilment that can't come any more is a person's at once."""
    story = given_placed(payment="pending").when(packed()).then_events()
    came_early = story.last is not None and story.last.early
    assert came_early
    story.when(i.ConfirmPayment(ref=REF)).then_stage("accepted").done(f.ReserveStock, RESERVED)
    story.when(packed(), packed(key=F2)).then_events(e.TaskOpened)


def test_what_comes_while_it_is_fetched_makes_one_more_fetch() -> None:
    """What the answer under way has missed is fetched once more, however often it was said."""
    story = Story().when(LOOK).when(LOOK).then_events(e.RefetchAsked).then_effects()
    story.when(LOOK).then_events()
    story.done(f.FetchOrder, FETCHED).then_effects(f.FetchOrder)
    story.done(f.FetchOrder, FETCHED).then_effects()
    assert story.state.refetches == 2


def test_a_closed_order_is_fetched_because_an_exchange_may_open_it() -> None:
    """A cancelled one is not: nothing that the channel could say would change it."""
    given_closed().when(LOOK).then_effects(f.FetchOrder)
    story = given_placed(payment="pending").when(i.CancelOrder(ref=REF)).then_stage("cancelled")
    story.when(LOOK).then_events()


def test_an_order_that_the_channel_does_not_know_is_a_persons() -> None:
    """It is visible with the channel's words, can be fetched again, and can be given up."""
    story = Story().when(LOOK).refused(f.FetchOrder, "has no order 7").then_stage("expected")
    assert "has no order 7" in waiting_for(story.state)
    story.act("retry").then_effects(f.FetchOrder)
    story.refused(f.FetchOrder, "still none")
    assert len(story.state.stuck) == 1
    story.act("cancel").then_events(e.CancelRequested, e.Cancelled).then_stage("cancelled")
    story.when(i.PlaceOrder(order=an_order())).then_stage("accepted")
    assert story.state.cancel is None


def test_a_payment_without_its_order_is_fetched_before_it_alarms() -> None:
    """What a machine can correct does not alarm; then it does, and tries again each day."""
    story = Story().when(i.ConfirmPayment(ref=REF)).then_stage("expected")
    story.when(DUE).then_events(e.RefetchAsked).then_effects(f.FetchOrder)
    due = story.timers[story.events[-1].key, "due"]
    assert due - story.now == timedelta(seconds=Policy().place_due_seconds)
    story.done(f.FetchOrder, FETCHED).when(DUE).then_events(e.Overdue).then_effects(f.FetchOrder)
    story.when(DUE).then_events(e.Overdue).then_effects()
    assert story.timers[story.events[-1].key, "due"] == story.now + timedelta(seconds=DAY)


def test_an_order_that_must_wait_is_due_as_late_as_a_payment() -> None:
    """The channel's own words say why; the order that comes later is no longer waited for."""
    note = i.NoteReport(ref=REF, source="amazon", topic="P", words="not confirmed yet", waits=True)
    story = Story().when(LOOK).done(f.FetchOrder, FETCHED).when(note)
    due = story.timers[story.events[-1].key, "due"] - story.now
    assert due == timedelta(seconds=Policy().payment_due_seconds)
    assert waiting_for(story.state) == "the channel: not confirmed yet"
    story.when(i.UpdateOrder(order=an_order(payment="pending")))
    assert waiting_for(story.state) == "the customer's payment"


# --- fulfilled by others --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["place", "pay", "update"])
def test_what_is_wholly_fulfilled_is_recorded_and_closed(kind: str) -> None:
    """A sale at the counter, or an order from before our time: nothing is reserved, posted, sent or
    written to anybody."""
    order, sold = an_order(), (shown("pos-1", l1=2, l2=1),)
    given: i.Input = i.PlaceOrder(order=order, fulfilled=sold)
    if kind == "pay":
        given = i.ConfirmPayment(ref=REF, order=order, fulfilled=sold)
    elif kind == "update":
        given = i.UpdateOrder(order=order, fulfilled=sold)
    story = Story().when(given).then_events(e.Placed, e.ShippedElsewhere, e.Closed).then_effects()
    assert story.counts() == {"q": 2, "e": 2}
    assert waiting_for(story.state) == ""


def test_what_is_partly_fulfilled_is_ours_for_the_rest() -> None:
    """Only the open units are planned."""
    story = Story().when(i.PlaceOrder(order=an_order(), fulfilled=(shown("pos-1", l1=1),)))
    story.then_events(e.Placed, e.ShippedElsewhere, e.Accepted, e.FulfilmentPlanned)
    assert story.counts() == {"q": 2, "e": 1, "a": 1}
    story.when(i.UpdateOrder(order=later(10), fulfilled=(shown("pos-1", l1=1),)))
    story.then_events(e.UpdateNoted)


def test_our_own_fulfilment_comes_back_as_an_echo() -> None:
    """By its id, by a number of ours, or as sums: nothing moves."""
    story = published(given_shipped(), outside_id="f-1")
    for minute, one in enumerate(
        (shown("f-1", l1=2, l2=1), shown("other", "1Z-K1", l1=2, l2=1), shown("", l1=2, l2=1)), 10
    ):
        story.when(i.UpdateOrder(order=later(minute), fulfilled=(one,)))
    assert story.counts() == {"q": 2, "t": 2}


def test_what_somebody_else_sent_meanwhile_is_not_sent_again() -> None:
    """The warehouse is stopped for these units; what is left of the order goes on."""
    story = given_released()
    story.when(i.UpdateOrder(order=later(10), fulfilled=(shown("x-1", l1=2),)))
    story.then_events(e.UpdateNoted, e.ShippedElsewhere, e.Stopped).then_effects(f.CancelTask)
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.then_events(e.StockReleased, e.FulfilmentCancelled, e.UnitsDropped, e.FulfilmentPlanned)
    assert story.counts() == {"q": 2, "e": 2}
    assert story.counts(1) == {"q": 1, "a": 1}


def test_what_was_sent_twice_is_named() -> None:
    """Ours has left, too: a person hears of it."""
    story = published(given_shipped())
    story.when(i.UpdateOrder(order=later(10), fulfilled=(shown("x-1", l1=2),)))
    assert "as sent by others, and ours have left, too" in waiting_for(story.state)


def test_a_channel_that_knows_sums_alone_is_compared_by_sums() -> None:
    """What is more than left by us is somebody else's, once."""
    order = order_of(a_line("1", 3))
    story = Story().when(i.PlaceOrder(order=order, fulfilled=(shown("", l1=1),)))
    assert story.counts() == {"q": 3, "e": 1, "a": 2}
    story.when(i.UpdateOrder(order=later(10, order), fulfilled=(shown("", l1=1),)))
    assert story.counts() == {"q": 3, "e": 1, "a": 2}
    story.when(i.UpdateOrder(order=later(11, order), fulfilled=(shown("", l1=2),)))
    assert story.counts() == {"q": 3, "e": 1, "a": 2, "E": 1}


def test_what_is_known_by_sums_counts_once_when_it_gets_an_id() -> None:
    """Another location's piece is gone for us before it is fulfilled there; the fulfilment is the
    same piece, and the next one is one more."""
    order = order_of(a_line("1", 3))
    story = Story().when(i.PlaceOrder(order=order, fulfilled=(shown("", l1=1),)))
    story.when(i.UpdateOrder(order=later(10, order), fulfilled=(shown("x-1", l1=1),)))
    assert story.counts() == {"q": 3, "e": 1, "a": 2}
    both = (shown("x-1", l1=1), shown("x-2", l1=1))
    story.when(i.UpdateOrder(order=later(11, order), fulfilled=both))
    assert story.counts() == {"q": 3, "e": 1, "a": 2, "E": 1}


def test_a_sum_beside_shipments_is_the_whole_of_a_line() -> None:
    """One of two left in another's shipment, and the order was then called complete by hand: both
    have gone, and nothing is sent."""
    order = order_of(a_line("1", 2))
    story = Story().when(i.PlaceOrder(order=order, fulfilled=(shown("5", l1=1),)))
    assert story.counts() == {"q": 2, "e": 1, "a": 1}
    both = (shown("5", l1=1), shown("", l1=2))
    story.when(i.UpdateOrder(order=later(10, order), fulfilled=both))
    assert story.counts() == {"q": 2, "e": 1, "a": 1, "E": 1}
    story.when(i.UpdateOrder(order=later(11, order), fulfilled=both)).then_events(e.UpdateNoted)


def test_what_is_ours_again_by_the_channel_s_sums_is_a_persons() -> None:
    """Goods that another location had, and that the shop assigned back to ours."""
    order = order_of(a_line("1", 3))
    story = Story().when(i.PlaceOrder(order=order, fulfilled=(shown("", l1=2),)))
    for minute in (10, 11):
        story.when(i.UpdateOrder(order=later(minute, order), fulfilled=(shown("", l1=0),)))
    (task,) = story.state.tasks
    assert task.words.count("now wants 2 × SKU-1 of line 1 from our place") == 1
    assert story.counts() == {"q": 3, "e": 2, "a": 1}


def test_an_old_statement_proves_nothing_about_fulfilment() -> None:
    """A fulfilment may have been taken back since."""
    story = given_released()
    old = an_order(updated_at="2020-01-01T00:00:00Z")
    story.when(i.UpdateOrder(order=old, fulfilled=(shown("x", l1=2),))).then_events()
    assert story.stage("F1") == "released"
    assert story.state.fulfilments[F1].stop == ""


def test_what_others_ship_of_an_order_is_not_cancelled_with_the_rest() -> None:
    """One unit was cancelled here and the other is shown as sent by others while the warehouse has
    both: the order and its sales order stand, and nothing is told to the channel."""
    story = given_released(lines=(a_line("1", 2),), totals=order_of(a_line("1", 2)).totals)
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="1", quantity=1),)))
    order = later(1, order_of(a_line("1", 2)))
    story.when(i.UpdateOrder(order=order, fulfilled=(shown("theirs", l1=1),)))
    assert story.counts() == {"q": 2, "a": 2, "C": 1, "E": 1}
    for kind in (f.CancelTask, f.ReleaseStock):
        story.done(kind, f.Undone())
    assert story.counts() == {"q": 2, "c": 1, "e": 1}
    assert story.state.cancel is None
    assert f.CancelSalesOrder not in {type(x) for x in story.effects.values()}

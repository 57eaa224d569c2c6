"""The ordinary way of an order, and what belongs to every order's life."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.tables import IllegalTransition
from actors.order.family import VERSIONS
from actors.order.policy import DAY, Policy
from actors.order.stream import (
    INITIAL,
    StateOutdated,
    decode_state,
    encode_state,
    evolve,
    row_of,
    waiting_for,
)
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    D1,
    F1,
    K1,
    L1,
    M1,
    POSTED,
    REF,
    RESERVED,
    SENT,
    SETUP,
    Story,
    an_order,
    given_closed,
    given_labelled,
    given_packed,
    given_placed,
    given_released,
    given_reserved,
    given_shipped,
    handed_over,
    packed,
    published,
    sold,
    tags,
)


def test_a_paid_order_is_accepted_planned_and_asks_for_stock() -> None:
    """Placing a paid order leads to one fulfilment at the first place and one reservation."""
    story = given_placed().then_events(e.Placed, e.Accepted, e.FulfilmentPlanned)
    story.then_effects(f.ReserveStock)
    assert story.effect(f.ReserveStock) == f.ReserveStock(
        place="WH1", units=(f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1)), places=("WH1",)
    )
    assert story.lanes[1] == "stock"


def test_the_whole_way_takes_seventeen_events_in_twelve_steps() -> None:
    """Every partner answers once, and nothing stays open."""
    story = given_closed()
    assert tags(story.events) == [
        "order.placed.v2",
        "order.accepted.v2",
        "fulfilment.planned.v1",
        "fulfilment.stock_reserved.v2",
        "document.posted.v2",
        "fulfilment.task_taken.v1",
        "message.sent.v1",
        "fulfilment.packed.v2",
        "label.wanted.v1",
        "label.bought.v2",
        "parcel.asked.v2",
        "fulfilment.handed_over.v1",
        "fulfilment.published.v1",
        "parcel.asked.v2",
        "parcel.delivered.v2",
        "fulfilment.done.v1",
        "order.closed.v2",
    ]
    assert story.state.open == ()
    assert story.timers == {}
    assert [story.counts(0), story.counts(1)] == [{"q": 2, "d": 2}, {"q": 1, "d": 1}]


def test_reserved_orders_go_to_warehouse_erp_and_customer_at_once() -> None:
    """A reservation leads to three effects for three things, each in its partner's lane."""
    story = given_reserved().then_effects(f.CreateTask, f.PostSalesOrder, f.SendMail)
    assert [(x.key, x.lane) for x in story.state.open] == [(F1, "wms"), (D1, "bc"), (M1, "smtp")]


def test_a_partner_is_told_units_and_never_the_whole_order() -> None:
    """Task, sales order and publication name lines, SKUs and quantities."""
    story = given_reserved()
    units = (f.Units("1", "SKU-1", 2), f.Units("2", "SKU-2", 1))
    assert story.effect(f.CreateTask) == f.CreateTask(place="WH1", units=units)
    assert story.effect(f.PostSalesOrder) == f.PostSalesOrder(units=units)
    story = given_shipped()
    told = story.effect(f.PublishFulfilment)
    assert told == f.PublishFulfilment(
        fulfilment=F1,
        parcels=(f.SentParcel(parcel=K1, units=units, carrier="UPS", tracking_number="1Z-K1"),),
    )


def test_one_answer_that_says_delivered_hands_over_and_delivers() -> None:
    """A first look at the carrier may find the parcel delivered already."""
    story = given_labelled().when(i.TimerFired(name="track", key=K1)).then_events(e.Asked)
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    story.then_events(e.HandedOver, e.Delivered).then_effects(f.PublishFulfilment)
    published(story).then_stage("closed")


def test_closing_waits_for_a_slow_erp() -> None:
    """An order whose ERP posting is still under way is completed, not closed."""
    story = given_reserved().done(f.CreateTask, f.TaskCreated(task_id="t"))
    story.done(f.SendMail, SENT).when(packed()).done(f.BuyLabel, sold(K1))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    published(story).then_stage("accepted")
    assert row_of(story.state).stage == "completed"
    story.done(f.PostSalesOrder, POSTED).then_stage("closed")


def test_a_delivered_order_stays_open_as_long_as_the_policy_says() -> None:
    """With a closing delay the order closes by its timer."""
    story = Story(policy=Policy(close_after_seconds=3600.0))
    given_labelled(story).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered"))
    published(story).then_stage("accepted")
    assert ("O", "close") in story.timers
    story.when(i.TimerFired(name="close")).then_events(e.Closed).then_stage("closed")
    assert story.timers == {}


def test_the_hand_over_may_be_told_by_the_warehouse() -> None:
    """The warehouse's own word is enough; the carrier is asked as before."""
    story = given_labelled().when(handed_over()).then_events(e.HandedOver)
    story.then_effects(f.PublishFulfilment).then_stage("handed_over", "F1")
    assert (K1, "track") in story.timers
    published(story).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="in_transit")).then_events(e.InTransit)


def test_packed_before_the_warehouse_answered_is_taken() -> None:
    """The report is the truth, even while the answer to our request is still missing."""
    story = given_reserved().when(packed()).then_stage("packed", "F1")
    story.done(f.CreateTask, f.TaskCreated(task_id="t")).then_stage("packed", "F1")
    assert story.state.fulfilments[F1].task == "t"


def test_a_second_packed_changes_nothing() -> None:
    """One parcel gets one label, however often the warehouse reports."""
    given_packed().when(packed()).then_events().then_effects()


def test_an_answer_to_a_settled_effect_changes_nothing() -> None:
    """The same answer twice settles once."""
    story = given_placed()
    answer = i.EffectDone(number=story.number(f.ReserveStock), result=RESERVED)
    story.when(answer).when(answer).then_events().then_effects()


def test_a_parcel_that_does_not_move_is_asked_about_again() -> None:
    """Tracking that says nothing new sets the next look."""
    story = given_labelled().when(i.TimerFired(name="track", key=K1))
    assert (K1, "track") not in story.timers
    story.done(f.TrackParcel, f.Tracked(status="label_created")).then_events(e.Tracked)
    assert (K1, "track") in story.timers


def test_an_overdue_stage_raises_an_alarm_and_sets_the_next() -> None:
    """What waits too long says so, names whom it waits for, and never goes silent."""
    story = given_released().when(i.TimerFired(name="due", key=F1)).then_events(e.Overdue)
    assert story.state.overdue == (F1,)
    alarm = story.events[-1]
    assert isinstance(alarm, e.Overdue)
    assert (alarm.key, alarm.stage, alarm.waiting_for) == (F1, "released", "the warehouse to pack")
    assert (story.timers[F1, "due"] - story.now).total_seconds() == DAY
    story.when(packed())
    assert not story.state.overdue


def test_every_stage_on_the_way_says_whom_it_waits_for() -> None:
    """Lists show one line of words."""
    words = [
        (given_placed(payment="pending"), "the customer's payment"),
        (given_placed(), "the stock reservation"),
        (given_reserved(), "the warehouse to take the task"),
        (given_released(), "the warehouse to pack"),
        (given_packed(), "the carrier to sell the label"),
        (given_labelled(), "the carrier's first scan"),
        (given_shipped(), "the carrier to deliver"),
        (given_closed(), ""),
    ]
    assert [waiting_for(story.state) for story, _ in words] == [one for _, one in words]


def test_the_row_says_how_far_the_goods_are() -> None:
    """Stage and progress are read off the machines."""
    rows = [
        row_of(story.state)
        for story in (given_placed(), given_released(), given_shipped(), given_closed())
    ]
    assert [row.stage for row in rows] == ["open", "open", "open", "closed"]
    assert [row.progress for row in rows] == ["accepted", "released", "shipped", "closed"]
    assert [row.final for row in rows] == [False, False, False, True]
    assert (rows[-1].fulfilments, rows[-1].parcels) == (1, 1)


def test_goods_are_in_the_house_from_the_task_until_they_leave() -> None:
    """Who packs is shown what was given to a warehouse until all of it has left, also of an order
    that is being cancelled."""
    waiting, here = given_reserved(), [given_released(), given_packed(), given_labelled()]
    here.append(given_released().when(i.CancelOrder(ref=REF)))
    gone = [given_shipped(), given_closed()]
    assert not row_of(waiting.state).in_house
    assert [row_of(story.state).in_house for story in here] == [True] * 4
    assert [row_of(story.state).in_house for story in gone] == [False] * 2


def test_the_table_forbids_what_it_does_not_name() -> None:
    """No code can close an order that was never placed."""
    with pytest.raises(IllegalTransition, match=r"order\.closed\.v2"):
        evolve(INITIAL, e.Closed(rule="close"))


def test_a_state_of_other_machines_is_rebuilt() -> None:
    """An order stored before a machine existed is not a fault: its state is only a cache."""
    stored = encode_state(given_released().state)
    older = stored.replace(f'"family":"{VERSIONS}"'.encode(), b'"family":"O1F1K1"')
    with pytest.raises(StateOutdated):
        decode_state(older)


def test_finished_things_leave_a_tombstone() -> None:
    """A closed order keeps how its things ended and by which ids others know them."""
    state = given_closed().state
    assert not state.fulfilments
    assert not state.parcels
    assert not state.labels
    assert state.ended[F1].ids == ("t-F1", "f-1")
    assert state.ended[K1].ids == ("1Z-K1", "F1/F1-1")
    assert state.ended[L1].stage == "bought"


@pytest.mark.parametrize("missing", ["erp", "mail", "storefront"])
def test_a_seller_without_a_role_has_a_shorter_life(missing: str) -> None:
    """No one is asked, and nothing is stuck."""
    story = Story(setup=replace(SETUP, **{missing: ""}))
    story.when(i.PlaceOrder(order=an_order())).done(f.ReserveStock, RESERVED)
    if missing != "erp":
        story.done(f.PostSalesOrder, POSTED)
    if missing != "mail":
        story.done(f.SendMail, SENT)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    if missing != "storefront":
        published(story)
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("closed")


def test_a_report_names_its_own_order_alone() -> None:
    """A report on a fulfilment that the order does not have is a person's."""
    report = i.ReportPicked(ref=REF, fulfilment="F7", task_id="t")  # type: ignore[arg-type]  # text
    story = given_released().when(report).then_events(e.TaskOpened)
    assert "F7" in waiting_for(story.state)


def test_a_payment_before_the_order_is_kept_and_joined() -> None:
    """The payment is not lost, whatever the order says of it when it comes."""
    story = Story().when(i.ConfirmPayment(ref=REF)).then_events(e.PaymentConfirmed)
    story.then_stage("expected")
    story.when(i.PlaceOrder(order=an_order(payment="pending")))
    story.then_events(e.Placed, e.Accepted, e.FulfilmentPlanned)


def test_a_payment_that_brings_the_order_places_it_and_the_late_create_is_stale() -> None:
    """`orders/paid` may come first, with the whole order."""
    paid = an_order(updated_at="2026-11-27T12:10:00Z")
    story = Story().when(i.ConfirmPayment(ref=REF, order=paid))
    story.then_events(e.Placed, e.Accepted, e.FulfilmentPlanned)
    story.when(i.PlaceOrder(order=an_order(payment="pending"))).then_events()

"""Goods that leave although no one wants them to: the books, the shop and a person know of them."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from actors.fulfilment.packing import MAX_KEPT
from actors.order.state import State
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    ELSEWHERE,
    F1,
    K1,
    K2,
    L1,
    L2,
    MAIN,
    REF,
    RESERVED,
    SETUP,
    Story,
    a_line,
    a_parcel,
    an_order,
    given_closed,
    given_labelled,
    given_placed,
    given_released,
    handed_over,
    later,
    order_of,
    packed,
    sold,
)

CANCEL = i.CancelOrder(ref=REF, reason="customer")
COD = replace(SETUP, promised=frozenset({"cod"}), collected=frozenset({"cod"}), short_pick="drop")


def words(state: State) -> str:
    """Return what people are asked, in one text."""
    return "; ".join(one.words for one in state.tasks)


def test_what_is_packed_for_a_recalled_task_leaves_as_it_was_told() -> None:
    """The hand-over names the parcel and no more; the shop is told of exactly its units."""
    story = given_released().when(CANCEL).done(f.CancelTask, f.Undone())
    story.then_stage("recalled", "F1")
    story.when(packed(a_parcel("a", l1=2), sequence=1)).then_events(e.PackedAnyway)
    story.when(packed(a_parcel("a", l1=2), sequence=1)).then_events()
    story.when(handed_over(a_parcel("a", "JD1"), sequence=2))
    assert isinstance(story.last and story.last.events[0], e.PartHandedOver)
    assert (story.state.parcels[K1].units, story.state.parcels[K1].number) == (((0, 2),), "JD1")
    assert "F1 left although its task was cancelled" in words(story.state)
    assert "whose contents" not in words(story.state)


def test_what_is_packed_for_a_cancelled_task_leaves_as_it_was_told() -> None:
    """Only a tombstone is left of the fulfilment; what its parcels hold is still known."""
    for hand_over in (handed_over(a_parcel("a"), sequence=2), handed_over(sequence=2)):
        story = given_released().when(CANCEL).done(f.CancelTask, f.Undone())
        story.done(f.ReleaseStock, f.Undone()).then_stage("cancelled", "F1")
        story.when(packed(a_parcel("a", l1=2), sequence=1)).then_events(e.PackedAnyway)
        story.then_stage("cancelled", "F1").when(hand_over)
        publish = story.effect(f.PublishFulfilment)
        assert isinstance(publish, f.PublishFulfilment)
        assert [x.units for x in publish.parcels] == [(f.Units("1", "SKU-1", 2),)]
        assert "2 × SKU-1 too many left with F1" in words(story.state)
        story.when(hand_over).then_events()


def test_what_is_remembered_of_a_cancelled_task_is_bounded() -> None:
    """A warehouse that never stops packing fills no order."""
    story = given_released().when(CANCEL).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone())
    for half in (0, 1):
        more = range(half * MAX_KEPT // 2, half * MAX_KEPT // 2 + MAX_KEPT)
        story.when(packed(*(a_parcel(f"p{number}", l1=1) for number in more)))
    kept = [key for key, one in story.state.ended.items() if one.units]
    assert len(kept) == MAX_KEPT


def test_contents_that_are_awaited_when_a_task_ends_are_awaited_still() -> None:
    """Nothing is given back and nothing planned again before it is known what has left."""
    story = given_released().when(CANCEL).done(f.CancelTask, f.Undone())
    release = story.number(f.ReleaseStock)
    story.when(handed_over(a_parcel("a", "JD1"), sequence=2)).then_events(e.ContentsAwaited)
    told = "the warehouse to tell what the parcels hold that have left"
    assert waiting_for(story.state) == told
    story.when(i.EffectDone(number=release, result=f.Undone()))
    story.then_stage("recalled", "F1")
    story.when(packed(a_parcel("a", l1=2, l2=1), sequence=1))
    story.then_stage("handed_over", "F1")
    assert story.state.parcels[K1].number == "JD1"


def test_a_parcel_that_leaves_under_a_label_that_was_not_voided_is_shown() -> None:
    """Its fulfilment had ended while the carrier still had to answer where the parcel is."""
    story = given_labelled().when(i.TimerFired(name="track", key=K1)).unknown(f.TrackParcel)
    track = story.state.stuck[0].number
    story.when(CANCEL).done(f.CancelTask, f.Undone()).refused(f.VoidLabel)
    story.act("skip", str(next(x.number for x in story.state.stuck if x.key == L1)))
    story.done(f.ReleaseStock, f.Undone()).then_stage("cancelled", "F1")
    story.when(i.EffectDone(number=track, result=f.Tracked(status="delivered")))
    publish = story.effect(f.PublishFulfilment, F1)
    assert isinstance(publish, f.PublishFulfilment)
    assert [(x.parcel, x.tracking_number) for x in publish.parcels] == [(K1, f"1Z-{K1}")]


def test_a_hand_over_says_no_more_than_the_scan_before_it() -> None:
    """All that was packed so far had left, and the carrier told it first: what is packed later is
    still here."""
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False, sequence=1))
    story.done(f.BuyLabel, sold(K1)).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="in_transit"))
    story.when(handed_over(sequence=2)).then_events()
    story.when(packed(a_parcel("b", l2=1), sequence=3))
    assert story.state.parcels[K2].stage == "packed"


def test_a_hand_over_takes_along_only_what_was_packed_before_it() -> None:
    """It was overtaken by the report of what was packed after it."""
    story = given_released().when(packed(a_parcel("a", l1=2), complete=False, sequence=1))
    story.when(packed(a_parcel("b", l2=1), sequence=3)).when(handed_over(sequence=2))
    stages = {x.parcel_id: x.stage for x in story.state.parcels.values()}
    assert stages["b"] == "packed"
    assert stages["a"] != "packed"
    story.when(handed_over(sequence=4))
    assert story.state.fulfilments[F1].stage == "handed_over"


def test_too_little_stock_answers_only_the_calls_before_it() -> None:
    """The later call may have reserved: its answer is awaited, and what it has is given back."""
    story = given_placed().unknown(f.ReserveStock)
    first = story.state.stuck[0].number
    story.act("retry", str(first)).unknown(f.ReserveStock)
    second = story.state.stuck[0].number
    story.when(CANCEL)
    story.when(i.EffectDone(number=first, result=f.StockShort(skus=("SKU-1",))))
    story.then_stage("planned", "F1")
    story.when(i.EffectDone(number=second, result=RESERVED)).then_effects(f.ReleaseStock)


def test_a_label_that_is_found_late_collects_as_well() -> None:
    """Two labels that collect the same amount are named, and what is too much is owed."""
    order = order_of(a_line("1", 2), a_line("2", 1), payment="pending", payment_method="cod")
    story = given_released(
        Story(setup=COD), lines=order.lines, totals=order.totals, payment="pending",
        payment_method="cod",
    )  # fmt: skip
    story.when(packed(a_parcel("a", l1=2), complete=False)).unknown(f.BuyLabel)
    lost = story.state.stuck[0].number
    story.act("skip", str(lost)).when(packed(a_parcel("b", l2=1))).done(f.BuyLabel, sold(K2), L2)
    assert story.state.fulfilments[F1].collect == order.totals.total_minor
    story.when(i.EffectDone(number=lost, result=sold(K1, shipment="late")))
    assert story.state.fulfilments[F1].collect == 2 * order.totals.total_minor
    assert "30.00 USD are collected with F1, and 15.00 USD are due" in words(story.state)


def test_a_call_is_repeated_with_the_amount_that_it_named_first() -> None:
    """The warehouse may have the first one: what it collects is known either way."""
    story = given_placed(Story(setup=COD), payment="pending", payment_method="cod")
    story.done(f.ReserveStock, RESERVED).unknown(f.CreateTask)
    stuck = next(x.number for x in story.state.stuck if x.key == F1)
    story.act("cancel").act("retry", str(stuck))
    again = story.effect(f.CreateTask)
    assert isinstance(again, f.CreateTask)
    assert again.collect_minor == an_order().totals.total_minor


def test_an_order_of_which_goods_left_after_its_end_is_not_cancelled() -> None:
    """Without storefront and carrier nothing is left to wait for: the order closes."""
    bare = replace(SETUP, storefront="", places=(replace(MAIN, carrier=""),))
    story = given_released(Story(setup=bare)).when(CANCEL).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone()).done(f.CancelSalesOrder, f.Undone())
    story.then_stage("cancelled").when(handed_over(a_parcel("a", l1=2)))
    assert any(isinstance(one, e.Reopened) for one in story.events)
    story.act("done", "changed")
    assert story.stage() != "cancelled"


def test_what_leaves_unnamed_when_all_else_is_done_is_asked_for() -> None:
    """Given a fulfilment of which one parcel left and the other was taken back, the order closes.
    When the warehouse hands over once more without naming anything, a person is told."""
    order = order_of(a_line("1", 2, delivery="pickup"), a_line("2", 1, delivery="pickup"))
    story = Story().when(i.PlaceOrder(order=order)).done(f.ReserveStock, RESERVED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(packed(a_parcel("a", l1=2), a_parcel("b", l2=1), sequence=1))
    story.when(i.CancelOrder(ref=REF, reason="customer"))
    story.when(handed_over(a_parcel("a"), sequence=2)).done(f.CancelTask, f.Undone())
    story.done(f.ReleaseStock, f.Undone())
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    story.when(i.ReportCollected(ref=REF, fulfilment=F1, task_id="t-F1")).then_stage("done", F1)
    assert "what it holds is unknown" not in words(story.state)
    story.when(handed_over(sequence=5))
    assert "what it holds is unknown" in words(story.state)


@pytest.mark.parametrize("moved", ["in_transit", "exception"])
def test_what_is_on_its_way_under_a_voided_label_is_a_persons(
    moved: Literal["in_transit", "exception"],
) -> None:
    """Given a label that is being voided while the carrier moves the parcel, when it says after
    all that it took the label back, it will tell no more: a person asks, and the order goes on."""
    story = given_labelled().when(i.TimerFired(name="track", key=K1)).unknown(f.TrackParcel)
    track = story.state.stuck[0].number
    story.when(CANCEL).done(f.CancelTask, f.Undone())
    story.when(i.EffectDone(number=track, result=f.Tracked(status=moved)))
    story.done(f.VoidLabel, f.Undone()).when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="voided")).then_stage("untracked", "K1")
    assert "its label is voided" in words(story.state)


def test_a_repeat_about_a_parcel_that_had_ended_asks_no_one() -> None:
    """More left with the fulfilment after its end, so it is open again; its first parcel is not new
    because of that."""
    story = given_closed()
    story.when(handed_over(a_parcel("extra", l1=1)))
    assert F1 in story.state.fulfilments
    before = story.state.tasks
    story.when(handed_over(i.ReportedParcel(parcel_id=f"{F1}-1")))
    assert story.state.tasks == before


def test_a_label_of_unknown_fate_is_looked_for_after_its_task_was_called_off() -> None:
    """One box left while no one knew whether its label was sold at the first call, the second was
    not taken, and the warehouse calls the rest off: a person's retry buys the label that the box
    has, instead of waiting for what waits for it."""
    boxes = (a_parcel("1", l1=2), a_parcel("2", l2=1))
    story = given_released().when(packed(*boxes)).unknown(f.BuyLabel).act("retry")
    number = story.number(f.BuyLabel)
    story.when(i.EffectGivenUp(number=number, reason="not taken", outcome_known=True))
    story.when(handed_over(a_parcel("1", l1=2)))
    story.when(i.ReportTaskCancelled(ref=REF, fulfilment=F1, task_id="t-F1"))
    story.then_stage("recalled", F1)
    story.act("retry").then_effects(f.BuyLabel)


def test_a_parcel_in_transit_that_no_label_names_any_more_is_as_good_as_there() -> None:
    """The carrier moves it under a label that was kept for another address, and the next one, which
    came too late, is voided: no one can be asked where it is, and the order reaches its end."""
    story = given_labelled().when(i.TimerFired(name="track", key=K1))
    story.when(i.UpdateOrder(order=later(1, ship_to=ELSEWHERE)))
    story.refused(f.VoidLabel).act("skip").when(handed_over())
    story.done(f.TrackParcel, f.Tracked(status="in_transit")).then_stage("in_transit", K1)
    story.done(f.BuyLabel, sold(K1), L2).done(f.VoidLabel, f.Undone(), L2)
    story.then_stage("untracked", K1)

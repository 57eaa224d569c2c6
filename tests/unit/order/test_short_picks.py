"""Short picks: the rest goes on, and what is missing is shipped later, dropped, or found."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from actors.kernel.setup import Place
from actors.order.stream import waiting_for
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    K1,
    K2,
    L1,
    L2,
    MAIN,
    POSTED,
    REF,
    SENT,
    SETUP,
    Story,
    a_parcel,
    an_order,
    given_placed,
    given_released,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)
from tests.unit.order.test_channel import shown

TWO = replace(SETUP, places=(MAIN, Place(name="WH2", warehouse="wms-2", carrier="dhl")))


def seen(*rows: tuple[str, str, int]) -> tuple[f.Seen, ...]:
    """A stock snapshot."""
    return tuple(f.Seen(*row) for row in rows)


def short(**found: int) -> i.ReportShortPicked:
    """The warehouse found this much."""
    units = tuple(f.Units(name[1:], f"SKU-{name[1:]}", count) for name, count in found.items())
    return i.ReportShortPicked(ref=REF, fulfilment=F1, task_id="t-F1", found=units)


def test_a_short_pick_asks_a_person_and_nothing_is_bought_meanwhile() -> None:
    """The hold is the fulfilment's; the label waits for it."""
    story = given_released().when(short(l1=1, l2=1)).then_events(e.ShortPicked, e.Held)
    assert story.state.holds[0].key == F1
    story.when(packed(a_parcel("a", l1=1, l2=1))).then_events(e.Packed, e.LabelWanted)
    story.then_effects()
    story.act("backorder", "F1").then_events(
        e.ShortSettled, e.HoldReleased, e.FulfilmentBackordered
    )
    assert f.tag_of(f.BuyLabel) in str(story.open_kinds())
    assert story.state.fulfilments[F2].left == ((0, 1),)


def test_ship_short_plans_the_rest_at_another_place() -> None:
    """What one warehouse lacks another may have."""
    story = given_released(Story(setup=TWO)).when(short(l1=1, l2=1))
    story.act("ship-short").then_effects(f.ReleaseStock, f.ReserveStock)
    assert story.effect(f.ReserveStock, F2).place == "WH2"  # type: ignore[union-attr]  # reserving
    assert story.effect(f.ReleaseStock, F1) == f.ReleaseStock(
        place="WH1", units=(f.Units("1", "SKU-1", 1),)
    )


def test_drop_cancels_the_rest_and_leaves_money_owed_to_a_person() -> None:
    """The ERP follows once it is settled, and one task names the amount."""
    story = given_released().when(short(l1=1, l2=1)).act("drop", "F1")
    story.then_events(e.ShortSettled, e.HoldReleased, e.UnitsDropped, e.TaskOpened)
    assert story.counts() == {"q": 2, "a": 1, "c": 1}
    assert "5.00 USD are owed" in waiting_for(story.state)
    amended = story.effect(f.AmendSalesOrder)
    assert isinstance(amended, f.AmendSalesOrder)
    assert amended.units == (f.Units("1", "SKU-1", 1), f.Units("2", "SKU-2", 1))


@pytest.mark.parametrize(
    ("policy", "event"), [("backorder", e.FulfilmentBackordered), ("drop", e.UnitsDropped)]
)
def test_the_policy_may_decide_at_once(policy: str, event: type[e.Event]) -> None:
    """No one is asked, and the parcel is labelled as it is."""
    setup = replace(SETUP, short_pick=policy)
    story = given_released(Story(setup=setup)).when(packed(a_parcel("a", l1=1, l2=1)))
    kinds = [type(one) for one in story.events]
    assert e.ShortSettled in kinds
    assert event in kinds
    assert not story.state.holds
    assert L1 in story.state.labels


def test_what_was_missing_and_is_packed_after_all_asks_no_one() -> None:
    """A later report corrects an earlier one."""
    story = given_released().when(short(l1=1, l2=1)).when(packed(a_parcel("a", l1=2, l2=1)))
    assert not story.state.holds
    settled = next(one for one in story.events if isinstance(one, e.ShortSettled))
    assert settled.how == "found"


def test_two_warehouses_of_which_one_is_short() -> None:
    """Each parcel is told with what it holds; the rest is settled by itself."""
    story = given_placed(Story(setup=replace(TWO, short_pick="drop")))
    snapshot = seen(("WH1", "SKU-1", 2), ("WH2", "SKU-2", 5))
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-2",), seen=snapshot))
    for key, place in ((F1, "WH1"), (F2, "WH2")):
        story.done(f.ReserveStock, f.StockReserved(place=place), key)
    story.done(f.PostSalesOrder, POSTED).done(f.SendMail, SENT)
    for key in (F1, F2):
        story.done(f.CreateTask, f.TaskCreated(task_id=f"t-{key}"), key)
    story.when(packed(a_parcel("a", l1=1))).when(packed(a_parcel("b", l2=1), key=F2))
    story.done(f.BuyLabel, sold(K1), L1).done(f.BuyLabel, sold(K2), L2)
    story.when(handed_over()).when(handed_over(key=F2))
    story.done(f.ReleaseStock, f.Undone())  # what was reserved and not found
    told = [story.effect(f.PublishFulfilment, key) for key in (F1, F2)]
    assert [x.parcels[0].units for x in told if isinstance(x, f.PublishFulfilment)] == [
        (f.Units("1", "SKU-1", 1),),
        (f.Units("2", "SKU-2", 1),),
    ]
    assert story.counts() == {"q": 2, "t": 1, "c": 1}


def given_dropped() -> Story:
    """Of two pieces one was not found and dropped; the other has left, and the channel knows."""
    story = given_released(Story(setup=replace(SETUP, short_pick="drop")))
    story.when(packed(a_parcel("a", l1=1, l2=1))).done(f.BuyLabel, sold(K1), L1)
    story.when(handed_over()).done(f.ReleaseStock, f.Undone())
    assert story.counts() == {"q": 2, "t": 1, "c": 1}
    return published(story, outside_id="f-1")


def test_what_was_dropped_is_not_sent_by_others_when_a_shop_counts_the_order_whole() -> None:
    """An order that is set to Completed counts all that is still on it there; what is owed is a
    task of its own."""
    story = given_dropped()
    ours, whole = shown("f-1", l1=1, l2=1), shown("", l1=2)
    for minute in (10, 11):
        told = i.UpdateOrder(order=later(minute), fulfilled=(ours, whole), fulfilled_is_all=True)
        story.when(told)
        assert [one.task_id for one in story.state.tasks] == ["money"]
        assert not story.state.outside


def test_what_was_dropped_and_others_sent_is_not_said_to_be_sent_twice() -> None:
    """A person finds out whether it was; nothing has to come back."""
    theirs = (shown("f-1", l1=1, l2=1), shown("x", l1=1))
    story = given_dropped().when(i.UpdateOrder(order=later(10), fulfilled=theirs))
    assert story.state.tasks[1].words == (
        "the channel shows 1 × SKU-1 of line 1 as sent by others, and they were cancelled here: "
        "find out which is true"
    )
    assert len(story.state.tasks) == 2


def test_a_parcel_of_which_no_one_told_does_not_hold_what_was_not_found() -> None:
    """The warehouse said that a piece is missing: a parcel that it names and says no more of is a
    person's question, and the short pick stays one."""
    story = given_released().when(packed(a_parcel("a", l1=2)))
    assert story.state.fulfilments[F1].missing == ((1, 1),)
    story.when(handed_over(i.ReportedParcel(parcel_id="b")))
    assert [one.words for one in story.state.tasks] == [
        "F1 has the parcel b, whose contents no one told: ask the warehouse what it packed"
    ]
    assert story.counts(1) == {"q": 1, "a": 1}
    assert story.state.fulfilments[F1].missing == ((1, 1),)


def test_a_line_that_the_order_does_not_have_is_named() -> None:
    """Also where the warehouse does not say which article it is."""
    odd = i.ReportedParcel(parcel_id="a", weight_grams=600, units=(f.Units("9", "", 1),))
    story = given_released().when(packed(a_parcel("b", l1=2, l2=1), odd))
    assert "1 × line 9, which the order does not have" in story.state.tasks[0].words


def test_units_that_are_missing_are_the_first_to_be_taken_off() -> None:
    """Given two of a line of which the warehouse found one, and no one who has decided yet: the
    shop takes one off, so that nothing is called off and no one is asked any more."""
    cup, jar = an_order().lines
    story = given_released().when(short(l1=1, l2=1))
    assert [one.key for one in story.state.holds] == [F1]
    less = order_of(replace(cup, quantity=1, total_minor=500), jar)
    story.when(i.UpdateOrder(order=later(5, less)))
    thing = story.state.fulfilments[F1]
    assert (thing.stop, thing.left, thing.missing) == ("", ((0, 1), (1, 1)), ())
    assert not story.state.holds
    assert story.counts() == {"q": 2, "a": 1, "m": 1}
    story.when(packed(a_parcel("a", l1=1, l2=1)))
    assert not story.state.tasks


def test_of_what_is_missing_the_rest_is_still_decided() -> None:
    """Given two that are missing, of which the shop takes one off: a person decides about one."""
    cup, jar = an_order().lines
    story = given_released().when(short(l2=1))
    less = order_of(replace(cup, quantity=1, total_minor=500), jar)
    story.when(i.UpdateOrder(order=later(5, less)))
    assert story.state.fulfilments[F1].missing == ((0, 1),)
    assert [one.key for one in story.state.holds] == [F1]
    story.act("drop", F1)
    assert story.counts() == {"q": 2, "m": 1, "c": 1}
    assert not story.state.holds

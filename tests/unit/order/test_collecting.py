"""What is due on delivery is collected once, however the goods are shared out."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import (
    F1,
    F2,
    K1,
    POSTED,
    RESERVED,
    Story,
    a_line,
    an_order,
    given_labelled,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)
from tests.unit.order.test_people import COD

CUP, LAMP = a_line("1", 1, 3000), a_line("2", 1, 1000)
TERMS = {"payment": "pending", "payment_method": "Cash on Delivery"}
RINGS = {**TERMS, "note": "ring twice"}
CALLED_OFF = f.Undone()


def given_a_line_more() -> Story:
    """A task that collects 30.00 is on its way to the warehouse when a line of 10.00 and a note
    are added: a second task is asked for, and the first is called off once it is there, to be told
    of the note."""
    story = Story(setup=COD).when(i.PlaceOrder(order=order_of(CUP, **TERMS)))
    story.done(f.ReserveStock, RESERVED)
    story.when(i.UpdateOrder(order=later(5, order_of(CUP, LAMP, **RINGS))))
    story.done(f.ReserveStock, RESERVED, F2)
    assert collected(story, f.CreateTask, F2) == 1000
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"), F1)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F2"), F2)
    assert story.state.fulfilments[F1].stop == "changed"
    return story


def collected(story: Story, kind: type[f.CreateTask | f.BuyLabel], key: str) -> int:
    """What goes with a task or a label."""
    effect = story.effect(kind, key)
    assert isinstance(effect, f.CreateTask | f.BuyLabel)
    return effect.collect_minor


def test_a_parcel_collects_its_share_while_another_task_is_called_off() -> None:
    """Given a task that is being called off, the other one's label says its own share, and the new
    task the rest."""
    story = given_a_line_more()
    story.when(packed(key=F2))
    assert collected(story, f.BuyLabel, "L1") == 1000
    story.done(f.BuyLabel, sold(K1)).when(handed_over(key=F2))
    story.done(f.CancelTask, CALLED_OFF, F1).done(f.ReleaseStock, CALLED_OFF, F1)
    story.done(f.ReserveStock, RESERVED, "F3")
    assert collected(story, f.CreateTask, "F3") == 3000


@pytest.mark.parametrize("left", [True, False], ids=["left", "is packed"])
def test_what_could_not_be_called_off_collects_what_it_did(left: bool) -> None:
    """Given a warehouse that packs the first task all the same, both labels come to what is due."""
    story = given_a_line_more()
    story.when(packed(key=F2)).done(f.BuyLabel, sold(K1))
    if left:
        story.when(handed_over(key=F2))
    story.refused(f.CancelTask, "It is packed.", F1).when(packed())
    assert collected(story, f.BuyLabel, "L2") == 3000


def test_what_is_taken_off_meanwhile_is_no_one_s_share() -> None:
    """Given the first line taken off while its task is called off, the other label collects all
    that is due, which its task says already."""
    story = given_a_line_more()
    story.when(i.UpdateOrder(order=later(6, order_of(LAMP, **RINGS))))
    story.when(packed(key=F2))
    assert collected(story, f.BuyLabel, "L1") == 1000


def given_one_left() -> Story:
    """All of an order, whose parcel collects 30.00, has left."""
    story = Story(setup=COD).when(i.PlaceOrder(order=order_of(CUP, **TERMS)))
    story.done(f.ReserveStock, RESERVED).done(f.PostSalesOrder, POSTED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    return story.done(f.BuyLabel, sold(K1)).when(handed_over())


def words_of(story: Story) -> list[str]:
    """What people are asked."""
    return [task.words for task in story.state.tasks]


def test_what_is_added_after_a_part_left_is_collected_with_the_rest() -> None:
    """Given a line of 10.00 that is added after 30.00 went with a parcel: its own parcel collects
    the 10.00, and no carrier is asked to collect another amount."""
    story = given_one_left()
    story.when(i.UpdateOrder(order=later(5, order_of(CUP, LAMP, **TERMS))))
    story.done(f.ReserveStock, RESERVED, F2)
    assert collected(story, f.CreateTask, F2) == 1000
    assert not words_of(story)


@pytest.mark.parametrize("price", [2000, 4000])
def test_an_amount_that_changed_after_all_had_left_is_a_person_s(price: int) -> None:
    """More or less than goes with the parcel: nothing is here that makes up for it."""
    story = given_one_left()
    story.when(i.UpdateOrder(order=later(5, order_of(a_line("1", 1, price), **TERMS))))
    (words,) = words_of(story)
    assert words == (
        "the amount to collect changed after K1 (1Z-K1) had left: have the carrier collect the new "
        "amount"
    )


def test_a_discount_that_the_rest_makes_up_for_is_no_one_s() -> None:
    """Given 30.00 with the parcel that left and 10.00 with the other one: of a discount of 5.00
    the other one collects less; of one of 15.00 the carrier of the first has to know."""
    story = given_one_left()
    story.when(i.UpdateOrder(order=later(5, order_of(CUP, LAMP, **TERMS))))
    story.done(f.ReserveStock, RESERVED, F2).done(f.CreateTask, f.TaskCreated(task_id="t-F2"), F2)
    cheaper = order_of(CUP, a_line("2", 1, 500), **TERMS)
    story.when(i.UpdateOrder(order=later(6, cheaper)))
    assert story.state.fulfilments[F2].stop == "changed"
    assert not words_of(story)
    story.when(i.UpdateOrder(order=later(7, order_of(a_line("1", 1, 2000), LAMP, **TERMS))))
    assert not words_of(story)
    story.when(i.UpdateOrder(order=later(8, order_of(a_line("1", 1, 1500), LAMP, **TERMS))))
    assert len(words_of(story)) == 1


@pytest.mark.parametrize("carried", [True, False], ids=["on its way", "untracked"])
def test_paid_after_the_last_parcel_left(carried: bool) -> None:
    """While it is known to be on its way, it must not collect any more; where no carrier can tell,
    what is paid is taken for what was collected."""
    places = COD.places if carried else (replace(COD.places[0], carrier="", labels="them"),)
    story = Story(setup=replace(COD, places=places))
    story.when(i.PlaceOrder(order=order_of(CUP, **TERMS))).done(f.ReserveStock, RESERVED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed())
    if carried:
        story.done(f.BuyLabel, sold(K1))
    story.when(handed_over())
    paid = order_of(CUP, payment="paid", payment_method="Cash on Delivery", amount_due_minor=0)
    story.when(i.UpdateOrder(order=later(5, paid)))
    assert len(words_of(story)) == carried


def test_a_task_whose_share_stays_is_not_called_off() -> None:
    """Given two tasks, one of which has left, and a line that is added: only the new goods are
    planned, and the other task, whose share is what it was, goes on."""
    story = given_one_left()
    story.when(i.UpdateOrder(order=later(5, order_of(CUP, LAMP, **TERMS))))
    story.done(f.ReserveStock, RESERVED, F2).done(f.CreateTask, f.TaskCreated(task_id="t-F2"), F2)
    more = order_of(CUP, LAMP, a_line("3", 1, 500), **TERMS)
    story.when(i.UpdateOrder(order=later(6, more))).done(f.ReserveStock, RESERVED, "F3")
    assert collected(story, f.CreateTask, "F3") == 500
    assert (story.state.fulfilments[F2].stop, story.state.fulfilments[F2].collect) == ("", 1000)
    story.when(packed(key=F2))
    assert collected(story, f.BuyLabel, "L2") == 1000
    assert not words_of(story)


def came_back(status: Any) -> Story:
    """A parcel to collect 22.50 with was refused, or lost, and a person has dealt with it."""
    story = given_labelled(Story(setup=COD), **TERMS)
    story.when(handed_over(), i.TimerFired(name="track", key=K1))
    published(story.done(f.TrackParcel, f.Tracked(status=status))).act("done", "parcel-K1")
    assert (story.state.collected, story.state.uncollected) == (0, 2250)
    return story


@pytest.mark.parametrize("status", ["returned", "lost"])
def test_nothing_is_owed_for_goods_that_came_back_unpaid(status: Any) -> None:
    """Given an order to be paid on delivery whose parcel the customer refused, and a shop that
    takes its lines off: no one collected anything that could be owed."""
    _, jar = an_order().lines
    story = came_back(status)
    less = order_of(jar, **TERMS)
    story.when(i.UpdateOrder(order=later(30, less)))
    assert not story.state.tasks


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_sent_after_a_refused_parcel_collects_its_own_price(kept: bool) -> None:
    """Whether the shop takes the lines off that came back, or still states them."""
    story = came_back("returned")
    lines = an_order().lines if kept else ()
    more = order_of(*lines, a_line("3", 1), **TERMS)
    story.when(i.UpdateOrder(order=later(30, more)))
    story.done(f.ReserveStock, f.StockReserved(place="WH1"))
    assert collected(story, f.CreateTask, F2) == 500

"""Money that is owed comes from what was paid and what was collected, whatever a shop calls it."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import inputs as i
from tests.given import (
    F1,
    K1,
    REF,
    RESERVED,
    SETUP,
    Story,
    a_line,
    a_parcel,
    handed_over,
    later,
    order_of,
    packed,
    sold,
)
from tests.unit.order.test_people import COD, HALF_PAID

PLACES = (SETUP.places[0], replace(SETUP.places[0], name="WH2"))
SHORT = f.StockShort(
    skus=("SKU-2",),
    seen=(f.Seen("WH1", "SKU-1", 1), f.Seen("WH1", "SKU-2", 0), f.Seen("WH2", "SKU-2", 1)),
)


COD_TERMS = {"payment": "pending", "payment_method": "Cash on Delivery"}


def given_half_collected() -> Story:
    """Of 100.00 the customer paid 40.00, and 30.00 when half of it was delivered."""
    story = Story(setup=replace(COD, places=PLACES)).when(i.PlaceOrder(order=HALF_PAID))
    story.done(f.ReserveStock, SHORT).done(f.ReserveStock, RESERVED, "F1")
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"), "F1")
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(handed_over())
    assert story.state.fulfilments[F1].collect == 3000
    return story


def without_the_other_half(story: Story) -> None:
    """A person takes the second line off before anyone works on it."""
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="2", quantity=0),)))
    for result in (replace(RESERVED, place="WH2"), f.StockShort(skus=())):
        if any(one.kind == f.tag_of(f.ReserveStock) for one in story.state.open):
            story.done(f.ReserveStock, result, "F2")
    story.done(f.ReleaseStock, f.Undone(), "F2")


def owed_in(story: Story) -> list[int]:
    """What a person is told to pay back."""
    return [x.amount_minor for x in story.state.tasks if x.task_id == "money"]


@pytest.mark.parametrize("first", [True, False], ids=["marked first", "cancelled first"])
@pytest.mark.parametrize(
    ("payment", "due", "owed"),
    [("paid", 0, 5000), ("partially_paid", 3000, 2000)],
    ids=["all", "what was collected"],
)
def test_what_was_collected_is_not_paid_twice(
    payment: Literal["paid", "partially_paid"], due: int, owed: int, first: bool
) -> None:
    """The shop marks the order after half of it was collected. What it calls paid counts what was
    collected: of 100.00 that are paid 50.00 are owed for the half that is cancelled, of 70.00 are
    20.00, whichever was first."""
    story = given_half_collected()
    if not first:
        without_the_other_half(story)
        assert owed_in(story) == [2000]
    marked = replace(HALF_PAID, payment=payment, amount_due_minor=due)
    story.when(i.UpdateOrder(order=later(5, marked)))
    if first:
        without_the_other_half(story)
    assert owed_in(story) == [owed]
    story.when(i.UpdateOrder(order=later(6, marked, note="Thanks.")))
    assert owed_in(story) == [owed]
    story.act("done", "money")
    assert owed_in(story) == []


def test_of_an_order_that_the_shop_calls_paid_nothing_more_is_collected() -> None:
    """Given that half of it was collected, the other half goes without an amount, and no one is
    asked to pay anything back."""
    story = given_half_collected()
    story.when(i.UpdateOrder(order=later(5, HALF_PAID, payment="paid", amount_due_minor=None)))
    story.done(f.ReserveStock, replace(RESERVED, place="WH2"), "F2")
    task = story.effect(f.CreateTask, "F2")
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 0
    assert owed_in(story) == []


def test_what_the_shop_takes_off_a_paid_order_it_pays_back_itself() -> None:
    """Given 50.00 owed for a half that was cancelled here of an order that is paid, nothing is
    owed any more when the shop removes that half: it pays back what it takes off."""
    story = given_half_collected()
    paid = replace(HALF_PAID, payment="paid", amount_due_minor=0)
    story.when(i.UpdateOrder(order=later(5, paid)))
    without_the_other_half(story)
    assert owed_in(story) == [5000]
    story.act("done", "money")
    rest = order_of(paid.lines[0], payment="paid", payment_method="Cash on Delivery")
    story.when(i.UpdateOrder(order=later(6, rest, amount_due_minor=0)))
    assert owed_in(story) == []
    assert story.state.prepaid == 2000


@pytest.mark.parametrize(
    ("payment", "due", "prepaid", "owed"),
    [
        ("refunded", None, 0, []),
        ("partially_paid", 1000, 1000, []),
        ("pending", None, 7000, [2000]),
    ],
    ids=["all", "more than it takes off", "nothing"],
)
def test_what_the_shop_has_no_more_it_paid_back(
    payment: Literal["refunded", "partially_paid", "pending"],
    due: int | None,
    prepaid: int,
    owed: list[int],
) -> None:
    """Given an order that the shop calls paid while 30.00 of it are collected on delivery, it
    removes the other half and says what it has now. What it has no more is not owed once again;
    where it does not say, the rest is owed at once."""
    story = given_half_collected()
    paid = replace(HALF_PAID, payment="paid", amount_due_minor=0)
    story.when(i.UpdateOrder(order=later(5, paid)))
    rest = order_of(paid.lines[0], payment=payment, payment_method="Cash on Delivery")
    story.when(i.UpdateOrder(order=later(6, rest, amount_due_minor=due)))
    while any(one.kind == f.tag_of(f.ReserveStock) for one in story.state.open):
        story.done(f.ReserveStock, replace(RESERVED, place="WH2"), "F2")
    assert (story.state.prepaid, owed_in(story)) == (prepaid, owed)


def test_what_was_collected_beyond_the_total_is_owed() -> None:
    """Given 60.00 collected of an order that is delivered, the shop gives a discount of 20.00 and
    calls the rest paid: the customer gave more than that on delivery."""
    order = order_of(a_line("1", 1, 6000), payment="pending", payment_method="Cash on Delivery")
    story = Story(setup=COD).when(i.PlaceOrder(order=order))
    story.done(f.ReserveStock, RESERVED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(packed()).done(f.BuyLabel, sold(K1)).when(handed_over())
    story.done(f.PublishFulfilment, f.FulfilmentPublished(outside_ids=("f-1",)))
    story.when(i.TimerFired(name="track", key=K1))
    story.done(f.TrackParcel, f.Tracked(status="delivered")).then_stage("done", "F1")
    totals = replace(order.totals, discount_minor=2000, total_minor=4000)
    story.when(i.UpdateOrder(order=later(5, order, totals=totals, payment="paid")))
    assert owed_in(story) == [2000]
    assert "beyond what the order comes to" in str(story.state.tasks)
    story.act("done", "money")
    assert owed_in(story) == []


def test_what_is_collected_of_a_paid_order_is_owed() -> None:
    """Given goods that are on their way with an amount to collect when the shop calls the order
    paid, what is collected on delivery is paid a second time: with the half that is cancelled,
    80.00 are owed."""
    marked = replace(HALF_PAID, payment="paid", amount_due_minor=0)
    story = Story(setup=replace(COD, places=PLACES)).when(i.PlaceOrder(order=HALF_PAID))
    story.done(f.ReserveStock, SHORT).done(f.ReserveStock, RESERVED, "F1")
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"), "F1")
    story.when(packed()).done(f.BuyLabel, sold(K1))
    story.when(i.UpdateOrder(order=later(5, marked)))
    story.when(handed_over())
    assert story.state.fulfilments[F1].collect == 3000
    without_the_other_half(story)
    assert owed_in(story) == [8000]


def test_what_is_paid_before_anything_is_collected_counts() -> None:
    """Marked as paid before the first delivery, nothing is collected, and all of it was paid."""
    story = Story(setup=replace(COD, places=PLACES)).when(i.PlaceOrder(order=HALF_PAID))
    story.when(i.UpdateOrder(order=later(5, HALF_PAID, payment="paid", amount_due_minor=0)))
    story.when(i.EditOrder(ref=REF, person="ann", lines=(i.LineEdit(line_id="2", quantity=0),)))
    story.done(f.ReserveStock, RESERVED)
    assert story.state.prepaid == -1
    assert owed_in(story) == [5000]


@pytest.mark.parametrize("ends", ["retry", "skip"])
def test_without_its_label_goods_collect_what_their_task_says(ends: str) -> None:
    """Given a task that collects 100.00 and a short pick of half of it, the label that would
    collect 50.00 is refused, and the goods leave without it. Then the warehouse has collected what
    its task says, and 50.00 are owed."""
    cod = order_of(a_line("1", 2, 5000), payment="pending", payment_method="Cash on Delivery")
    story = Story(setup=replace(COD, short_pick="drop")).when(i.PlaceOrder(order=cod))
    story.done(f.ReserveStock, RESERVED).done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(packed(a_parcel("F1-1", l1=1), sequence=1))
    label = story.effect(f.BuyLabel)
    assert isinstance(label, f.BuyLabel)
    assert label.collect_minor == 5000
    number = story.number(f.BuyLabel)
    story.refused(f.BuyLabel).when(handed_over(sequence=2))
    assert owed_in(story) == []
    story.act(ends, str(number))
    assert story.state.fulfilments[F1].collect == 10000
    assert owed_in(story) == [5000]


def test_with_a_download_nothing_is_collected() -> None:
    """Given cash on delivery for a parcel of 9.15 and a download of 112.07, all of it is collected
    with the parcel: no one else meets the customer."""
    order = order_of(
        a_line("1", 1, 915),
        a_line("2", 1, 11_207, delivery="digital"),
        payment="pending",
        payment_method="Cash on Delivery",
    )
    story = Story(setup=COD).when(i.PlaceOrder(order=order)).done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == order.totals.total_minor == 12_122


def test_paid_without_the_order_collects_nothing() -> None:
    """Given cash on delivery that a channel calls paid without the order, the goods
    leave under a task that collects nothing. The first statement told again changes nothing."""
    placed = order_of(a_line("1", 1, 6000), **COD_TERMS)
    story = Story(setup=COD).when(i.PlaceOrder(order=placed)).done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 6000
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1"))
    story.when(i.ConfirmPayment(ref=REF, paid_minor=6000))
    story.when(i.PlaceOrder(order=placed))
    assert story.state.holds == ()
    assert story.order is not None
    assert story.order.payment == "paid"
    story.done(f.CancelTask, f.Undone()).done(f.ReleaseStock, f.Undone())
    story.done(f.ReserveStock, RESERVED, "F2")
    again = story.effect(f.CreateTask, "F2")
    assert isinstance(again, f.CreateTask)
    assert again.collect_minor == 0


def test_a_payment_before_its_order_collects_nothing() -> None:
    """Given a payment that comes before its order, which is still stated as to be paid on delivery,
    nothing is collected."""
    placed = order_of(a_line("1", 1, 6000), **COD_TERMS)
    story = Story(setup=COD).when(i.ConfirmPayment(ref=REF, paid_minor=6000))
    story.when(i.PlaceOrder(order=placed)).done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 0


def test_paid_without_the_order_counts_beside_what_was_collected() -> None:
    """Given 30.00 collected with the first half of what was left to pay, the channel then says
    "paid" without the order, as a merchant does who has the rest: 70.00 were paid beside it, and
    nothing is owed; with the other half taken off, 50.00 are."""
    story = given_half_collected()
    story.when(i.ConfirmPayment(ref=REF, paid_minor=10_000))
    assert story.state.prepaid == 7000
    assert owed_in(story) == []
    without_the_other_half(story)
    assert owed_in(story) == [5000]


def test_who_packs_by_hand_collects_what_is_due_by_now() -> None:
    """Given a task that collects 60.00 and of which no one knows whether the warehouse has it, and
    a payment meanwhile: a person who packs it himself is not told to collect."""
    placed = order_of(a_line("1", 1, 6000, delivery="pickup"), **COD_TERMS)
    story = Story(setup=COD).when(i.PlaceOrder(order=placed)).done(f.ReserveStock, RESERVED)
    task = story.effect(f.CreateTask)
    assert isinstance(task, f.CreateTask)
    assert task.collect_minor == 6000
    story.unknown(f.CreateTask).when(i.ConfirmPayment(ref=REF, paid_minor=6000)).act("skip")
    (pack,) = [x for x in story.state.tasks if x.task_id == "pack-F1"]
    assert pack.words == "pack and send from WH1: 1 × SKU-1"
    assert story.state.fulfilments[F1].collect == 0

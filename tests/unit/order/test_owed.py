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
    ("payment", "due"), [("paid", 0), ("partially_paid", 3000)], ids=["all", "what was collected"]
)
def test_what_was_collected_is_not_paid_twice(
    payment: Literal["paid", "partially_paid"], due: int, first: bool
) -> None:
    """The shop marks the order as paid after half of it was collected: the customer has paid 70.00
    for goods of 50.00, so 20.00 are owed, before and after."""
    story = given_half_collected()
    if not first:
        without_the_other_half(story)
        assert owed_in(story) == [2000]
    marked = replace(HALF_PAID, payment=payment, amount_due_minor=due)
    story.when(i.UpdateOrder(order=later(5, marked)))
    if first:
        without_the_other_half(story)
    assert owed_in(story) == [2000]
    story.when(i.UpdateOrder(order=later(6, marked, note="Thanks.", payment="paid")))
    assert owed_in(story) == [2000]
    story.act("done", "money")
    assert owed_in(story) == []


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

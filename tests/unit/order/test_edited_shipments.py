"""Shipments of others that come, go and are edited: what counts as theirs is what the channel
shows."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import (
    F1,
    K1,
    POSTED,
    RESERVED,
    Story,
    a_line,
    a_parcel,
    given_labelled,
    given_released,
    handed_over,
    later,
    order_of,
    packed,
    published,
    sold,
)
from tests.unit.order.test_mapping import renewed, tables

ORDER = order_of(a_line("1", 3), a_line("2", 2))
WANTED = {"1": 3, "2": 2}

Held = dict[str, int]
"""Units of a shipment by line."""


def edited(dice: random.Random, shipments: dict[str, Held]) -> dict[str, Held]:
    """Return other shipments, together of no more than was ordered, in another order."""
    name = dice.choice("xyz")
    rest = {key: held for key, held in shipments.items() if key != name}
    rest[name] = {
        line: dice.randint(0, count - sum(held.get(line, 0) for held in rest.values()))
        for line, count in WANTED.items()
    }
    found = [(key, held) for key, held in rest.items() if any(held.values())]
    dice.shuffle(found)
    return dict(found)


def stated(minute: int, shipments: dict[str, Held]) -> i.UpdateOrder:
    """A statement of all that is fulfilled."""
    shown = tuple(
        i.OutsideShipment(
            outside_id=name,
            units=tuple(
                f.Units(line, f"SKU-{line}", count) for line, count in held.items() if count
            ),
        )
        for name, held in shipments.items()
    )
    return i.UpdateOrder(order=later(minute, ORDER), fulfilled=shown, fulfilled_is_all=True)


@pytest.mark.parametrize("seed", range(40))
def test_what_counts_as_sent_by_others_is_what_the_channel_shows(seed: int) -> None:
    """Whatever they become, while a warehouse has the order and when it gives it back."""
    dice = random.Random(seed)
    story = given_released(lines=ORDER.lines, totals=ORDER.totals)
    shipments: dict[str, Held] = {}
    for minute in range(10, 30):
        shipments = edited(dice, shipments)
        story.when(stated(minute, shipments))
        if dice.random() < 0.5:
            give_back(story)
        for at, line in enumerate(WANTED):
            counts = story.counts(at)
            theirs = sum(held.get(line, 0) for held in shipments.values())
            assert counts.get("e", 0) + counts.get("E", 0) == theirs, (minute, shipments)


def give_back(story: Story) -> None:
    """Let the warehouse cancel its task where we ask for it."""
    for intent in story.state.open:
        if intent.kind == f.tag_of(f.CancelTask):
            story.done(f.CancelTask, f.Undone(), intent.key)


def test_a_line_that_became_a_bundle_leaves_a_known_shipment_as_it_is() -> None:
    """One of two kits was sent while no table had them; components of the other one are ours."""
    story = Story()
    story.mappings = tables(1, skus={"known": ["SKU-2"]})
    kits = order_of(a_line("1", 2), a_line("2", 1))
    one = i.OutsideShipment(outside_id="x", units=(f.Units("1", "SKU-1", 1),))
    told = i.UpdateOrder(order=later(10, kits), fulfilled=(one,), fulfilled_is_all=True)
    story.when(i.PlaceOrder(order=kits)).when(told)
    renewed(story, tables(2, bundles={"SKU-1": {"components": [{"sku": "PEN", "quantity": 2}]}}))
    before = [(line.sku, line.counts) for line in story.state.lines]
    assert before[2] == ("PEN", {"p": 2, "a": 2})
    story.when(replace(told, order=later(11, kits))).then_events(e.UpdateNoted)
    assert [(line.sku, line.counts) for line in story.state.lines] == before


def given_two_of_three() -> Story:
    """Two of three left and are shown; the third one waits for stock."""
    order = order_of(a_line("1", 3))
    story = Story().when(i.PlaceOrder(order=order))
    seen = (f.Seen("WH1", "SKU-1", 2),)
    story.done(f.ReserveStock, f.StockShort(skus=("SKU-1",), seen=seen))
    story.done(f.ReserveStock, RESERVED, F1).done(f.PostSalesOrder, POSTED)
    story.done(f.CreateTask, f.TaskCreated(task_id="t-F1")).when(packed(a_parcel("a", l1=2)))
    story.done(f.BuyLabel, sold(K1)).when(handed_over())
    published(story, outside_id="f-1")
    assert story.counts() == {"q": 3, "t": 2, "a": 1}
    return story


def three(minute: int, **shipments: int) -> i.UpdateOrder:
    """A statement with so many units of line 1 in each shipment."""
    shown = tuple(
        i.OutsideShipment(outside_id=name.replace("_", "-"), units=(f.Units("1", "SKU-1", count),))
        for name, count in shipments.items()
    )
    order = later(minute, order_of(a_line("1", 3)))
    return i.UpdateOrder(order=order, fulfilled=shown, fulfilled_is_all=True)


def test_units_that_are_added_to_a_shipment_of_ours_are_not_sent_once_more() -> None:
    """Given our shipment of two, edited to three in the shop: the third one is sent by others, as
    if they had made a shipment of it; taken out of it again, it is ours."""
    story = given_two_of_three().when(three(10, f_1=2)).when(three(11, f_1=3))
    assert story.counts()["e"] == 1
    assert not story.counts().get("a")
    story.when(three(12, f_1=3)).then_events(e.UpdateNoted)
    story.when(three(13, f_1=2))
    assert (story.counts().get("e"), story.counts()["a"]) == (None, 1)
    story.when(three(14, f_1=2)).then_events(e.UpdateNoted)


def test_units_go_between_a_shipment_of_ours_and_one_of_others() -> None:
    """Whichever way they are edited, two of three are ours and the third one is theirs."""
    story = given_two_of_three().when(three(10, f_1=2))
    for minute, shipments in enumerate(({"f_1": 3}, {"f_1": 2, "x": 1}, {"f_1": 3}), start=11):
        story.when(three(minute, **shipments))
        assert (story.counts()["e"], story.counts().get("a")) == (1, None), shipments


def test_what_a_shop_shows_before_we_hear_of_it_is_ours() -> None:
    """Given a label of ours, and a shop where somebody enters its number before the hand-over is
    told: our own goods are not taken for those of others."""
    story = given_labelled(lines=ORDER.lines, totals=ORDER.totals)
    one = i.OutsideShipment(
        outside_id="f-1", units=(f.Units("1", "SKU-1", 3), f.Units("2", "SKU-2", 2)),
        tracking_numbers=("1Z-K1",),
    )  # fmt: skip
    story.when(i.UpdateOrder(order=later(10, ORDER), fulfilled=(one,), fulfilled_is_all=True))
    assert not story.state.outside
    story.when(handed_over()).then_stage("handed_over", F1)

"""Shipments of others that come, go and are edited: what counts as theirs is what the channel
shows."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from tests.given import Story, a_line, given_released, later, order_of
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

"""Decided again by the same code, nothing of any order's past differs."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from actors.order.stream import INITIAL, decide
from schemas.messages.effects import tag_of
from schemas.order.canonical import Order
from service.orders.what_if import Recorded, WhatIf, what_if
from tests.model.plan import plan
from tests.model.setups import SETUPS
from tests.model.walk import walk
from tests.model.world import World

WALKS, STEPS = 140, 60


def decided_again(world: World) -> tuple[WhatIf, Counter[str]]:
    """Return what would differ of a walk, and how many inputs of each kind changed its order."""
    state, body, stated = INITIAL, None, None
    events: list[Recorded] = []
    appends: dict[int, int] = {}
    given: Counter[str] = Counter()
    today = replace(world.context(), setup=world.setup, plain=None)
    kept: tuple[Order | None, Order | None] = (None, None)
    for now, tables, command in world.trail:
        context = replace(today, now=now, mappings=tables, order=body, stated=stated)
        decision = decide(state, command, context)
        state = decision.state
        body = decision.body or body
        stated = decision.stated or stated
        kept = body, stated or body
        for event in decision.events:
            events.append((len(events) + 1, now, event))
        if decision.events:
            appends[len(events)] = 1
            given[tag_of(command)] += 1
    found = what_if(events, appends, today, body=kept[0], statement=kept[1])
    return found, given


@pytest.mark.parametrize("seventh", range(7))
def test_the_same_code_decides_the_same(seventh: int) -> None:
    """Whatever happened to an order, what is decided again is decided as it was; and most of what
    partners answered is decided again."""
    decided = answers = 0
    for number in range(seventh, WALKS, 7):
        world = walk(plan(number, STEPS))
        if world.setup.claims or len({tables.version for _, tables, _ in world.trail}) > 1:
            continue  # what others had, and what was known then, is not kept
        found, given = decided_again(world)
        assert found.differences == (), f"walk {number} of {list(SETUPS)}: {found.differences[0]}"
        decided += found.decided
        answers += given["effect.done.v2"]
    assert decided > answers / 3

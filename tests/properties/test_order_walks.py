"""Walks at random through an order's life: whatever comes, it never breaks, and it reaches its end.

Each walk is told by its number alone, so that a failing one can be walked again.
"""

from __future__ import annotations

import pytest

from actors.order.family import FAMILY
from actors.order.state import State
from actors.order.stream import evolve, row_of
from actors.order.table import FINAL
from actors.order.timers import MAX_TIMERS
from schemas.messages.events import OrderEvent
from schemas.order.things import ORDER, Key, kind_of
from tests.walks import Walk

WALKS_EACH = 15
STEPS = 60

THINGS = ("fulfilments", "parcels", "labels", "documents", "messages")


def stage_of(state: State, key: Key) -> str:
    """Where a thing stands; "" before it is there, "ended" when only its tombstone is left."""
    if key == ORDER:
        return state.stage
    if key in state.ended:
        return "ended"
    found = (getattr(state, name).get(key) for name in THINGS)
    return next((str(one.stage) for one in found if one is not None), "")


def names_its_rule(state: State, event: OrderEvent) -> bool:
    """Whether the rule of an event is that of a row for the stage its thing is in."""
    table, stage = FAMILY[kind_of(event.key)].table, stage_of(state, event.key)
    rules = {row.rule for row in table.rows if (row.stage, row.event) == (stage, type(event))}
    rules |= {one.rule for one in table.beside if one.event is type(event)}
    return event.rule in rules or stage == "ended"


@pytest.mark.parametrize("first", range(0, 8 * WALKS_EACH, WALKS_EACH))
def test_whatever_comes_an_order_goes_on_and_reaches_its_end(first: int) -> None:
    """No input breaks an order in any stage; an open one names whom it waits for and keeps a due
    time; once everyone answers it ends. Every event names the row that allows it. (That the books
    balance and a replay gives the stored state is checked after every step.)"""
    for number in range(first, first + WALKS_EACH):
        walk = Walk(number)
        for _ in range(STEPS):
            walk.step()
            row = row_of(walk.state)
            assert len(walk.story.timers) <= MAX_TIMERS
            if walk.state.stage not in FINAL and walk.state.version:
                assert row.waiting_for, (number, walk.state)
                assert any(name == "due" for _, name in walk.story.timers), (number, walk.state)
        walk.settle()
        state = walk.story.state.__class__(family=walk.state.family)
        for event in walk.story.events:
            assert names_its_rule(state, event), (number, event)
            state = evolve(state, event)

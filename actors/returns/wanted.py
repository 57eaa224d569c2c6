"""What a return asks the stock for."""

from __future__ import annotations

from collections.abc import Iterator

from actors.kernel.setup import Setup
from actors.order.decision import Context
from actors.order.reading import units
from actors.order.state import State
from actors.order.work import Ask
from actors.returns.thing import INSPECTED, Return, restocked
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import Key

STOCK = "stock"
"""The lane of our own stock."""


def is_stocked(one: Return, setup: Setup) -> bool:
    """Whether nothing of a return has to go into the stock any more."""
    return bool(one.stock) or not setup.stock or not one.place or not restocked(one)


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield what goes back into the stock, each return by itself."""
    for key, one in state.returns.items():
        if one.stage == INSPECTED and key not in busy and not is_stocked(one, context.setup):
            effect = f.RestockReturn(place=one.place, units=units(state, restocked(one)))
            yield Ask(key, STOCK, effect)

"""How much of an amount due on delivery goes with each fulfilment: its share by value, so that all
shares sum to what is due."""

from __future__ import annotations

from actors.fulfilment.thing import Fulfilment
from actors.order.acceptance import to_collect
from actors.order.decision import Context
from actors.order.reading import parcels_of
from actors.order.state import State
from schemas.messages.base import Parts
from schemas.order.canonical import Order
from schemas.order.things import Key


def amount_for(
    state: State, key: Key, thing: Fulfilment, order: Order | None, context: Context
) -> tuple[int, str]:
    """Return what is collected with a fulfilment that no one was told of yet, and its currency."""
    due, currency = to_collect(order, context.setup, state.payment_method)
    if not due or order is None:
        return 0, ""
    told = state.collected + sum(
        x.collect for k, x in state.fulfilments.items() if k != key and not x.stop
    )
    rest = max(0, due - told)
    price = {line.line_id: (line.total_minor, line.quantity) for line in order.lines}

    def value(parts: Parts) -> int:
        total = 0
        for at, quantity in parts:
            amount, of = price.get(state.lines[at].line_id, (0, 1))
            total += amount * quantity // of
        return total

    own = value(_all(state, key, thing))
    others = sum(
        value(_all(state, k, x))
        for k, x in state.fulfilments.items()
        if k != key and not x.collect and not x.stop and x.stage != "cancelled"
    )
    others += value(tuple((at, x.counts.get("o", 0)) for at, x in enumerate(state.lines)))
    if not others:
        return rest, currency
    return rest * own // (own + others) if own else 0, currency


def _all(state: State, key: Key, thing: Fulfilment) -> Parts:
    gone = [x.units for _, x in parcels_of(state, key) if x.stage not in ("packed", "unpacked")]
    return (*thing.left, *(part for parts in gone for part in parts))

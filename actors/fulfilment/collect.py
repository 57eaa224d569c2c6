"""How much of an amount due on delivery goes with each fulfilment: its share by value, so that all
shares sum to what is due. What was cancelled here is not due any more."""

from __future__ import annotations

from actors.fulfilment.remitted import remitted
from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.order.acceptance import to_collect
from actors.order.decision import Context
from actors.order.reading import has_left, is_labelled_by_us, is_open, is_unused, parcels_of
from actors.order.state import State
from actors.order.work import Work
from actors.order.worth import came_back, still_stated
from actors.parcel.table import ON_ITS_WAY
from schemas.messages.base import Parts
from schemas.order.canonical import Order
from schemas.order.money import decimal_text
from schemas.order.things import Key


def amount_for(
    state: State, key: Key, thing: Fulfilment, order: Order | None, context: Context
) -> tuple[int, str]:
    """Return what is collected with a fulfilment that no one was told of yet, and its currency."""
    due, currency = due_now(state, order, context)
    if not due or order is None:
        return 0, ""
    told = state.collected
    back = state.uncollected
    for k, x in _live(state):
        if k != key and not x.stop:
            amount = remitted(state.parcels, k, x)
            told, back = told + amount, back + x.collect - amount
    rest = max(0, due - told - _not_due(state, order, back))
    price = {line.line_id: (line.total_minor, line.quantity) for line in order.lines}

    def value(parts: Parts) -> int:
        total = 0
        for at, quantity in parts:
            amount, of = price.get(state.lines[at].line_id, (0, 1))
            total += amount * quantity // of
        return total

    own = value(_all(state, key, thing))
    # With a download no one meets the customer, so nothing is collected with it.
    others = sum(
        value(_all(state, k, x))
        for k, x in state.fulfilments.items()
        if k != key
        and not x.collect
        and not x.stop
        and x.stage != "cancelled"
        and x.delivery != "digital"
    )
    others += value(_planned_later(state, key))
    if not others:
        return rest, currency
    return rest * own // (own + others) if own else 0, currency


def _not_due(state: State, order: Order | None, back: int) -> int:
    """Return how much of an amount that came back with its goods no one pays: what the channel
    still states of them."""
    return min(back, came_back(state, order)[0]) if back and order is not None else 0


def _planned_later(state: State, key: Key) -> Parts:
    """Return the units that another fulfilment will take: those that are open, and those of one
    that is being stopped, such as to tell its warehouse what changed. What is still to be taken off
    an order or cancelled is in none."""
    coming = {at: x.counts.get("o", 0) for at, x in enumerate(state.lines)}
    for k, thing in state.fulfilments.items():
        if thing.stop and k != key and thing.stage != "cancelled":
            for at, quantity in thing.left:
                coming[at] += quantity
    return tuple(
        (at, max(0, coming[at] - ledger.wished(x.counts)))
        for at, x in enumerate(state.lines)
        if x.delivery != "digital"
    )


def _live(state: State) -> list[tuple[Key, Fulfilment]]:
    """Return the fulfilments whose amount is not among what was collected: one that is done may be
    kept for a late answer."""
    return [(k, x) for k, x in state.fulfilments.items() if x.stage != "done"]


def due_now(state: State, order: Order | None, context: Context) -> tuple[int, str]:
    """Return what is to be collected with all fulfilments together, and in which currency."""
    due, currency = to_collect(order, context.setup, state.payment_method)
    if not due or order is None:
        return 0, ""
    gone, _ = still_stated(state, order)
    return max(0, due - gone), currency


def is_off(work: Work) -> bool:
    """Whether what has left, with tasks that can't be told again, collects another amount than is
    due, and what is still here does not make up for it. "Paid" once nothing is known to be on its
    way may well mean what was collected."""
    state, setup = work.state, work.context.setup
    due, _ = due_now(state, work.order, work.context)
    told = state.collected + _not_due(state, work.order, state.uncollected)
    here, waits = _open(state), False
    for key, thing in _live(state):
        labels = [x for x in state.labels.values() if x.fulfilment == key and x.collect]
        left = sum(quantity for _, quantity in thing.left) if thing.delivery != "digital" else 0
        if labels and is_labelled_by_us(thing, setup):
            told += sum(x.collect for x in labels if not is_unused(state, x))
        elif thing.fixed or has_left(state, key):
            told += thing.collect
            waits = waits or bool(left)
            left = 0
        here += left
    moving = any(x.stage in ON_ITS_WAY for x in state.parcels.values())
    if told > due:
        return bool(due) or moving or waits
    return told < due and here <= ledger.wished(state.sums)


def _open(state: State) -> int:
    return sum(x.counts.get("o", 0) for x in state.lines if x.delivery != "digital")


def told_too_much(work: Work) -> list[str]:
    """Name what is collected with fulfilments beyond what is due by now. A label of ours that is
    still to be bought says the right amount by itself."""
    state = work.state
    due, currency = due_now(state, work.order, work.context)
    told = {
        k: x.collect
        for k, x in _live(state)
        if x.collect and not x.stop and not _is_told_again(work, k, x)
    }
    amount = state.collected + sum(told.values())
    if not told or amount <= due:
        return []
    much, right = (f"{decimal_text(one, currency)} {currency}" for one in (amount, due))
    return [f"{much} are collected with {', '.join(told)}, and {right} are due: have it corrected"]


def _is_told_again(work: Work, key: Key, thing: Fulfilment) -> bool:
    if not is_labelled_by_us(thing, work.context.setup):
        return False
    labels = [(k, x) for k, x in work.state.labels.items() if x.fulfilment == key]
    return not any(
        x.stage == "bought" or (x.stage == "wanted" and is_open(work.state, k)) for k, x in labels
    )


def _all(state: State, key: Key, thing: Fulfilment) -> Parts:
    gone = [x.units for _, x in parcels_of(state, key) if x.stage not in ("packed", "unpacked")]
    return (*thing.left, *(part for parts in gone for part in parts))

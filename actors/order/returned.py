"""Which units of an order are back, or come back, and for which of them money went back already, by
whomever. Computed, never stored."""

from __future__ import annotations

from actors.kernel import ledger
from actors.order.state import State
from actors.refund.thing import REFUNDED, WANTED
from actors.returns.thing import Return, taken
from schemas.messages.base import Parts
from schemas.order.canonical import Order


def less_than_left(state: State, order: Order) -> dict[int, int]:
    """Return by line how many units left that the channel states no more: it took them off, or gave
    their money back, after they had left."""
    stated = {line.line_id: line.quantity for line in order.lines}
    found = {}
    for at, line in enumerate(state.lines):
        counts = line.counts
        kept = ledger.ordered(counts) - counts.get("M", 0) - counts.get("C", 0)
        less = min(kept - stated.get(line.line_id, 0), ledger.out(counts) + counts.get("e", 0))
        if less > 0:
            found[at] = less
    return found


def unexplained(state: State, order: Order | None, late: Parts) -> Parts:
    """Return those of units that the channel took off after they had left that no return brings
    back."""
    if not state.returns or order is None:
        return late
    less = less_than_left(state, order)
    back: dict[int, int] = {}
    for one in state.returns.values():
        for at, quantity in taken(one).items():
            back[at] = back.get(at, 0) + quantity
    found = ((at, min(n, less.get(at, 0) - back.get(at, 0))) for at, n in late)
    return tuple((at, n) for at, n in found if n > 0)


def paid_before(state: State, order: Order, one: Return, key: str) -> tuple[Parts, Parts]:
    """Return the units of an inspected return that are to be paid back, and those whose money went
    back before: in the channel, or by a refund of ours that was not for a return. What earlier
    returns count of that is theirs."""
    given = less_than_left(state, order)
    ours = _refunded(state)
    settled = _settled(state, key)
    units, before = [], []
    for at, quantity in one.came:
        known = max(given.get(at, 0), ours.get(at, 0)) - settled.get(at, 0)
        gone = max(0, min(quantity, known))
        if gone:
            before.append((at, gone))
        if quantity > gone:
            units.append((at, quantity - gone))
    return tuple(units), tuple(before)


def unstated(state: State, order: Order) -> Parts:
    """Return the units whose money we gave back, or are giving back, and that the channel still
    states: what further ones come to is counted after them, so that the cents add up."""
    less = less_than_left(state, order)
    found = ((at, n - less.get(at, 0)) for at, n in _refunded(state).items())
    return tuple((at, n) for at, n in found if n > 0)


def _refunded(state: State) -> dict[int, int]:
    """Return the units that had left and whose money we gave back, or are giving back."""
    found: dict[int, int] = {}
    for one in state.refunds.values():
        if one.stage not in (WANTED, REFUNDED):
            continue
        cancelled = dict(one.covers)
        for at, quantity in one.units:
            if quantity > cancelled.get(at, 0):
                found[at] = found.get(at, 0) + quantity - cancelled.get(at, 0)
    return found


def _settled(state: State, but: str) -> dict[int, int]:
    """Return the units for which other returns count money that went back: by their refund, or by
    others before."""
    found: dict[int, int] = {}
    for key, one in state.returns.items():
        if key == but or not one.money:
            continue
        refund = state.refunds.get(one.money)  # type: ignore[call-overload]  # a key is a text
        units = refund.units if refund is not None and refund.stage in (WANTED, REFUNDED) else ()
        for at, quantity in (*units, *one.by_others):
            found[at] = found.get(at, 0) + quantity
    return found

"""What units that were cancelled here come to, as the customer saw it. Computed, never stored."""

from __future__ import annotations

from actors.kernel import ledger
from actors.order.state import State
from schemas.messages.effects import Units
from schemas.order.canonical import Order
from schemas.order.shares import as_paid, comes_to

CANCELLED, TO_BE_CANCELLED = ("c",), ("c", "C")
"""Units that were cancelled here; with those that shall be, as soon as no partner works on them."""


BACK = ("r", "l")
"""Units that were returned to their sender, or lost."""


def of_cancelled(state: State, order: Order) -> tuple[int, str]:
    """Return what units that were cancelled here come to, and in which currency. Lines that the
    channel itself took off are not counted: it knows."""
    basis = as_paid(order)
    all_of_it, left = [], []
    for line in state.lines:
        if line.line_id in basis.lines:
            ordered = ledger.ordered(line.counts)
            whole = ordered + line.counts.get("c", 0)
            all_of_it.append(Units(line.line_id, line.sku, whole))
            left.append(Units(line.line_id, line.sku, ordered))
    amount = comes_to(basis, all_of_it).total_minor - comes_to(basis, left).total_minor
    return max(0, amount), basis.currency


def shown_cancelled(state: State, order: Order) -> tuple[int, str]:
    """Return what units that were cancelled here, and that the channel still states, come to, and
    in which currency: what it takes off, it pays back itself."""
    basis = as_paid(order)
    all_of_it, left = _stated(state, order, CANCELLED)
    amount = comes_to(basis, all_of_it).total_minor - comes_to(basis, left).total_minor
    return max(0, amount), basis.currency


def still_shown_units(state: State, order: Order | None) -> list[tuple[str, str, int]]:
    """Return the units that were cancelled here and that the channel still states, as line, SKU and
    how many; all that were cancelled here where what it states is not known any more."""
    if order is None:
        known = [(line, line.counts.get("c", 0)) for line in state.lines]
        return [(line.line_id, line.sku, count) for line, count in known if count]
    pairs = zip(*_stated(state, order, CANCELLED), strict=True)
    gone = [(x.line_id, x.sku, x.quantity - y.quantity) for x, y in pairs]
    return [one for one in gone if one[2] > 0]


def still_stated(state: State, order: Order) -> tuple[int, str]:
    """Return how much of the amounts that the channel states now is for units that were cancelled
    here or shall be, and in which currency. Those that were removed there as well are not in its
    amounts any more."""
    basis = as_paid(order)
    all_of_it, left = _stated(state, order, TO_BE_CANCELLED)
    amount = comes_to(basis, all_of_it).total_minor - comes_to(basis, left).total_minor
    return max(0, amount), basis.currency


def came_back(state: State, order: Order) -> tuple[int, str]:
    """Return how much of the amounts that the channel states now is for units that came back to
    their sender or were lost, and in which currency."""
    basis = as_paid(order)
    all_of_it, left = _stated(state, order, BACK)
    amount = comes_to(basis, all_of_it).total_minor - comes_to(basis, left).total_minor
    return max(0, amount), basis.currency


def worth_of_rest(state: State, order: Order) -> tuple[int, str]:
    """Return what the units that were not cancelled come to, and in which currency."""
    basis = as_paid(order)
    return comes_to(basis, _stated(state, order, CANCELLED)[1]).total_minor, basis.currency


def _stated(
    state: State, order: Order, accounts: tuple[str, ...]
) -> tuple[list[Units], list[Units]]:
    """Return the units that the channel states, and those of them that are not in these accounts:
    a unit that both sides took off is taken off once."""
    stated = {line.line_id: line.quantity for line in order.lines}
    all_of_it, left = [], []
    for line in state.lines:
        if line.line_id in stated:
            get = line.counts.get
            known = ledger.ordered(line.counts) + get("c", 0) - get("M", 0)
            whole = min(known, stated[line.line_id])
            gone = sum(get(one, 0) for one in accounts)
            all_of_it.append(Units(line.line_id, line.sku, whole))
            left.append(Units(line.line_id, line.sku, min(whole, known - gone)))
    return all_of_it, left

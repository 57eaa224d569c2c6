"""What units that were cancelled here come to, as the customer saw it. Computed, never stored."""

from __future__ import annotations

from actors.kernel import ledger
from actors.order.state import State
from schemas.messages.effects import Units
from schemas.order.canonical import Order
from schemas.order.shares import as_paid, comes_to

CANCELLED, TO_BE_CANCELLED = ("c",), ("c", "C")
"""Units that were cancelled here; with those that shall be, as soon as no partner works on them."""


def of_cancelled(
    state: State, order: Order, accounts: tuple[str, ...] = CANCELLED
) -> tuple[int, str]:
    """Return what the order comes to less because of units in these accounts, and in which
    currency. Lines that the channel itself took off are not counted: it knows."""
    basis = as_paid(order)
    all_of_it, left = _units(state, order, accounts)
    amount = comes_to(basis, all_of_it).total_minor - comes_to(basis, left).total_minor
    return max(0, amount), basis.currency


def worth_of_rest(state: State, order: Order) -> tuple[int, str]:
    """Return what the units that were not cancelled come to, and in which currency."""
    basis = as_paid(order)
    return comes_to(basis, _units(state, order, CANCELLED)[1]).total_minor, basis.currency


def _units(
    state: State, order: Order, accounts: tuple[str, ...]
) -> tuple[list[Units], list[Units]]:
    known = {line.line_id for line in order.lines}
    left, all_of_it = [], []
    for line in state.lines:
        if line.line_id in known:
            whole = ledger.ordered(line.counts) + line.counts.get("c", 0)
            gone = sum(line.counts.get(one, 0) for one in accounts)
            all_of_it.append(Units(line.line_id, line.sku, whole))
            left.append(Units(line.line_id, line.sku, whole - gone))
    return all_of_it, left

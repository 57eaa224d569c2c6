"""How much of an order is to be captured by now, and what may leave without it. Computed, never
stored: it follows from what the order comes to and how far its goods are.

A fulfilment is at the gate when the next step would let it go: the purchase of its label where we
buy one, the warehouse's task, or a person's, where not. Captures follow the fulfilments at the gate
in their order, so that each part of the money is asked for once.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.fulfilment.thing import CANCELLED, HANDED_OVER, PACKED, Fulfilment
from actors.fulfilment.wanted import NO_STOCK
from actors.kernel import ledger
from actors.kernel.setup import Setup
from actors.order.acceptance import still_due
from actors.order.reading import is_held, is_labelled_by_us, is_reserved
from actors.order.state import State
from actors.order.worth import worth_of_rest
from actors.payment.thing import AUTHORISED, CAPTURED, Payment
from schemas.messages.effects import Units
from schemas.order.canonical import Order
from schemas.order.shares import as_paid, comes_to
from schemas.order.things import Key

PAID_BEFORE = frozenset({"gift_card", "store_credit", "cash"})
"""Kinds of tenders that are with the seller when the rest is only authorised."""


CAPTURABLE = frozenset({"authorized", "partially_paid"})
"""Payments of which the channel still has money to be captured."""


def authorised(order: Order) -> tuple[int, int, str]:
    """Return what of an authorised order is reserved, what is paid beside it, and the currency: as
    the customer saw it. Channels state one authorisation for all that is left to pay."""
    basis = as_paid(order)
    whole = order.totals.total_minor
    if order.amount_due_minor:
        due = min(still_due(order)[0], basis.total_minor)
        return due, basis.total_minor - due, basis.currency
    before = sum(x.amount_minor for x in order.tenders if x.kind in PAID_BEFORE)
    if not whole or not before:
        return basis.total_minor, 0, basis.currency
    beside = (2 * basis.total_minor * min(before, whole) + whole) // (2 * whole)
    return basis.total_minor - beside, beside, basis.currency


def latest(state: State) -> tuple[Key, Payment] | None:
    """Return the payment that counts: the latest one."""
    key = next(reversed(state.payments), None)
    return None if key is None else (key, state.payments[key])


def is_at_gate(state: State, setup: Setup, thing: Fulfilment) -> bool:
    """Whether the next step of a fulfilment would let it go, or it has gone."""
    if thing.stage == CANCELLED or thing.stop:
        return False
    if thing.stage in (PACKED, HANDED_OVER):
        return True
    if is_labelled_by_us(thing, setup):
        return False
    return thing.delivery in NO_STOCK or is_reserved(thing, setup)


def target(
    state: State, order: Order | None, setup: Setup, one: Payment, key: Key | None = None
) -> int:
    """Return how much of a payment has to be captured for all that is at the gate, or for what is
    up to the fulfilment `key`."""
    if order is None:
        return one.amount
    whole = min(one.amount, max(0, worth_of_rest(state, order)[0] - one.beside))
    if setup.capture == "order":
        return whole
    parts = [0] * len(state.lines)
    found = False
    for other, thing in _gate(state, setup):
        found = True
        for at, quantity in thing.left:
            parts[at] += quantity
        if other == key:
            break
    left = False
    for at, line in enumerate(state.lines):
        out = ledger.out(line.counts)
        left = left or out > 0
        parts[at] = min(parts[at] + out, ledger.ordered(line.counts))
    if not (found or left):
        return 0
    if not setup.capture_parts or sum(parts) >= ledger.ordered(state.sums):
        return whole
    basis = as_paid(order)
    units = [
        Units(line.line_id, line.sku, min(quantity, basis.lines[line.line_id].quantity))
        for line, quantity in zip(state.lines, parts, strict=True)
        if quantity and line.line_id in basis.lines
    ]
    return min(whole, max(0, comes_to(basis, units).total_minor - one.beside))


def _gate(state: State, setup: Setup) -> Iterator[tuple[Key, Fulfilment]]:
    for key, thing in state.fulfilments.items():
        if is_at_gate(state, setup, thing):
            yield key, thing


def is_covered(state: State, order: Order | None, setup: Setup, key: Key) -> bool:
    """Whether a fulfilment may leave as far as its money goes."""
    if setup.capture == "none" or setup.receivable or not state.payments:
        return True
    found = latest(state)
    if found is None or found[1].waived:
        return True
    one = found[1]
    if one.captured >= one.amount:
        return True
    thing = state.fulfilments.get(key)
    if thing is None or thing.stage == HANDED_OVER:
        return True
    return one.captured >= target(state, order, setup, one, key)


def is_missing(state: State, order: Order | None, setup: Setup) -> bool:
    """Whether goods wait for money that is not captured by itself any more: it is gone, as we know
    or as the channel says, or the order is being cancelled and its goods can't be stopped."""
    found = latest(state)
    if found is None or setup.receivable:
        return False
    one = found[1]
    takes = one.stage == AUTHORISED and state.cancel is None and state.payment in CAPTURABLE
    if one.waived or takes:
        return False
    if one.stage == CAPTURED and one.captured >= one.amount:
        return False
    return any(
        not is_held(state, key) and not is_covered(state, order, setup, key)
        for key, _ in _gate(state, setup)
    )

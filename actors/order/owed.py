"""What is owed to the customer: what he paid and what was collected from him, beyond what he gets.

Computed, never stored, but for `prepaid`. What the channel itself cancels or takes off, it pays
back itself.
"""

from __future__ import annotations

from actors.fulfilment.remitted import remitted
from actors.fulfilment.thing import HANDED_OVER
from actors.order.acceptance import still_due, to_collect
from actors.order.decision import Context
from actors.order.evolve import CHANNEL
from actors.order.reading import MONEY_IS_GONE
from actors.order.state import State
from actors.order.work import Work
from actors.order.worth import of_cancelled, shown_cancelled, worth_of_rest
from schemas.order.canonical import Order
from schemas.order.shares import as_paid

PAID = frozenset({"paid", "partially_paid", "partially_refunded"})
"""Payments of which money is with the seller."""


def owed(state: State, order: Order | None, context: Context) -> tuple[int, str]:
    """Return the money that is owed for units that were cancelled here, or that was collected
    beyond what the order comes to, and its currency. What is still on its way is collected: units
    may be cancelled meanwhile, but where none were, a carrier may still be told another amount."""
    if order is None or (state.cancel is not None and state.cancel.requested_by == CHANNEL):
        return 0, ""
    cancelled = bool(state.sums.get("c"))
    taken = collected(state) if cancelled else state.collected
    before = paid_beside(state, order, context)
    if taken or before:
        worth, currency = worth_of_rest(state, order)
        return max(0, before + taken - worth), currency
    if state.payments and cancelled and state.payment not in PAID:
        worth, currency = worth_of_rest(state, order)
        money = sum(x.captured for x in state.payments.values())
        money += max((x.beside for x in state.payments.values()), default=0)
        return max(0, min(of_cancelled(state, order)[0], money - worth)), currency
    if state.payment not in PAID or not cancelled:
        return 0, ""
    amount, currency = shown_cancelled(state, order)
    if state.payment == "partially_paid" and order.amount_due_minor is not None:
        amount -= still_due(order)[0]  # it is not paid back, but asked for no more
    return max(0, amount), currency


def still_settled(state: State, order: Order) -> int:
    """Return how much of what a person settled is for units that the channel still states, -1 for
    all of it: what it takes off by now, it pays back or was told of, and counts once."""
    if not state.settled_minor or collected(state) or state.prepaid >= 0:
        return -1
    shown, _ = shown_cancelled(state, order)
    return shown if shown < state.settled_minor else -1


def collected(state: State) -> int:
    """Return what was collected on delivery."""
    handed_over = ((k, x) for k, x in state.fulfilments.items() if x.stage == HANDED_OVER)
    return state.collected + sum(remitted(state.parcels, k, x) for k, x in handed_over)


def paid_beside(state: State, order: Order, context: Context) -> int:
    """Return what was paid beside what is, or was, collected on delivery. 0 of an order of which
    nothing is collected."""
    if state.prepaid >= 0:
        return state.prepaid
    collects = bool(to_collect(order, context.setup, state.payment_method)[0])
    return _with_seller(order) if collects or collected(state) else 0


def prepaid_by(work: Work, order: Order) -> int:
    """Return what was paid beside what was collected by now, -1 while nothing was, when the channel
    makes this statement.

    "Paid" means that the seller has the money, whoever took it: what the channel calls paid may
    count what was collected, so that only what goes beyond it was paid beside it. When the channel
    changes what an order comes to that was paid, the difference was paid, or paid back, there; and
    what it says to have no more, it paid back.
    """
    before, old = work.before, work.context.order
    taken = collected(before)
    if old is None or not (taken or before.prepaid >= 0):
        return before.prepaid
    if order.payment in MONEY_IS_GONE:
        return 0
    beside = paid_beside(before, old, work.context)
    has, had = _with_seller(order), _with_seller(old)
    if order.payment in PAID and (has < had or (_is_all_paid(old) and _is_all_paid(order))):
        return max(0, beside + has - had)
    return max(beside, has - taken)


def _is_all_paid(order: Order) -> bool:
    return order.payment in PAID and not still_due(order)[0]


def _with_seller(order: Order) -> int:
    """Return how much of an order the seller has by the channel's word."""
    if order.payment not in PAID:
        return 0
    return max(0, as_paid(order).total_minor - still_due(order)[0])

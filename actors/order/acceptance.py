"""Whether an order may be worked on: a decision with its reason, not the word "paid"."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from actors.kernel.setup import Setup
from actors.order.reading import MONEY_IS_GONE, MONEY_IS_THERE, is_unready
from actors.order.state import State
from schemas.order.canonical import Order


class Acceptance(Struct, frozen=True):
    """`basis` says why the order is accepted ("": it is not), `waits` what it waits for else."""

    basis: str = ""
    waits: str = ""


def accept(state: State, setup: Setup) -> Acceptance:
    """Decide whether the order as it is may be worked on."""
    if any(is_unready(hold.hold_id) for hold in state.holds):
        return Acceptance(waits="a hold")
    if state.payment in MONEY_IS_THERE:
        return Acceptance(basis=state.payment)
    if state.accepted_by:
        return Acceptance(basis="a person accepted it")
    if state.ruled is not None and state.payment not in MONEY_IS_GONE:
        for one in state.ruled.rulings:
            if one.set == "accept" and ("accept", "yes") in one.asks:
                return Acceptance(basis=f"rule {one.rule}")
    if state.payment in MONEY_IS_GONE:
        return Acceptance(waits=f"a person, because the payment is {state.payment}")
    if promised_by(state.payment_method, setup.promised):
        return Acceptance(basis=f"promised by {state.payment_method}")
    return Acceptance(waits="the customer's payment")


# The few texts that a shop's gateways are called by, asked for in every step of every order.
@lru_cache(maxsize=1024)
def promised_by(methods: str, listed: frozenset[str]) -> bool:
    """Whether one of the methods of payment, as the channel names them, is on a list of folded
    names."""
    if not methods or not listed:
        return False
    return any(one.strip().casefold() in listed for one in methods.split(","))


def to_collect(order: Order | None, setup: Setup, methods: str) -> tuple[int, str]:
    """Return what the customer pays on delivery, and in which currency: as he saw it."""
    if order is None or not promised_by(methods, setup.collected):
        return 0, ""
    return still_due(order)


def still_due(order: Order) -> tuple[int, str]:
    """Return what of an order is not paid yet, as the customer saw it (all of it where the channel
    does not say and does not call it paid), and in which currency."""
    unsaid = 0 if order.payment == "paid" else order.totals.total_minor
    due = unsaid if order.amount_due_minor is None else order.amount_due_minor
    seen = order.presentment
    if seen is None:
        return due, order.currency
    total = order.totals.total_minor
    if due == total or not total:
        return seen.totals.total_minor if due else 0, seen.currency
    return (2 * seen.totals.total_minor * due + total) // (2 * total), seen.currency

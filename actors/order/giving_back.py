"""How much of an order's money can be given back through its channel, and how much of what is owed
is not given back yet. Computed, never stored."""

from __future__ import annotations

from msgspec import Struct

from actors.kernel import ledger
from actors.order.acceptance import still_due
from actors.order.decision import Context
from actors.order.evolve import CHANNEL
from actors.order.owed import PAID, collected, owed
from actors.order.reading import MONEY_IS_GONE
from actors.order.state import State
from actors.order.worth import worth_of_rest
from actors.refund.thing import REFUNDED, REFUSED, WANTED, Refund, counts
from schemas.messages.base import Parts
from schemas.messages.effects import Units
from schemas.order.canonical import Order
from schemas.order.shares import Basis, as_paid, comes_to


class Due(Struct, frozen=True):
    """Money that is owed and not given back yet, in minor units of `currency`, and the units that
    were cancelled for it. `shipping`: nothing of the order is left, so it is part of that."""

    amount: int
    currency: str
    units: Parts = ()
    shipping: bool = False


def had(state: State, order: Order) -> int:
    """Return what the seller has of the customer's money through the channel, by the channel's
    latest word and our own captures, in minor units of what the customer pays in."""
    if state.payments and state.payment not in PAID:
        taken = sum(one.captured for one in state.payments.values())
        return taken + max(one.beside for one in state.payments.values())
    if state.payment not in PAID or order.payment in MONEY_IS_GONE:
        return 0
    whole = as_paid(order).total_minor
    unsaid = order.amount_due_minor is None
    return whole if state.payment == "paid" or unsaid else max(0, whole - still_due(order)[0])


def left(state: State, order: Order, without: str = "") -> int:
    """Return how much can be given back at most, `without` a refund that asks for it again. The
    channel's word may count our refunds already, or not yet: the smaller of both readings holds."""
    now = had(state, order)
    ever = max([now, *(one.had for one in state.refunds.values())])
    taken = sum(counts(one) for key, one in state.refunds.items() if key != without)
    return max(0, min(now, ever - taken))


def due(state: State, order: Order | None, context: Context) -> Due:
    """Return what is owed and not given back, settled or asked for yet. What is collected on
    delivery is as `owed` has it, and what was settled by a person's task stays so."""
    if order is None:
        return Due(0, "")
    amount, currency = owed(state, order, context)
    if state.cancel is not None and state.cancel.requested_by == CHANNEL:
        return Due(0, currency)  # the channel pays it back itself
    live = [one for one in state.refunds.values() if one.stage != REFUSED]
    if not is_through_channel(state):
        settled = state.settled_minor + sum(one.settles for one in live)
        return Due(max(0, amount - settled), currency)
    if not amount and not live:
        return Due(0, currency)
    basis = as_paid(order)
    units, worth = _unsettled(state, order, basis, live)
    loose = sum(one.settles for one in live if not one.covers)
    gifts = sum(counts(one) for one in live if not one.settles)
    most = left(state, order) - worth_of_rest(state, order)[0] + gifts
    found = min(worth - loose, most) - state.settled_minor
    nothing = ledger.ordered(state.sums) == 0
    if nothing and any(one.settles for one in live):
        # More may have come in since, or a person has named less than his units come to.
        found = max(found, left(state, order) - state.settled_minor)
    shipping = nothing and not _is_beside_given(live)
    return Due(max(0, min(found, left(state, order))), basis.currency, units, shipping)


def taken_off(state: State) -> int:
    """Return how many units that were cancelled here the channel takes off the order, too, because
    it gives the money for them back."""
    return sum(
        quantity
        for one in state.refunds.values()
        if one.stage in (WANTED, REFUNDED)
        for _, quantity in one.covers
    )


def is_through_channel(state: State) -> bool:
    """Whether all that was paid went through the channel: nothing was collected on delivery."""
    return not collected(state) and state.prepaid < 0


def worth_of(state: State, order: Order, units: Parts, *, shipping: bool) -> int:
    """Return what units of an order come to by its channel's latest statement, with or without what
    was paid for shipping and duty. Our own word for it: the channel calculates by itself."""
    basis = as_paid(order)
    every, rest = [], []
    gone = dict(units)
    for at, line in enumerate(state.lines):
        known = basis.lines.get(line.line_id)
        if known is not None:
            every.append(Units(line.line_id, line.sku, known.quantity))
            less = max(0, known.quantity - gone.get(at, 0))
            rest.append(Units(line.line_id, line.sku, less))
    before, after = comes_to(basis, every), comes_to(basis, rest)
    beside = basis.shipping_minor + basis.duty_minor
    amount = before.total_minor - after.total_minor
    if not after.parts and before.parts:
        amount -= beside
    return max(0, amount + (beside if shipping else 0))


def _unsettled(state: State, order: Order, basis: Basis, live: list[Refund]) -> tuple[Parts, int]:
    """Return the units that were cancelled here and that no refund is for, and what they come to.
    What the channel took off by itself, or for a refund of ours, it states no more."""
    stated = {line.line_id: line.quantity for line in order.lines}
    refunded: dict[int, int] = {}
    for one in live:
        for at, quantity in one.covers:
            refunded[at] = refunded.get(at, 0) + quantity
    units, every, rest = [], [], []
    for at, line in enumerate(state.lines):
        open_ = max(0, line.counts.get("c", 0) - refunded.get(at, 0))
        if line.line_id not in stated:
            continue
        kept = ledger.ordered(line.counts) - line.counts.get("M", 0)
        whole = min(kept + open_, stated[line.line_id])
        every.append(Units(line.line_id, line.sku, whole))
        rest.append(Units(line.line_id, line.sku, min(whole, kept)))
        if whole > kept:
            units.append((at, whole - kept))
    before, after = comes_to(basis, every), comes_to(basis, rest)
    worth = before.total_minor - after.total_minor
    if not after.parts:  # what was paid beside the goods is owed with the last of them, once
        beside = basis.shipping_minor + basis.duty_minor
        worth += (0 if before.parts else beside) - (beside if _is_beside_given(live) else 0)
    return tuple(units), max(0, worth)


def _is_beside_given(live: list[Refund]) -> bool:
    return any(one.shipping for one in live)

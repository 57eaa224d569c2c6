"""What a refund asks the channel for."""

from __future__ import annotations

from collections.abc import Iterator

from actors.order.decision import Context
from actors.order.state import State
from actors.order.work import Ask
from actors.refund.thing import WANTED, Refund, counts
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import Key


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield at most one effect: channels take one refund of an order after another."""
    if any(key in busy for key in state.refunds):
        return  # also a repeat of one whose answer has come by now
    for key, thing in state.refunds.items():
        if thing.stage == WANTED:
            yield give(state, key, thing, context)
            return


def _has_left(state: State, thing: Refund, at: int, quantity: int) -> bool:
    """Whether units have left, or stay the customer's: they were not cancelled for this refund, and
    so many are not here any more. What came back had left."""
    if thing.returns:
        return True
    counts = state.lines[at].counts
    here = counts.get("o", 0) + counts.get("a", 0)
    return quantity > here + dict(thing.covers).get(at, 0)


def give(state: State, key: Key, thing: Refund, context: Context) -> Ask:
    """Return the refund as the channel is asked for it."""
    had = max(one.had for one in state.refunds.values())
    others = sum(counts(one) for other, one in state.refunds.items() if other != key)
    effect = f.RefundPayment(
        amount_minor=thing.amount,
        most_minor=max(thing.amount, had - others),
        currency=thing.currency,
        lines=tuple(
            f.RefundLine(
                line_id=state.lines[at].line_id,
                quantity=quantity,
                left=_has_left(state, thing, at, quantity),
            )
            for at, quantity in thing.units
        ),
        shipping=thing.shipping,
        exact=thing.exact,
        notify_customer=context.setup.notify_customer,
    )
    return Ask(key, context.setup.storefront, effect, note=str(thing.amount))

"""What a capture asks the channel for."""

from __future__ import annotations

from collections.abc import Iterator

from actors.capture.thing import WANTED, Capture
from actors.order.decision import Context
from actors.order.state import State
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import Key


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield at most one effect for each capture that waits for nothing."""
    for key, thing in state.captures.items():
        if thing.stage == WANTED and key not in busy:
            yield take(state, key, thing, context)


def take(state: State, key: Key, thing: Capture, context: Context) -> Ask:
    """Return the capture as the channel is asked for it."""
    payment = state.payments[thing.payment]
    effect = f.CapturePayment(
        amount_minor=thing.amount, currency=payment.currency, before_minor=thing.before
    )
    return Ask(key, context.setup.storefront, effect, note=str(thing.amount))

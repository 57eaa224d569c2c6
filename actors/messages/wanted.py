"""What the customer is written next. Who writes is set per channel and template."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from actors.documents.wanted import is_empty, is_postable
from actors.messages.thing import CONFIRMED, ORDER_CANCELLED, Message
from actors.order.decision import Context
from actors.order.reading import units
from actors.order.state import State
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import MESSAGE, Key, key_of


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield the messages that are due."""
    setup = context.setup
    if not setup.mail or not state.notify:
        return
    for key, thing in state.messages.items():
        if thing.stage == "wanted" and key not in busy:
            yield send(state, key, thing, context)
    template = _due(state, context) or _renewed(state)
    if template and template in setup.writes and not _is_known(state, template):
        key = key_of(MESSAGE, state.numbers.get(MESSAGE, 0) + 1)
        yield Ask(key, setup.mail, f.SendMail(template=template), note=template)


def send(state: State, key: Key, thing: Message, context: Context) -> Ask:
    """Return the sending of a message."""
    effect = f.SendMail(template=thing.template, units=units(state, thing.units))
    refund = state.refunds.get(Key(thing.about)) if thing.about else None
    if refund is not None:
        effect = replace(effect, amount_minor=refund.given, currency=refund.currency)
    return Ask(key, context.setup.mail, effect, note=thing.template)


def _due(state: State, context: Context) -> str:
    """Return the template that the order as a whole calls for. Whoever may know of the order is
    told of its end; silence would let the customer wait."""
    if state.cancel is None:
        known = _is_known(state, CONFIRMED)
        return CONFIRMED if not known and is_postable(state, context) else ""
    if is_postable(state, context):
        return CONFIRMED
    told = _is_known(state, CONFIRMED) or CONFIRMED not in context.setup.writes
    if told and state.stage in ("accepted", "cancelled") and state.cancel is not None:
        return ORDER_CANCELLED if is_empty(state) else ""
    return ""


def _renewed(state: State) -> str:
    """Return the template of a refused message that a person wants sent again: also of an order at
    its end."""
    for one in state.messages.values():
        if one.about:
            continue  # the joint table wants another
        if one.stage == "refused" and not one.units and not _is_known(state, one.template):
            return one.template
    return ""


def _is_known(state: State, template: str) -> bool:
    """Whether a message of the template exists; one that was refused is followed by another."""
    for one in state.messages.values():
        if one.template == template and one.stage != "refused":
            return True
    return False

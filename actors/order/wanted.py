"""What the order itself asks its storefront for."""

from __future__ import annotations

from collections.abc import Iterator

from actors.documents.wanted import is_empty
from actors.order.decision import Context
from actors.order.evolve import FETCH
from actors.order.reading import is_here
from actors.order.state import State
from actors.order.table import ACCEPTED, CANCELLED, CLOSED, DUPLICATE, PLACED
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import ORDER, Key

CANCEL, TELL = f.tag_of(f.CancelAtChannel), f.tag_of(f.TellStanding)


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield the question to the channel, or what it has to be told: whether what it asked for is
    taken on, whether what it asked not to be sent is stopped, that the order is cancelled."""
    lane = context.setup.storefront
    # Seldom anything: what costs less is asked first.
    if not lane or not (state.refetch or state.stops or state.requests or is_to_be_told(state)):
        return
    if any(one.key == ORDER for one in state.open):
        return
    if state.refetch:
        yield Ask(ORDER, lane, f.FetchOrder())
    elif (answer := _answer(state)) is not None:
        yield Ask(ORDER, lane, answer, note=answer.outside_id)
    elif is_to_be_told(state) and not any(one.kind == CANCEL for one in state.stuck):
        yield Ask(ORDER, lane, cancel(state, context))


def _answer(state: State) -> f.TellStanding | None:
    """Return what the channel is told of what it asked to be sent, or not to."""
    if any(one.kind == TELL and one.key == ORDER for one in state.stuck):
        return None
    for outside_id in state.requests:
        if (verdict := _taken(state)) is not None:
            what: f.Standing = "not_taken" if verdict else "taken"
            return f.TellStanding(what=what, outside_id=outside_id, reason=verdict)
    for one in state.stops:
        if one.verdict and not one.told:
            what = "stopped" if one.verdict == "stopped" else "not_stopped"
            return f.TellStanding(what=what, outside_id=one.outside_id, reason=one.reason)
    return None


def _taken(state: State) -> str | None:
    """Return why goods of the order are not taken on, "" when they are, and None while that is not
    decided."""
    if state.stage == DUPLICATE:
        return "the same order came through another channel, which has its goods sent"
    if state.stage == CANCELLED or state.cancel is not None:
        return "the order is cancelled"
    if state.stage == PLACED and state.sums and not is_here(state):
        return "nothing of the order is left to send"
    return "" if state.stage in (ACCEPTED, CLOSED) else None


def cancel(state: State, context: Context) -> f.CancelAtChannel:
    """Return the cancellation as the channel is told it."""
    assert state.cancel is not None
    return f.CancelAtChannel(
        reason=state.cancel.reason,
        restock=context.setup.restock_by == "channel",
        notify_customer=context.setup.notify_customer,
    )


def is_to_be_told(state: State) -> bool:
    """Whether the channel has to be told that the whole order is cancelled, which only we know."""
    wish = state.cancel
    return (
        wish is not None
        and not wish.told
        and state.stage in ("accepted", "placed")
        and is_empty(state)
    )


__all__ = ["CANCEL", "FETCH", "cancel", "is_to_be_told", "wanted"]

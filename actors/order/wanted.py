"""What the order itself asks its storefront for."""

from __future__ import annotations

from collections.abc import Iterator

from actors.documents.wanted import is_empty
from actors.order.decision import Context
from actors.order.evolve import FETCH
from actors.order.state import State
from actors.order.work import Ask
from schemas.messages import effects as f
from schemas.order.canonical import Order
from schemas.order.things import ORDER, Key

CANCEL, TELL = f.tag_of(f.CancelAtChannel), f.tag_of(f.TellStanding)


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield the question to the channel, or what it has to be told: whether what it asked not to be
    sent is stopped, that the order is cancelled."""
    lane = context.setup.storefront
    # Seldom anything: what costs less is asked first.
    if not lane or not (state.refetch or state.stops or is_to_be_told(state)):
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
    """Return what the channel is told of what it asked not to be sent."""
    if not state.stops or any(one.kind == TELL and one.key == ORDER for one in state.stuck):
        return None
    for one in state.stops:
        if one.verdict and not one.told:
            what: f.Standing = "stopped" if one.verdict == "stopped" else "not_stopped"
            return f.TellStanding(what=what, outside_id=one.outside_id, reason=one.reason)
    return None


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

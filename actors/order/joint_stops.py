"""Joint rules about units that the channel asked us not to send: they are stopped, or can't be, and
the order waits until the channel says what becomes of them."""

from __future__ import annotations

from actors.order.evolve import BY_ITSELF
from actors.order.evolve_stops import gone_of
from actors.order.joint_things import INSIDE
from actors.order.state import State, StopAsk
from actors.order.table import CANCELLED
from actors.order.wanted import TELL
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.order.things import ORDER

MAX_NAMED = 8
"""Lines that a reason names; more are counted."""


def stop(work: Work) -> e.OrderEvent | None:
    """Fulfilments that hold units which the channel asked not to send are stopped, the latest
    first, until they hold as many."""
    state = work.state
    for ask in state.stops:
        if ask.verdict:
            continue
        for at, quantity in ask.units:
            things = reversed(state.fulfilments.items())
            having = [(k, x, dict(x.left).get(at, 0)) for k, x in things]
            need = quantity - state.lines[at].counts.get("o", 0)
            need -= sum(have for _, thing, have in having if thing.stop)
            for key, thing, have in having:
                free = thing.stage in INSIDE and not (thing.stop or thing.fixed)
                if need > 0 and have and free:
                    return e.Stopped(rule="stop", key=key, why="asked")
    return None


def decided(work: Work) -> e.OrderEvent | None:
    """Once nothing is being stopped any more it is known whether the goods are back. A person who
    released the hold before has decided. What left after all before the channel was told of it is
    not said to be stopped."""
    state = work.state
    for ask in state.stops:
        if ask.verdict:
            if _is_untold(state, ask) and state.stage != CANCELLED and _lacking(state, ask):
                return _decided(ask, "the goods left although their task was cancelled")
            continue
        held = any(hold.hold_id == ask.hold_id for hold in state.holds)
        if ask.hold_id and not held and state.stage != CANCELLED and state.cancel is None:
            return _decided(ask, "the seller decided to send the goods")
        lines = {at for at, _ in ask.units}
        stopping = (x.left for x in state.fulfilments.values() if x.stop)
        if any(at in lines for left in stopping for at, _ in left):
            continue
        lacking = _lacking(state, ask)
        if not lacking or state.stage == CANCELLED:
            return _decided(ask, "the goods have not left, and no one works on them", stopped=True)
        names = [f"{quantity} × {state.lines[at].sku}" for at, quantity in lacking[:MAX_NAMED]]
        more = " and others" if len(lacking) > len(names) else ""
        what = ", ".join(names) + more
        return _decided(ask, f"{what} left before the warehouse could stop it, or it does not stop")
    return None


def _decided(ask: StopAsk, reason: str, *, stopped: bool = False) -> e.StopDecided:
    return e.StopDecided(
        rule="stop-decided", outside_id=ask.outside_id, stopped=stopped, reason=reason
    )


def _is_untold(state: State, ask: StopAsk) -> bool:
    """Whether the channel has not been told, nor is being told, that it is stopped."""
    if ask.verdict != "stopped" or ask.told:
        return False
    telling = (one.note for one in state.open if one.key == ORDER and one.kind == TELL)
    return ask.outside_id not in telling


def _lacking(state: State, ask: StopAsk) -> Parts:
    """Return what of the units is neither here, with no one working on it, nor off the order."""
    base = dict(ask.base)
    found = []
    for at, quantity in ask.units:
        line = state.lines[at]
        back = line.counts.get("o", 0) + max(0, gone_of(line) - base.get(at, 0))
        if back < quantity:
            found.append((at, quantity - back))
    return tuple(found)


def over(work: Work) -> e.OrderEvent | None:
    """The hold ends when nothing that was asked is left to wait for: it could not be stopped and
    goes on, or the channel has taken what was stopped off the order."""
    state = work.state
    for hold in state.holds:
        mine = [one for one in state.stops if one.hold_id == hold.hold_id]
        if mine and all(_is_over(state, one) for one in mine):
            reason = (
                "what the channel asked not to send is off the order"
                if any(one.verdict == "stopped" for one in mine)
                else "what the channel asked not to send could not be stopped"
            )
            return e.HoldReleased(
                rule="free", hold_id=hold.hold_id, person=BY_ITSELF, reason=reason
            )
    return None


def _is_over(state: State, ask: StopAsk) -> bool:
    if ask.verdict == "stopped":
        return not any(state.lines[at].counts.get("o") for at, _ in ask.units)
    return ask.verdict == "refused"


def is_waiting(state: State) -> bool:
    """Whether units that were to be stopped must not be planned again."""
    return any(one.verdict != "refused" for one in state.stops)

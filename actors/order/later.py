"""What the channel wants sent later: it is not planned before its day."""

from __future__ import annotations

from datetime import datetime

from actors.order.decision import moment
from actors.order.evolve_stops import gone_of
from actors.order.outside import units_of
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.things import ORDER

LATER = "later"
"""The timer of what the channel wants sent later."""
MAX_LATER = 50
"""Groups of units with a date of their own: as many as there are fulfilments."""


def withheld(work: Work) -> dict[int, int]:
    """Return how many units of our lines are not to be sent yet. Units that were taken off a line
    since count as those."""
    state, found = work.state, dict[int, int]()
    stated = work.statement
    for one in state.later if stated is not None else ():
        assert stated is not None
        gone = dict(one.gone)
        for at, quantity in units_of(work, stated, one.units).items():
            off = max(0, gone_of(state.lines[at]) - gone.get(at, 0))
            found[at] = found.get(at, 0) + max(0, quantity - off)
    return found


def first_date(state: State) -> datetime | None:
    """Return when the first of it is due, None where there is nothing."""
    return min((moment(one.at) for one in state.later), default=None)


def scheduled(work: Work, told: i.Later) -> None:
    """The channel says what it wants sent later, or that it is due."""
    state = work.state
    if not told.units:
        if any(one.outside_id == told.outside_id for one in state.later):
            work.say(e.UnitsScheduled(rule="schedule", outside_id=told.outside_id))
        return
    is_new = all(one.outside_id != told.outside_id for one in state.later)
    if told.at is None or moment(told.at) <= work.context.now:
        return
    if is_new and len(state.later) >= MAX_LATER:
        return
    gone, stated = {}, work.statement
    if state.lines and stated is not None:
        gone = {at: gone_of(state.lines[at]) for at in units_of(work, stated, told.units)}
    work.say(
        e.UnitsScheduled(
            rule="schedule",
            outside_id=told.outside_id,
            at=told.at,
            units=told.units,
            gone=tuple(gone.items()),
        )
    )


def fall_due(work: Work) -> None:
    """What is due by now may be sent; for the rest the timer is set again."""
    now = work.context.now
    for one in work.state.later:
        if moment(one.at) <= now:
            work.say(e.UnitsScheduled(rule="schedule", outside_id=one.outside_id))
    if (first := first_date(work.state)) is not None:
        work.timers[ORDER, LATER] = (first - now).total_seconds()

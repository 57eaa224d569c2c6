"""What the channel wants sent later: it is not planned before its day, or before the channel asks
for it."""

from __future__ import annotations

from datetime import datetime

from actors.order.decision import moment
from actors.order.evolve_stops import gone_of
from actors.order.holding import beyond
from actors.order.outside import units_of
from actors.order.state import LaterUnits, State
from actors.order.table import CANCELLED, CLOSED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.things import ORDER

LATER = "later"
"""The timer of what the channel wants sent later."""
MAX_LATER = 50
"""Groups of units with a date of their own: as many as there are fulfilments."""
BEYOND = "later-beyond"
"""The hold of an order of which the channel wants more groups sent later."""


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
    """Return when the first of it is due, None where nothing has a date."""
    return min((moment(one.at) for one in state.later if one.at), default=None)


def scheduled(work: Work, told: i.Later) -> None:
    """The channel says what it wants sent later, or that it is due."""
    state = work.state
    if not told.units:
        if any(one.outside_id == told.outside_id for one in state.later):
            work.say(e.UnitsScheduled(rule="schedule", outside_id=told.outside_id))
        return
    before = next((one for one in state.later if one.outside_id == told.outside_id), None)
    if told.at is not None and moment(told.at) <= work.context.now:
        return
    if before is None and len(state.later) >= MAX_LATER:
        _hold_beyond(work)
        return
    gone, stated = {}, work.statement
    if state.lines and stated is not None:
        gone = {at: gone_of(state.lines[at]) for at in units_of(work, stated, told.units)}
    parts = tuple(gone.items())
    if before == LaterUnits(told.outside_id, told.at or "", told.units, parts):
        return
    work.say(
        e.UnitsScheduled(
            rule="schedule",
            outside_id=told.outside_id,
            at=told.at or "",
            units=told.units,
            gone=parts,
        )
    )


def _hold_beyond(work: Work) -> None:
    """What is not kept must not be sent early: a person looks when it may leave."""
    reason = (
        f"the channel wants more than {MAX_LATER} parts of it sent on days of their own, and no "
        "more are kept: look there when the rest may leave, then release this"
    )
    beyond(work, BEYOND, reason)


def unasked(work: Work, told: i.Later, order: Order) -> None:
    """The channel says with a statement of the order what of it is not to be sent before it asks
    for it; an older statement than the one we took says nothing."""
    state = work.state
    if state.stage in (CLOSED, CANCELLED) or state.cancel is not None:
        return
    if moment(order.updated_at) >= moment(state.source_updated_at):
        scheduled(work, told)


def fall_due(work: Work) -> None:
    """What is due by now may be sent; for the rest the timer is set again."""
    now = work.context.now
    for one in work.state.later:
        if one.at and moment(one.at) <= now:
            work.say(e.UnitsScheduled(rule="schedule", outside_id=one.outside_id))
    if (first := first_date(work.state)) is not None:
        work.timers[ORDER, LATER] = (first - now).total_seconds()

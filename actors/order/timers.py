"""Which timers a state has. They are read off it, so that none is forgotten and none is left over.

A timer is named by its thing and its name. It is set again when what it measures began again (its
token differs), and when it fired and still has a reason.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from actors.fulfilment.table import WAITS as FULFILMENT_WAITS
from actors.fulfilment.thing import Fulfilment
from actors.order.claiming import is_to_be_asked
from actors.order.decision import Context, moment
from actors.order.joint_order import is_at_rest
from actors.order.later import LATER, first_date
from actors.order.mapping import AGAIN_SECONDS, is_unmapped
from actors.order.policy import DAY, Policy
from actors.order.reading import busy, is_here, parcels_of, tracking_lane
from actors.order.reservations import is_idle
from actors.order.state import State
from actors.order.table import ACCEPTED, DUPLICATE, EXPECTED, FINAL, PLACED
from actors.order.table import WAITS as ORDER_WAITS
from actors.parcel.table import ENDS, ON_ITS_WAY
from actors.parcel.table import WAITS as PARCEL_WAITS
from actors.payment.thing import AUTHORISED
from actors.returns.table import WAITS as RETURN_WAITS
from schemas.messages import inputs as i
from schemas.order.things import ORDER, Key

DUE, TRACK, STOCK, CLOSE, MAPPING = "due", "track", "stock", "close", "mapping"
SHIP_BY, EXPIRES, RESERVATION = "ship_by", "expires", "reservation"

LEAST_CLOSE_SECONDS = 3_600.0
"""How soon at the earliest it is asked again whether a delivered order may be closed."""

MAX_TIMERS = 200
"""Timers of one order; the alarms of later things wait until earlier ones have ended."""

Named = tuple[Key, str]
Wanted = dict[Named, tuple[float, str]]


def wanted(state: State, context: Context) -> Wanted:
    """Return the timers that a state has: how long each takes, and what it measures."""
    policy, setup = context.policy, context.setup
    kept = state.__dict__.get("timers")  # the state after one decision is the one before the next
    if kept is not None and kept[0] is policy and kept[1] is setup:
        known: Wanted = kept[2]
        return known
    found = _read_off(state, context)
    state.__dict__["timers"] = (policy, setup, found)
    return found


def _read_off(state: State, context: Context) -> Wanted:
    found: Wanted = {}
    if state.stage == "new":
        return found
    policy = context.policy
    _of_order(state, policy, found)
    if state.stage in (PLACED, ACCEPTED) and is_unmapped(state):
        found[ORDER, MAPPING] = (AGAIN_SECONDS, "")
    put_off = _of_dates(state, context, found) if state.later or state.ship_by else 0.0
    for key, thing in state.fulfilments.items():
        _of_fulfilment(state, key, thing, policy, found)
    if state.payments and state.stage == ACCEPTED:
        _of_payments(state, context, found)
    if state.parcels:
        _of_parcels(state, context, found)
    if state.stage == ACCEPTED:
        if not any(name == DUE for _, name in found):
            seconds, token = _rest(state, policy)
            found[ORDER, DUE] = (seconds + put_off, token)
        if policy.close_after_seconds > 0 and is_at_rest(state, context):
            found[ORDER, CLOSE] = (policy.close_after_seconds, "")
    if state.returns:
        _of_returns(state, policy, found)
    return found


def _of_order(state: State, policy: Policy, found: Wanted) -> None:
    """Add what is due before the order is accepted, or of one that another is worked on for."""
    if state.stage == EXPECTED:
        name = "payment_due_seconds" if state.waits else "place_due_seconds"
        found[ORDER, DUE] = (getattr(policy, name), name)
    elif state.stage == PLACED:
        found[ORDER, DUE] = (policy.payment_due_seconds, PLACED)
    elif is_to_be_asked(state):
        found[ORDER, DUE] = (policy.copy_due_seconds, DUPLICATE)


def _of_returns(state: State, policy: Policy, found: Wanted) -> None:
    """Add the alarms of returns, also of an order at its end: goods come back when they do."""
    for key, one in state.returns.items():
        wait = RETURN_WAITS.get(one.stage)
        if wait is not None and len(found) < MAX_TIMERS - 2:
            found[key, DUE] = (getattr(policy, wait.due), one.stage)


def _of_dates(state: State, context: Context, found: Wanted) -> float:
    """Add what is due on days that the channel names; return the seconds until what it wants sent
    later goes on."""
    put_off = 0.0
    if state.later and (first := first_date(state)) is not None:
        put_off = max(0.0, (first - context.now).total_seconds())
        if state.stage in (PLACED, ACCEPTED):
            found[ORDER, LATER] = (put_off, first.isoformat())
    if any(not one.at for one in state.later):
        # The seller may take as long to ask for goods as a customer may to pay for them.
        put_off = max(put_off, context.policy.payment_due_seconds)
    if state.ship_by and is_here(state):
        left = (moment(state.ship_by) - context.now).total_seconds()
        alarm = max(0.0, left - context.policy.ship_by_alarm_seconds)
        found[ORDER, SHIP_BY] = (alarm, state.ship_by)
    return put_off


_READS = (
    "stage", "fulfilments", "parcels", "labels", "holds", "stuck", "cancel", "waits", "later",
    "ship_by", "payments", "returns",
)  # fmt: skip


def are_same(before: State, after: State) -> bool:
    """Whether two states surely have the same timers: nothing that they are read off was touched.
    An order that is at rest is asked every time, because anything may change that."""
    if all(one.stage in ("done", "cancelled") for one in after.fulfilments.values()):
        return False
    for name in _READS:
        if getattr(before, name) is not getattr(after, name):
            return False
    if after.ship_by and is_here(before) != is_here(after):
        return False
    parcels = [one.key for one in before.open if one.key in after.parcels]
    return parcels == [one.key for one in after.open if one.key in after.parcels]


def _of_payments(state: State, context: Context, found: Wanted) -> None:
    """Add what is due before an authorisation ends, and at its end."""
    for key, one in state.payments.items():
        if one.stage == AUTHORISED and one.until and state.cancel is None:
            left = (moment(one.until) - context.now).total_seconds()
            if not one.warned:
                left -= context.policy.authorisation_alarm_seconds
            found[key, EXPIRES] = (max(0.0, left), "end" if one.warned else "alarm")


def _of_parcels(state: State, context: Context, found: Wanted) -> None:
    policy, waiting = context.policy, busy(state)
    for key, parcel in state.parcels.items():
        if len(found) >= MAX_TIMERS - 2:
            return
        if parcel.stage not in ON_ITS_WAY and parcel.stage != "packed":
            continue
        wait = PARCEL_WAITS.get(parcel.stage)
        if wait is not None:
            found[key, DUE] = (getattr(policy, wait.due), "way")
        if key not in waiting and tracking_lane(state, parcel, context.setup):
            first = parcel.stage == "packed" and not parcel.asked
            seconds = policy.first_track_seconds if first else policy.track_every_seconds
            found[key, TRACK] = (seconds, parcel.number)


def _rest(state: State, policy: Policy) -> tuple[float, str]:
    if state.cancel is not None:
        return policy.cancel_due_seconds, "cancelling"
    return getattr(policy, ORDER_WAITS[ACCEPTED].due), "rest"


def _of_fulfilment(
    state: State, key: Key, thing: Fulfilment, policy: Policy, found: Wanted
) -> None:
    if thing.stage in ("done", "cancelled") or len(found) >= MAX_TIMERS - 2:
        return
    if thing.stage == "short":
        found[key, STOCK] = (policy.stock_retry_seconds, str(thing.tries))
    elif policy.reservation_seconds and is_idle(state, key):
        # Whoever decides about it has all of that time.
        holds = "+".join(one.hold_id for one in state.holds)
        found[key, RESERVATION] = (policy.reservation_seconds, holds)
    if thing.stop:
        found[key, DUE] = (policy.cancel_due_seconds, "stop")
        return
    if thing.stage == "handed_over":
        if any(x.stage not in ENDS for _, x in parcels_of(state, key)):
            return  # its parcels have alarms of their own
        found[key, DUE] = (policy.close_due_seconds, thing.stage)
        return
    due = FULFILMENT_WAITS[thing.stage].due
    if thing.untold or thing.last:
        due = "label_due_seconds"  # as soon as it would be missed
    elif thing.stage == "packed" and any(
        x.fulfilment == key and x.stage == "wanted" for x in state.labels.values()
    ):
        due = "label_due_seconds"
    found[key, DUE] = (getattr(policy, due), f"{thing.stage}{due}")


def settle(
    before: Wanted, after: Wanted, command: i.Input, context: Context, asked: dict[Named, float]
) -> tuple[Any, Any]:
    """Return the timers to set and to clear. `asked` overrides how long one takes."""
    now = context.now
    sets = {
        named: seconds
        for named, (seconds, token) in after.items()
        if named not in before or before[named][1] != token
    }
    clears = [named for named in before if named not in after]
    if isinstance(command, i.TimerFired):
        fired = (command.key, command.name)
        if fired in after and fired not in sets:
            sets[fired] = _again(command.name, *after[fired], now)
        elif fired not in after and fired not in clears:
            clears.append(fired)
    sets.update({named: seconds for named, seconds in asked.items() if named in after})
    return (
        tuple([(key, name, now + timedelta(seconds=s)) for (key, name), s in sets.items()]),
        tuple(clears),
    )


def _again(name: str, seconds: float, token: str, now: datetime) -> float:
    """An alarm is repeated, but not at the pace of the shortest stage; one that goods have to leave
    when they have not left by then, and daily from there on."""
    if name == SHIP_BY:
        left = (moment(token) - now).total_seconds()
        return left if left > 0 else DAY
    if name == DUE:
        return max(seconds, DAY)
    if name == CLOSE:
        return max(seconds, LEAST_CLOSE_SECONDS)
    return seconds


__all__ = [
    "CLOSE", "DUE", "FINAL", "LATER", "MAPPING", "SHIP_BY", "STOCK", "TRACK", "settle", "wanted",
]  # fmt: skip

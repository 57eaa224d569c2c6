"""What a state has, at a glance: so that rules which need something else are not even asked."""

from __future__ import annotations

from enum import IntFlag, auto

from actors.order.state import State


class Sign(IntFlag):
    """One thing that a state may have. Stages of things are signs of their own."""

    ORDER_PLACED = auto()
    ORDER_ACCEPTED = auto()
    ORDER_ENDED = auto()
    CANCELS = auto()
    TASKS = auto()
    OPEN_UNITS = auto()
    UNWANTED_UNITS = auto()
    EXCESS = auto()
    CANCELLED_UNITS = auto()
    COLLECTED = auto()
    PLANNED = auto()
    SHORT = auto()
    RESERVED = auto()
    RELEASED = auto()
    PICKED = auto()
    PACKED = auto()
    RECALLED = auto()
    HANDED_OVER = auto()
    STOPS = auto()
    EMPTY = auto()
    OUTDATED = auto()
    DIGITAL = auto()
    BY_HAND = auto()
    PARCEL_PACKED = auto()
    PARCEL_ON_ITS_WAY = auto()
    LABEL_OPEN = auto()
    LABEL_STOPS = auto()
    LABEL_OUTDATED = auto()
    ASKED_TO_STOP = auto()
    LATER = auto()
    AUTHORISED = auto()
    PAYMENTS = auto()
    REFUNDS = auto()
    CEASED = auto()
    RETURNS = auto()


FREE = Sign.PLANNED | Sign.SHORT | Sign.RESERVED
AT_WORK = Sign.RELEASED | Sign.PICKED | Sign.PACKED
INSIDE = FREE | AT_WORK
LIVE = INSIDE | Sign.RECALLED | Sign.HANDED_OVER

# Plain numbers: a sign is read for every thing of an order after every event.
_ORDER: dict[str, int] = {
    "placed": int(Sign.ORDER_PLACED),
    "accepted": int(Sign.ORDER_ACCEPTED),
    "closed": int(Sign.ORDER_ENDED),
    "cancelled": int(Sign.ORDER_ENDED),
    "duplicate": int(Sign.ORDER_ENDED),
}
_FULFILMENT: dict[str, int] = {
    "planned": int(Sign.PLANNED),
    "short": int(Sign.SHORT),
    "reserved": int(Sign.RESERVED),
    "released": int(Sign.RELEASED),
    "picked": int(Sign.PICKED),
    "packed": int(Sign.PACKED),
    "recalled": int(Sign.RECALLED),
    "handed_over": int(Sign.HANDED_OVER),
}
_PARCEL: dict[str, int] = {
    "packed": int(Sign.PARCEL_PACKED),
    "handed_over": int(Sign.PARCEL_ON_ITS_WAY),
    "in_transit": int(Sign.PARCEL_ON_ITS_WAY),
    "exception": int(Sign.PARCEL_ON_ITS_WAY),
}
_LABEL = frozenset({"wanted", "bought", "skipped"})
_UNITS: tuple[tuple[str, int], ...] = (
    ("o", int(Sign.OPEN_UNITS)),
    ("E", int(Sign.UNWANTED_UNITS)),
    ("M", int(Sign.UNWANTED_UNITS)),
    ("C", int(Sign.UNWANTED_UNITS)),
    ("x", int(Sign.EXCESS)),
    ("c", int(Sign.CANCELLED_UNITS)),
)
_CANCELS, _TASKS, _COLLECTED = int(Sign.CANCELS), int(Sign.TASKS), int(Sign.COLLECTED)
_STOPS, _EMPTY, _OUTDATED = int(Sign.STOPS), int(Sign.EMPTY), int(Sign.OUTDATED)
_DIGITAL, _BY_HAND = int(Sign.DIGITAL), int(Sign.BY_HAND)
_LABEL_OPEN, _LABEL_STOPS = int(Sign.LABEL_OPEN), int(Sign.LABEL_STOPS)
_LABEL_OUTDATED, _ASKED_TO_STOP = int(Sign.LABEL_OUTDATED), int(Sign.ASKED_TO_STOP)
_LATER = int(Sign.LATER)
_AUTHORISED, _PAYMENTS = int(Sign.AUTHORISED), int(Sign.PAYMENTS)
_REFUNDS, _CEASED, _RETURNS = int(Sign.REFUNDS), int(Sign.CEASED), int(Sign.RETURNS)


def signs_of(state: State) -> int:
    """Return every sign of a state."""
    found = _ORDER.get(state.stage, 0)
    if state.cancel is not None:
        found |= _CANCELS
    if state.tasks:
        found |= _TASKS
    if state.collected or state.prepaid > 0:
        found |= _COLLECTED
    if state.stops:
        found |= _ASKED_TO_STOP
    if state.later:
        found |= _LATER
    found |= _of_money(state)
    sums = state.sums
    for letter, sign in _UNITS:
        if letter in sums:
            found |= sign
    for parcel in state.parcels.values():
        found |= _PARCEL.get(parcel.stage, 0)
    if state.labels:
        found |= _of_labels(state)
    return found | _of_fulfilments(state)


def _of_money(state: State) -> int:
    found = _AUTHORISED if state.payment == "authorized" else 0
    if state.payments:
        found |= _PAYMENTS
    if state.refunds:
        found |= _REFUNDS
    if state.returns:
        found |= _RETURNS
    return found


def _of_fulfilments(state: State) -> int:
    found, task = 0, state.task
    for thing in state.fulfilments.values():
        found |= _FULFILMENT.get(thing.stage, 0)
        if thing.stop:
            found |= _STOPS
        if thing.ceased:
            found |= _CEASED
        if not thing.left:
            found |= _EMPTY
        if thing.told and thing.told != task:
            found |= _OUTDATED
        if thing.delivery == "digital":
            found |= _DIGITAL
        if thing.person:
            found |= _BY_HAND
    return found


def _of_labels(state: State) -> int:
    found, address = 0, state.address
    for label in state.labels.values():
        if label.stage in _LABEL:
            found |= _LABEL_OPEN
            if label.stop:
                found |= _LABEL_STOPS
            if label.told != address:
                found |= _LABEL_OUTDATED
    return found

"""The joint table: what one machine's state makes another do.

After an input was understood, every rule whose state changed is asked until none speaks. Rules are
pure, are asked again when what they name has changed, and speak at most one event at a time; their
order is their precedence. What follows from the clock or from an answer is not a joint rule.
"""

from __future__ import annotations

from functools import lru_cache

from actors.label import printing
from actors.order import (
    differs,
    joint_ceased,
    joint_corrected,
    joint_held,
    joint_money,
    joint_numbers,
    joint_order,
    joint_outdated,
    joint_refunds,
    joint_returns,
    joint_stops,
    joint_things,
    joint_units,
    reservations,
)
from actors.order.joint_row import Joint
from actors.order.signs import AT_WORK, FREE, INSIDE, LIVE, Sign, signs_of
from actors.order.work import Work
from schemas.messages import events as e

MAX_CHAIN = 20_000
"""How many rules may be asked after one input: a cancellation of 50 fulfilments with their labels
and lines asks some thousand; more is a programmer's error."""

_PLAN = (
    "stage", "lines", "payment", "payment_method", "accepted_by", "holds", "declined", "waived",
    "address", "stops", "later",
)  # fmt: skip
_THINGS = ("fulfilments", "parcels", "labels")

JOINT: tuple[Joint, ...] = (
    Joint(
        "accept",
        ("stage", "payment", "payment_method", "accepted_by", "holds", "cancel"),
        joint_order.accepted,
        (e.Accepted, e.Duplicate),
        "a placed order that is paid or promised and not held is accepted; a duplicate is recorded",
        needs=(Sign.ORDER_PLACED, Sign.OPEN_UNITS),
    ),
    *joint_money.ROWS,
    Joint(
        "emptied",
        ("stage", "lines", "cancel"),
        joint_order.emptied,
        (e.CancelRequested,),
        "an order of which everything was cancelled here is cancelled, so that everyone is told",
        needs=(
            Sign.ORDER_PLACED | Sign.ORDER_ACCEPTED,
            Sign.CANCELLED_UNITS | Sign.UNWANTED_UNITS,
        ),
        lacks=Sign.CANCELS,
    ),
    Joint(
        "cancel-stops",
        ("stage", "cancel", "fulfilments"),
        joint_things.cancel_stops,
        (e.Stopped,),
        "a cancelled order stops every fulfilment of which not everything has left",
        needs=(Sign.CANCELS, INSIDE),
    ),
    Joint(
        "stop-asked",
        ("stops", "fulfilments", "lines"),
        joint_stops.stop,
        (e.Stopped,),
        "fulfilments that hold units which the channel asked not to send are stopped",
        needs=(Sign.ASKED_TO_STOP, INSIDE),
    ),
    Joint(
        "drop",
        ("stage", "lines", "cancel"),
        joint_units.drop,
        (e.UnitsDropped,),
        "open units that are no longer wanted, or of a cancelled order, leave the order",
        needs=(Sign.OPEN_UNITS, Sign.UNWANTED_UNITS | Sign.CANCELS),
    ),
    Joint(
        "cover",
        ("stage", "lines"),
        joint_units.cover,
        (e.ExcessCounted,),
        "units that left too many count for open units of the same line",
        needs=(Sign.EXCESS, Sign.OPEN_UNITS),
    ),
    Joint(
        "cover-planned",
        ("stage", "lines", "fulfilments", "open"),
        joint_units.cover_planned,
        (e.Shrunk, e.Stopped),
        "and for units of fulfilments that no warehouse works on",
        needs=(Sign.EXCESS, FREE),
    ),
    Joint(
        "shrink",
        ("lines", "fulfilments", "open"),
        joint_units.shrink,
        (e.Shrunk, e.Stopped),
        "units that are no longer wanted are freed where no warehouse works on them; else a "
        "fulfilment stops, and its other units are planned again",
        needs=(Sign.UNWANTED_UNITS, INSIDE),
    ),
    Joint(
        "put-off",
        ("stage", "later", "lines", "fulfilments", "open"),
        joint_units.put_off,
        (e.Shrunk, e.Stopped),
        "units that the channel wants sent later are freed, and planned on their day",
        needs=(Sign.LATER, FREE | AT_WORK),
    ),
    *reservations.ROWS,
    Joint(
        "outdated-task",
        ("task", "book", "lines", "collected", "fulfilments", "parcels", "open"),
        joint_outdated.outdated_task,
        (e.Stopped,),
        "a warehouse that was told something else stops, and the units are planned again",
        needs=(Sign.OUTDATED,),
    ),
    *joint_held.ROWS,
    Joint(
        "empty-task",
        ("fulfilments", "open"),
        joint_things.empty_task,
        (e.Stopped,),
        "a warehouse that works on nothing any more stops",
        needs=(Sign.EMPTY, AT_WORK),
    ),
    Joint(
        "outdated-label",
        ("address", "labels", "parcels"),
        joint_outdated.outdated_label,
        (e.LabelStopped,),
        "a label for another address, shipping method or amount is voided, and a new one follows",
        needs=(Sign.LABEL_OUTDATED,),
    ),
    Joint(
        "undo-label",
        (*_THINGS, "open", "stuck"),
        joint_things.undo_label,
        (e.LabelStopped,),
        "a label of a fulfilment that is undone, or that no parcel needs, is voided",
        needs=(Sign.LABEL_OPEN,),
    ),
    Joint(
        "drop-label",
        ("labels", "open", "stuck"),
        joint_things.drop_label,
        (e.LabelDropped,),
        "a label that is not wanted any more and was never bought ends",
        needs=(Sign.LABEL_STOPS,),
    ),
    Joint(
        "used-label",
        ("labels", "parcels", "open", "stuck"),
        joint_things.used_label,
        (e.LabelStopDropped,),
        "a label under which a parcel has left is not voided any more",
        needs=(Sign.LABEL_STOPS,),
    ),
    Joint(
        "recall",
        ("fulfilments", "open", "stuck"),
        joint_things.recall,
        (e.TaskCancelled,),
        "a stopped fulfilment that no warehouse works on is recalled at once",
        needs=(Sign.STOPS, AT_WORK),
    ),
    *joint_ceased.ROWS,
    *joint_corrected.ROWS,
    Joint(
        "rest",
        ("fulfilments", "parcels"),
        joint_things.rest,
        (e.RestSettled,),
        "a fulfilment of which everything that will leave has left is handed over",
        needs=(Sign.EMPTY, Sign.PACKED),
    ),
    Joint(
        "undone",
        (*_THINGS, "open", "stuck"),
        joint_things.undone,
        (e.FulfilmentCancelled, e.RestSettled),
        "a fulfilment of which nothing is left to undo ends; what left of it goes on",
        needs=(Sign.STOPS | Sign.EMPTY, INSIDE | Sign.RECALLED),
    ),
    Joint(
        "stop-decided",
        ("stops", "fulfilments", "lines", "holds", "stage"),
        joint_stops.decided,
        (e.StopDecided,),
        "once nothing is being stopped it is known whether what the channel asked for is",
        needs=(Sign.ASKED_TO_STOP,),
    ),
    Joint(
        "stop-over",
        ("stops", "lines", "holds"),
        joint_stops.over,
        (e.HoldReleased,),
        "what could not be stopped goes on, and what is off the order holds it no longer",
        needs=(Sign.ASKED_TO_STOP,),
    ),
    Joint(
        "not-ours",
        _PLAN,
        joint_units.not_ours,
        (e.LeftToOthers,),
        "others fulfil these units",
        needs=(Sign.OPEN_UNITS, Sign.ORDER_ACCEPTED),
    ),
    Joint(
        "plan",
        (*_PLAN, "fulfilments"),
        joint_units.planned,
        (e.FulfilmentPlanned,),
        "open units of an accepted order are planned",
        needs=(Sign.OPEN_UNITS, Sign.ORDER_ACCEPTED),
    ),
    Joint(
        "declined",
        _PLAN,
        joint_units.declined,
        (e.Held,),
        "when every place has refused, a person must find another way",
        needs=(Sign.OPEN_UNITS, Sign.ORDER_ACCEPTED),
    ),
    Joint(
        "digital",
        ("fulfilments", "lines", "payments", "holds"),
        joint_money.digital,
        (e.Fulfilled,),
        "what does not travel is fulfilled at once, unless its order is held",
        needs=(Sign.DIGITAL, Sign.PLANNED),
    ),
    Joint(
        "by-hand",
        ("fulfilments", "holds", "lines", "payment_method", "collected", "documents", "payments"),
        joint_money.by_hand,
        (e.LeftToPerson,),
        "where no warehouse takes tasks, a person packs, and collects what no label says",
        needs=(Sign.PLANNED | Sign.RESERVED,),
    ),
    Joint(
        "pack-task",
        ("fulfilments", "tasks"),
        joint_things.pack_task,
        (e.TaskOpened,),
        "the person is told exactly what to pack, and what to collect",
        needs=(Sign.BY_HAND, Sign.RELEASED),
    ),
    Joint(
        "pack-task-done",
        ("fulfilments", "tasks"),
        joint_things.pack_task_done,
        (e.TaskClosed,),
        "what was packed or stopped, or a warehouse packs or tells after all, needs no one",
        needs=(Sign.TASKS,),
    ),
    Joint(
        "want-label",
        (*_THINGS, "holds"),
        joint_things.want_label,
        (e.LabelWanted,),
        "packed parcels need a label where we buy them",
        needs=(Sign.PACKED, Sign.PARCEL_PACKED),
    ),
    *joint_numbers.ROWS,
    Joint(
        "done",
        (*_THINGS, "open", "stuck", "tasks"),
        joint_things.done,
        (e.FulfilmentDone,),
        "a fulfilment is done when its parcels are and the storefront knows of them",
        needs=(Sign.HANDED_OVER,),
    ),
    Joint(
        "moot",
        ("stuck", "cancel", "lines", "fulfilments", "messages"),
        joint_order.moot,
        (e.Renewed, e.Skipped),
        "what was refused of an order that is undone is not tried again",
        needs=(Sign.CANCELS,),
    ),
    *printing.ROWS,
    *joint_refunds.ROWS,
    *joint_returns.ROWS,
    Joint(
        "money",
        (
            *("lines", "fulfilments", "tasks", "payment", "payments", "collected", "prepaid"),
            *("total_minor", "refunds"),
        ),
        joint_order.money,
        (e.TaskOpened, e.TaskClosed),
        "money that is owed is one person's task, and none that the channel gave back",
        needs=(Sign.CANCELLED_UNITS | Sign.COLLECTED,),
    ),
    Joint(
        "arrived",
        ("tasks", "parcels", "ended", "fulfilments"),
        differs.arrived,
        (e.TaskOpened,),
        "what can only be done to goods on their way is not asked of a person once they are there",
        needs=(Sign.TASKS,),
    ),
    Joint(
        "still-shown",
        ("stage", "lines", "fulfilments", "tasks", "cancel", "refunds", "source_updated_at"),
        joint_order.still_shown,
        (e.TaskOpened, e.TaskClosed),
        "a person is told of units that were cancelled here and that the channel still shows",
        needs=(Sign.ORDER_ACCEPTED, Sign.CANCELLED_UNITS),
    ),
    Joint(
        "partly-told",
        ("lines", "fulfilments", "messages"),
        joint_order.partly_told,
        (e.MessageWanted,),
        "the customer is told which units are not coming",
        needs=(Sign.CANCELLED_UNITS,),
    ),
    Joint(
        "reopen",
        ("stage", "lines", *_THINGS, "documents", "refunds"),
        joint_order.reopened,
        (e.Reopened,),
        "an order at its end that has something to do again is open",
        needs=(Sign.ORDER_ENDED,),
    ),
    Joint(
        "end",
        (
            *("stage", "cancel", "lines", *_THINGS, "documents", "open", "stuck", "holds", "tasks"),
            *("payment", "book", "stops", "captures", "refunds"),
        ),
        joint_order.ended,
        (e.Cancelled, e.Closed),
        "an order of which nothing is left to do is closed, or cancelled when nothing went out",
        needs=(Sign.ORDER_PLACED | Sign.ORDER_ACCEPTED,),
        lacks=LIVE | Sign.OPEN_UNITS | Sign.UNWANTED_UNITS | Sign.TASKS,
    ),
)
"""Every rule, in the order of precedence."""

_WHEN = tuple(row.when for row in JOINT)
_NEEDS = tuple((tuple(int(one) for one in row.needs), int(row.lacks)) for row in JOINT)
_READERS: dict[str, int] = {}
for _at, _row in enumerate(JOINT):
    for _name in _row.reads:
        _READERS[_name] = _READERS.get(_name, 0) | 1 << _at
"""For each field of the state the rules that read it, as bits."""


def follow(work: Work) -> None:
    """Say everything that follows from what changed since the decision began."""
    pending, eligible = _readers(work), _eligible(signs_of(work.state))
    for _ in range(MAX_CHAIN):
        ready = pending & eligible
        if not ready:
            return
        first = ready & -ready
        pending ^= first
        event = _WHEN[first.bit_length() - 1](work)
        if event is not None:
            work.say(event)
            pending |= first | _readers(work)
            eligible = _eligible(signs_of(work.state))
    raise AssertionError(f"More than {MAX_CHAIN} questions follow from one input.")


# Orders have some hundred different sets of signs.
@lru_cache(maxsize=4_096)
def _eligible(signs: int) -> int:
    """Return the rules that a state with these signs may concern, as bits."""
    found = 0
    for at, (needs, lacks) in enumerate(_NEEDS):
        if not signs & lacks and all(signs & one for one in needs):
            found |= 1 << at
    return found


def _readers(work: Work) -> int:
    """Return the rules that read what changed since they were asked for last."""
    bits = 0
    for name in work.changed:
        bits |= _READERS.get(name, 0)
    work.changed.clear()
    return bits

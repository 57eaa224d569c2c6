"""What a carrier answers about a parcel."""

from __future__ import annotations

from actors.fulfilment.leaving import leaves
from actors.kernel import ledger
from actors.order.differs import leave
from actors.order.work import Work
from actors.parcel.table import ON_ITS_WAY, TABLE
from actors.parcel.thing import Parcel
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Intent, Move
from schemas.order.things import Key

MOVING = frozenset({"in_transit", "delivered", "exception", "returned", "lost"})
"""Statuses that prove that the carrier has the parcel."""

BY_ITSELF = "the service"
"""Who closed a task when it was not a person."""


def done(work: Work, intent: Intent, result: f.Result, settles: int) -> None:
    """The carrier says where the parcel is; the scan hands it over, the delivery ends its way."""
    if not isinstance(result, f.Tracked):
        return
    key = intent.key
    parcel = work.state.parcels.get(key)
    if parcel is not None and parcel.stage in ("packed", "unpacked") and result.status in MOVING:
        leaves(work, parcel.fulfilment, (key,), scanned_at=result.at, settles=settles)
        settles = 0
        if result.status == "in_transit":
            return
        parcel = work.state.parcels.get(key)
    if parcel is not None and parcel.stage in ON_ITS_WAY and result.status == "voided":
        _untracked(work, key, parcel, settles)
        return
    event = None if parcel is None else _moved(key, parcel, result, settles)
    if event is None and parcel is not None and not TABLE.allows(parcel.stage, e.Tracked):
        return  # it has ended, and the carrier says nothing that would change it
    if event is None:
        detail = result.detail[:200]
        event = e.Tracked(
            rule="tracked", key=key, settles=settles, status=result.status, detail=detail
        )
        if not settles and parcel is None:
            return
    work.say(event)
    _tell(work, key, event, result)


def _untracked(work: Work, key: Key, parcel: Parcel, settles: int) -> None:
    """It left under a label that was voided: the carrier will not tell more."""
    moves = _moves(parcel, ledger.TRAVELLING, ledger.FULFILLED)
    work.say(e.Untracked(rule="untracked", key=key, settles=settles, moves=moves))
    leave(
        work,
        f"{key} ({parcel.number}) left, and the carrier says that its label is voided: ask it "
        "whether it delivers it, and what that costs",
    )


def _moved(key: Key, parcel: Parcel, told: f.Tracked, settles: int) -> e.OrderEvent | None:
    """Return the event that moves a parcel on, None when the status says nothing new."""
    stage, detail = parcel.stage, told.detail[:200]
    match told.status:
        case "in_transit" if stage in ("handed_over", "exception"):
            return e.InTransit(rule="move", key=key, settles=settles, scanned_at=told.at)
        case "delivered" if stage in ON_ITS_WAY:
            moves = _moves(parcel, ledger.TRAVELLING, ledger.DELIVERED)
            return e.Delivered(
                rule="deliver", key=key, settles=settles, delivered_at=told.at, moves=moves
            )
        case "exception" if stage in ("handed_over", "in_transit") and parcel.number:
            return e.DeliveryFailed(rule="fail", key=key, settles=settles, detail=detail)
        case "returned" if stage in ON_ITS_WAY:
            moves = _moves(parcel, ledger.TRAVELLING, ledger.RETURNED)
            return e.Returned(rule="return", key=key, settles=settles, detail=detail, moves=moves)
        case "lost" if stage in ON_ITS_WAY:
            moves = _moves(parcel, ledger.TRAVELLING, ledger.LOST)
            return e.Lost(rule="lose", key=key, settles=settles, detail=detail, moves=moves)
    return None


def _moves(parcel: Parcel, source: str, to: str) -> tuple[Move, ...]:
    return tuple(Move(at, quantity, source, to) for at, quantity in parcel.units)


def task_of(key: Key) -> str:
    """Return the id of the task about a parcel that does not arrive."""
    return f"parcel-{key}"


def _tell(work: Work, key: Key, event: e.OrderEvent, told: f.Tracked) -> None:
    """A parcel that does not arrive is a person's at once."""
    task_id = task_of(key)
    number = work.state.parcels[key].number if key in work.state.parcels else ""
    words = {
        e.DeliveryFailed: "the carrier reports an exception for",
        e.Returned: "the carrier returns",
        e.Lost: "the carrier has lost",
    }.get(type(event))
    if words is not None:
        detail = f": {told.detail}" if told.detail else ""
        said = f"{words} {key} ({number}){detail}"[:300]
        work.say(e.TaskOpened(rule="task", key=key, task_id=task_id, words=said))
    elif isinstance(event, e.InTransit | e.Delivered) and any(
        one.task_id == task_id for one in work.state.tasks
    ):
        work.say(e.TaskClosed(rule="task-done", task_id=task_id, person=BY_ITSELF))

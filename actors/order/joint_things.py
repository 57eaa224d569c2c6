"""Joint rules about things: what order and fulfilments make labels and parcels do, and back."""

from __future__ import annotations

from actors.documents.wanted import is_awaited
from actors.fulfilment.collect import amount_for, due_now
from actors.fulfilment.leaving import repacked
from actors.fulfilment.thing import (
    CONTENTS,
    HANDED_OVER,
    PACKED,
    PLANNED,
    RECALLED,
    RELEASED,
    RESERVED,
    SHORT,
    Fulfilment,
)
from actors.fulfilment.wanted import NO_STOCK, SENT
from actors.kernel import ledger
from actors.label.thing import BOUGHT, SKIPPED, WANTED, Label
from actors.order.differs import NOTED, facets_named
from actors.order.reading import (
    is_held,
    is_in_use,
    is_kept_from_picking,
    is_labelled_by_us,
    is_open,
    is_reserved,
    is_unused,
    parcels_of,
    place_of,
    tracking_lane,
)
from actors.order.state import State
from actors.order.work import Work
from actors.parcel.table import ENDS, ON_ITS_WAY
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.base import Move
from schemas.order.money import decimal_text
from schemas.order.things import LABEL, PARCEL, Key

INSIDE = (PLANNED, SHORT, RESERVED, RELEASED, "picked", PACKED)
AT_WORK = (RELEASED, "picked", PACKED)

MAKING = frozenset({f.tag_of(f.ReserveStock), f.tag_of(f.CreateTask)})
"""What a fulfilment that shall be stopped need not have any more."""


def cancel_stops(work: Work) -> e.OrderEvent | None:
    """A cancelled order stops every fulfilment of which not everything has left."""
    state = work.state
    if state.cancel is None or state.stage != "accepted":
        return None
    for key, thing in state.fulfilments.items():
        if thing.stage in INSIDE and not thing.stop and not thing.fixed:
            return e.Stopped(rule="stop", key=key, why="cancelled")
    return None


def undo_label(work: Work) -> e.OrderEvent | None:
    """A label of a fulfilment that is undone, or of parcels that have another, is not wanted."""
    state = work.state
    for key, label in state.labels.items():
        if label.stop or label.stage not in (WANTED, BOUGHT, SKIPPED):
            continue
        thing = state.fulfilments.get(label.fulfilment)
        if (
            thing is None
            or thing.stage in ("cancelled", RECALLED)
            or (thing.stop and not thing.is_tasked)
        ):
            late = label.stage == BOUGHT and not _is_used(state, key, label)
            if late or is_unused(state, label) or _came_too_late(state, key, label):
                return e.LabelStopped(rule="stop", key=key, why="its fulfilment is undone")
        elif label.stage != SKIPPED and (
            not _is_used(state, key, label) or _came_too_late(state, key, label)
        ):
            return e.LabelStopped(rule="stop", key=key, why="its parcels do not need it")
    return None


def drop_label(work: Work) -> e.OrderEvent | None:
    """A label that is not wanted any more and was never bought ends."""
    state = work.state
    for key, label in state.labels.items():
        idle = label.stage in (WANTED, SKIPPED) and label.stop and not is_open(state, key)
        if idle and not work.is_doubtful(key):
            return e.LabelDropped(rule="drop", key=key)
    return None


def used_label(work: Work) -> e.OrderEvent | None:
    """A label under which a parcel has left is good for its way, and is not voided any more."""
    state = work.state
    for key, label in state.labels.items():
        wished = label.stage == BOUGHT and label.stop and not is_open(state, key)
        if wished and is_in_use(state, key, label) and not work.is_doubtful(key):
            return e.LabelStopDropped(rule="go-on", key=key)
    return None


def want_label(work: Work) -> e.OrderEvent | None:
    """Packed parcels need a label where we buy them."""
    state = work.state
    for key, thing in state.fulfilments.items():
        setup = work.context.setup
        if thing.stage != PACKED or thing.stop or not is_labelled_by_us(thing, setup):
            continue
        bare = tuple(
            k
            for k, x in parcels_of(state, key)
            if x.stage == PACKED and not x.label and not x.number
        )
        if bare:
            return e.LabelWanted(
                rule="want",
                key=work.next(LABEL),
                fulfilment=key,
                parcels=bare,
                lane=place_of(setup, thing.place).carrier,
            )
    return None


def digital(work: Work) -> e.OrderEvent | None:
    """What does not travel is fulfilled as soon as the order is accepted and nothing holds it."""
    for key, thing in work.state.fulfilments.items():
        waits = thing.stop or is_held(work.state, key)
        if thing.delivery == "digital" and thing.stage == PLANNED and not waits:
            return fulfilled(work, key, thing, task_id="")
    return None


def fulfilled(work: Work, key: Key, thing: Fulfilment, task_id: str) -> e.Fulfilled:
    """Return that the customer has all that is left of a fulfilment, packed or not."""
    packed = [x.units for _, x in parcels_of(work.state, key) if x.stage == PACKED]
    sums = dict(thing.left)
    for parts in packed:
        for at, quantity in parts:
            sums[at] = sums.get(at, 0) - quantity
    loose = tuple((at, quantity) for at, quantity in sums.items() if quantity > 0)
    new = (e.NewParcel(key=work.next(PARCEL), units=loose),) if loose else ()
    moves = tuple(Move(at, q, ledger.ALLOCATED, ledger.FULFILLED) for at, q in thing.left)
    return e.Fulfilled(rule="fulfil", key=key, parcels=new, task_id=task_id, moves=moves)


def by_hand(work: Work) -> e.OrderEvent | None:
    """Where no warehouse takes tasks, a person packs, and collects what no carrier of ours does."""
    state, setup = work.state, work.context.setup
    for key, thing in () if is_awaited(state, setup) else state.fulfilments.items():
        if (
            thing.stage in (PLANNED, RESERVED)
            and not thing.stop
            and thing.delivery not in NO_STOCK
            and is_reserved(thing, setup)
            and not place_of(setup, thing.place).warehouse
            and not is_kept_from_picking(state, key, setup)
        ):
            collect = 0
            if setup.collected and not is_labelled_by_us(thing, setup):
                collect, _ = amount_for(state, key, thing, work.order, work.context)
            return e.LeftToPerson(rule="by-hand", key=key, collect_minor=collect)
    return None


def pack_task(work: Work) -> e.OrderEvent | None:
    """The person is told exactly what to pack, and what to collect."""
    state = work.state
    for key, thing in state.fulfilments.items():
        task_id = f"pack-{key}"
        if (
            thing.person
            and thing.stage == RELEASED
            and not thing.stop
            and not any(one.task_id == task_id for one in state.tasks)
        ):
            words = f"pack and send from {thing.place}: {told(state, thing)}"
            if changed := facets_named(state.revised):
                words += f"; {changed} changed since the order came"
            if thing.collect and not is_labelled_by_us(thing, work.context.setup):
                currency = due_now(state, work.order, work.context)[1] or state.currency
                words += f"; collect {decimal_text(thing.collect, currency)} {currency} with it"
            return e.TaskOpened(rule="task", key=key, task_id=task_id, words=words)
    return None


def pack_task_done(work: Work) -> e.OrderEvent | None:
    """What was packed or stopped, or what a warehouse packs or tells after all, needs no one any
    more."""
    for task in work.state.tasks:
        if task.task_id.startswith(CONTENTS):
            thing = work.state.fulfilments.get(task.key)
            if thing is None or not thing.untold:
                return e.TaskClosed(rule="task-done", task_id=task.task_id, person="the service")
        if task.task_id.startswith(NOTED):
            thing = work.state.fulfilments.get(task.key)
            if thing is None or thing.stop or not (thing.is_begun and thing.left):
                return e.TaskClosed(rule="task-done", task_id=task.task_id, person="the service")
        if task.task_id.startswith("pack-"):
            thing = work.state.fulfilments.get(task.key)
            waits = thing is not None and thing.stage in (RELEASED, "picked") and thing.person
            if thing is None or not waits or thing.stop:
                return e.TaskClosed(rule="task-done", task_id=task.task_id, person="the service")
    return None


def told(state: State, thing: Fulfilment) -> str:
    """Name units in words."""
    names = [f"{quantity} × {state.lines[at].sku}" for at, quantity in thing.left[:8]]
    return ", ".join(names) + (" and more" if len(thing.left) > len(names) else "")


def recall(work: Work) -> e.OrderEvent | None:
    """A fulfilment that shall be stopped, and on which no warehouse works, is not worked on."""
    state = work.state
    for key, thing in state.fulfilments.items():
        if (
            thing.stop
            and not thing.is_tasked
            and thing.stage in AT_WORK
            and not _is_busy(work, key)
        ):
            return recalled(state, key)
    return None


def recalled(
    state: State, key: Key, *, settles: int = 0, detail: str = "", by: str = ""
) -> e.TaskCancelled:
    """Return that no one works on a fulfilment any more; what is packed is unpacked."""
    unpacked = tuple(k for k, x in parcels_of(state, key) if x.stage == PACKED)
    twice = state.fulfilments[key].stage == RECALLED
    return e.TaskCancelled(
        rule="recall-twice" if twice else "recall",
        key=key,
        settles=settles,
        unpacked=unpacked,
        detail=detail,
        by=by,
    )


def undone(work: Work) -> e.OrderEvent | None:
    """A fulfilment of which nothing is left to undo, or that is empty, ends; what left goes on."""
    state = work.state
    for key, thing in state.fulfilments.items():
        stopped = thing.stop and thing.stage in (PLANNED, SHORT, RESERVED, RECALLED)
        empty = not thing.left and not thing.gives_back and _is_idle(state, key, thing)
        if (thing.stop and thing.stock) or not (stopped or empty):
            continue
        if thing.untold:
            continue  # it is not known yet what has left of it
        if _is_busy(work, key) or has_live_label(state, key):
            continue
        moves = tuple(Move(at, q, ledger.ALLOCATED, ledger.OPEN) for at, q in thing.left)
        if any(x.stage in SENT for _, x in parcels_of(state, key)):
            return e.RestSettled(rule="rest", key=key, moves=moves)
        return e.FulfilmentCancelled(rule="cancelled", key=key, moves=moves)
    return None


def _is_idle(state: State, key: Key, thing: Fulfilment) -> bool:
    """Whether a fulfilment without units has no one working on it, or no one who could stop."""
    if thing.stage in (PLANNED, SHORT, RESERVED):
        return True
    if any(x.stage == PACKED for _, x in parcels_of(state, key)):
        return False
    return thing.stage == PACKED or (
        thing.stage in AT_WORK and (thing.fixed or not thing.is_tasked)
    )


def empty_task(work: Work) -> e.OrderEvent | None:
    """A warehouse that works on nothing any more stops."""
    for key, thing in work.state.fulfilments.items():
        if (
            thing.stage in (RELEASED, "picked")
            and thing.is_tasked
            and not (thing.left or thing.stop or thing.fixed)
            and not is_open(work.state, key)
        ):
            return e.Stopped(rule="stop", key=key, why="changed")
    return None


def rest(work: Work) -> e.OrderEvent | None:
    """A fulfilment of which everything that will leave has left is handed over."""
    state = work.state
    for key, thing in state.fulfilments.items():
        if thing.untold:
            continue  # it is not known yet what has left of it
        if thing.stage in INSIDE and not thing.left and not thing.stop and not thing.more:
            stages = {x.stage for _, x in parcels_of(state, key)}
            if stages & SENT and PACKED not in stages:
                return e.RestSettled(rule="rest", key=key)
        stays = repacked(state, key, thing)
        if stays and not (thing.left or thing.stop):
            return e.RestSettled(rule="rest", key=key, unpacked=stays)
    return None


def untracked(work: Work) -> e.OrderEvent | None:
    """A parcel that left and of which no carrier of ours can tell is as good as there; what was
    picked up and has left, or is said to be with him, the customer has."""
    state = work.state
    for key, one in state.parcels.items():
        label = state.labels.get(one.label)  # type: ignore[call-overload]  # a key or ""
        if label is not None and label.stage == WANTED:
            continue
        thing = state.fulfilments.get(one.fulfilment)
        way = thing.delivery if thing is not None else ""
        has = way == "pickup" or (thing is not None and thing.collected)
        if one.stage == HANDED_OVER and has:
            moves = _arrives(state, one.units, ledger.DELIVERED)
            return e.Delivered(rule="deliver", key=key, moves=moves)
        if way == "local_delivery":
            continue  # its warehouse reports when the customer has it
        if one.stage in ON_ITS_WAY and not tracking_lane(state, one, work.context.setup):
            moves = _arrives(state, one.units, ledger.FULFILLED)
            return e.Untracked(rule="untracked", key=key, moves=moves)
    return None


def _arrives(state: State, units: tuple[tuple[int, int], ...], to: str) -> tuple[Move, ...]:
    return tuple(Move(at, quantity, ledger.TRAVELLING, to) for at, quantity in units)


def done(work: Work) -> e.OrderEvent | None:
    """A fulfilment is done when its parcels are, and the storefront knows of them."""
    state = work.state
    told = not work.context.setup.storefront
    for key, thing in state.fulfilments.items():
        if thing.stage != HANDED_OVER or thing.gives_back or _is_busy(work, key):
            continue
        if has_live_label(state, key) or any(x.key == key for x in state.tasks):
            continue
        if all(x.stage in ENDS and (x.shown or told or x.stage == "unpacked")
               for _, x in parcels_of(state, key)):  # fmt: skip
            return e.FulfilmentDone(rule="done", key=key)
    return None


def has_live_label(state: State, key: Key) -> bool:
    """Whether a label of a fulfilment still has to be bought or voided."""
    return any(
        x.fulfilment == key
        and (x.stage == WANTED or (x.stage == BOUGHT and (x.stop or _is_left_over(state, x))))
        for x in state.labels.values()
    )


def _is_left_over(state: State, label: Label) -> bool:
    """Whether a parcel of a label was unpacked, and nothing has left under it."""
    stages = [state.parcels[k].stage for k in label.parcels if k in state.parcels]
    return "unpacked" in stages and is_unused(state, label) and not _has_left_under(state, label)


def _is_busy(work: Work, key: Key) -> bool:
    """Whether a fulfilment waits for an answer, or for a person who must say how one ended."""
    stuck = work.state.stuck
    unsaid = any(x.key == key and not (x.outcome_known and x.kind in MAKING) for x in stuck)
    return unsaid or is_open(work.state, key)


def _came_too_late(state: State, key: Key, label: Label) -> bool:
    """Whether a label was surely not bought before its parcels left without it."""
    if label.stage != WANTED or is_open(state, key) or any(x.key == key for x in state.stuck):
        return False
    if any(x.key == key and not x.known for x in state.lost):
        return False
    return not any(k in state.parcels and state.parcels[k].stage == PACKED for k in label.parcels)


def _is_used(state: State, key: Key, label: Label) -> bool:
    """Whether a parcel has this label, or waits for it."""
    return any(
        k in state.parcels
        and state.parcels[k].label == key
        and (label.stage == WANTED or state.parcels[k].number in label.numbers)
        and (state.parcels[k].stage != "unpacked" or _has_left_under(state, label))
        for k in label.parcels
    )


def _has_left_under(state: State, label: Label) -> bool:
    """Whether another parcel has left under a label: what its own one held was packed again."""
    left = (x for _, x in parcels_of(state, label.fulfilment) if x.stage in SENT)
    return any(x.number in label.numbers for x in left)

"""How a fulfilment follows from events."""

from __future__ import annotations

from typing import Any

from actors.fulfilment.heard import hear
from actors.fulfilment.parts import minus, plus, units_of, within
from actors.fulfilment.remitted import remitted
from actors.fulfilment.table import TABLE
from actors.fulfilment.thing import CANCELLED, DONE, Fulfilment
from actors.fulfilment.tombstone import bury
from actors.order.draft import Draft
from schemas.messages import events as e
from schemas.messages.base import Parts
from schemas.messages.effects import CreateTask, ReserveStock, tag_of
from schemas.messages.fulfilment_events import Untold
from schemas.order.things import Key

FIELD = "fulfilments"

_TASK, _RESERVE = tag_of(CreateTask), tag_of(ReserveStock)

SHORT_PICK = "short-pick-"
"""How the hold begins that asks a person about a short pick."""


def _at(draft: Draft, event: e.Event) -> Fulfilment:
    """Return the fulfilment that an event is about, also one of which a tombstone was left."""
    found: Fulfilment | None = draft.get(FIELD).get(event.key)
    if found is not None:
        return found
    gone = draft.get("ended").get(event.key)
    assert gone is not None, f"There is no {event.key}."
    del draft.things("ended")[event.key]
    # Of some of its parcels more may be kept, because a carrier may still tell something.
    mine = tuple(key for key, one in draft.get("parcels").items() if one.fulfilment == event.key)
    found = Fulfilment(
        stage=gone.stage, place="", delivery="parcel", outside=gone.ids, parcels=mine
    )
    draft.things(FIELD)[event.key] = found
    return found


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing = _at(draft, event)
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _planned(draft: Draft, event: e.FulfilmentPlanned | e.FulfilmentBackordered) -> None:
    draft.put(
        FIELD,
        event.key,
        Fulfilment(
            stage=TABLE.to("", type(event)),
            place=event.place,
            delivery=event.delivery,
            left=units_of(event, "open", "allocated"),
        ),
    )


def _reserved(draft: Draft, event: e.StockReserved) -> None:
    thing = _at(draft, event)
    stop = thing.stop or ("cancelled" if thing.stage == CANCELLED else "")
    _move(draft, event, stock=True, tries=0, stop=stop)


def _replanned(draft: Draft, event: e.StockReplanned | e.Backordered) -> None:
    thing = _at(draft, event)
    free = thing.free if thing.stock else ()
    if thing.stage != "planned":
        _move(draft, event, free=free)
        return
    left = minus(thing.left, units_of(event, "allocated", "open"))
    place = event.place if isinstance(event, e.StockReplanned) else thing.place
    _move(draft, event, place=place, left=left, free=free, tries=thing.tries + 1)


def _tried_again(draft: Draft, event: e.StockTriedAgain) -> None:
    _move(draft, event, place=event.place, tries=0, lapsed=False)


def _expired(draft: Draft, event: e.ReservationExpired) -> None:
    _move(draft, event, lapsed=True)


def _freed(draft: Draft, key: Key, thing: Fulfilment, units: Parts) -> Parts:
    """Return what is reserved and no longer wanted once these units are not; also of a reservation
    that may exist, of which the answer comes later."""
    is_held = thing.stock or draft.may_be_done(key, _RESERVE)
    return plus(thing.free, units) if is_held else ()


def _released_stock(draft: Draft, event: e.StockReleased) -> None:
    thing = _at(draft, event)
    if event.units:
        _move(draft, event, free=minus(thing.free, event.units))
    else:
        _move(draft, event, stock=False, free=())
    if thing.stage == DONE:
        bury(draft, event.key, thing)


def _task_taken(draft: Draft, event: e.TaskTaken) -> None:
    thing = _at(draft, event)
    stop = thing.stop or ("cancelled" if thing.stage == CANCELLED else "")
    # A report said before that the task is cancelled, and it still is.
    task = "" if thing.stage == "recalled" else event.task_id
    _move(draft, event, task=task, stop=stop, person=False)


def _by_hand(draft: Draft, event: e.LeftToPerson) -> None:
    collect = event.collect_minor
    if collect < 0:
        collect = _at(draft, event).collect
    # Told as a warehouse is: what changes later is another task.
    _move(draft, event, person=True, collect=collect, told=draft.get("task"))


def _picked(draft: Draft, event: e.Picked) -> None:
    thing = _at(draft, event)
    heard = hear(thing.heard, event.sequence)
    _move(draft, event, task=event.task_id or thing.task, heard=heard)


def _short_picked(draft: Draft, event: e.ShortPicked) -> None:
    thing = _at(draft, event)
    heard = hear(thing.heard, event.sequence)
    _move(draft, event, task=event.task_id or thing.task, missing=event.missing, heard=heard)


def _short_settled(draft: Draft, event: e.ShortSettled) -> None:
    thing = _at(draft, event)
    less = units_of(event, "allocated", "open")
    free = _freed(draft, event.key, thing, less)
    _move(draft, event, missing=(), left=minus(thing.left, less), free=free)


def _packed(draft: Draft, event: e.Packed | e.PartPacked) -> None:
    thing = _at(draft, event)
    changes: dict[str, Any] = {"more": False, "last": 0}
    if isinstance(event, e.PartPacked):
        changes = {"more": True, "last": event.sequence if event.last else thing.last}
    heard = hear(thing.heard, event.sequence)
    _move(draft, event, task=event.task_id or thing.task, heard=heard, **changes)


def _handed_over(draft: Draft, event: e.HandedOver | e.PartHandedOver) -> None:
    thing = _at(draft, event)
    gone = units_of(event, "allocated", "travelling")
    changes: dict[str, Any] = {
        "left": minus(thing.left, gone),
        "heard": hear(thing.heard, event.sequence),
    }
    if isinstance(event, e.HandedOver):
        changes.update(_SETTLED, left=changes["left"])
        _unhold(draft, event.key)
    else:
        changes["missing"] = _still(draft, event.key, thing.missing, changes["left"])
        changes["untold"] = _still_untold(draft, event, thing)
    # What was recalled is not worked on, whatever is still found of it.
    task = "" if thing.stage == "recalled" else event.task_id or thing.task
    _move(draft, event, task=task, **changes)


def _still_untold(draft: Draft, event: e.PartHandedOver, thing: Fulfilment) -> tuple[Untold, ...]:
    """Return the parcels of which still no one told what they hold."""
    if not thing.untold:
        return ()
    parcels = draft.get("parcels")
    told = {"", *(parcels[k].parcel_id for k in event.left if k in parcels)}
    told |= {one.parcel_id for one in event.parcels}
    return tuple(one for one in thing.untold if one.parcel_id not in told)


def _packed_anyway(draft: Draft, event: e.PackedAnyway) -> None:
    thing = draft.get(FIELD).get(event.key)
    if thing is not None:
        _move(draft, event, heard=hear(thing.heard, event.sequence))
    else:  # its tombstone stays one
        TABLE.to(draft.get("ended")[event.key].stage, type(event))


def _contents_awaited(draft: Draft, event: e.ContentsAwaited) -> None:
    thing = _at(draft, event)
    unnamed = any(one.parcel_id == "" for one in event.parcels)
    by = event.sequence if unnamed else thing.untold_by
    known = {one.parcel_id for one in thing.untold}
    fresh = (one for one in event.parcels if one.parcel_id not in known)
    untold = (*thing.untold, *fresh) if event.parcels else ()
    collected = thing.collected or event.collected
    _move(draft, event, untold=untold, untold_by=by if untold else 0, collected=collected)


def _fulfilled(draft: Draft, event: e.Fulfilled) -> None:
    thing = _at(draft, event)
    gone = units_of(event, "allocated", "fulfilled")
    left = minus(thing.left, gone)
    _move(
        draft,
        event,
        task=event.task_id or thing.task,
        **{**_SETTLED, "left": left},
    )
    _unhold(draft, event.key)


def _published(draft: Draft, event: e.Published) -> None:
    thing = _at(draft, event)
    outside = tuple(dict.fromkeys((*thing.outside, *event.outside_ids)))
    _move(draft, event, outside=outside)
    for key in event.parcels:
        if key in draft.get("parcels"):
            draft.change("parcels", key, shown=True)
    thing = _at(draft, event)
    if thing.stage == DONE:
        bury(draft, event.key, thing)


def _matched(draft: Draft, event: e.OutsideMatched) -> None:
    thing = _at(draft, event)
    _move(draft, event, outside=(*thing.outside, event.outside_id))


def _shrunk(draft: Draft, event: e.Shrunk) -> None:
    thing = _at(draft, event)
    free = _freed(draft, event.key, thing, event.units)
    left = minus(thing.left, event.units)
    missing = _still(draft, event.key, thing.missing, left, minus(thing.missing, event.units))
    _move(draft, event, left=left, free=free, missing=missing)


def _stopped(draft: Draft, event: e.Stopped) -> None:
    _move(draft, event, stop=event.why)
    stuck = draft.get("stuck")
    if any(one.key == event.key and one.refused for one in stuck):
        # What was refused was not done, and is not wanted any more.
        draft.set(stuck=tuple(one for one in stuck if one.key != event.key or not one.refused))


def _cancel_asked(draft: Draft, event: e.CancelAsked) -> None:
    ceased = event.ceased or _at(draft, event).ceased
    _move(draft, event, asked=True, ceased=ceased)


def _renewed(draft: Draft, event: e.Renewed) -> None:
    _move(draft, event, stop="again")


def _cancelled_task(draft: Draft, event: e.TaskCancelled) -> None:
    thing = _at(draft, event)
    _move(
        draft,
        event,
        task="",
        asked=False,
        missing=_still(draft, event.key, thing.missing, ()),
        more=False,
        last=0,
        ceased=False,
        stop=thing.stop or "declined",
    )


def _unhold(draft: Draft, key: Key) -> None:
    """Nothing of it is here any more that could be held."""
    draft.set(holds=tuple(one for one in draft.get("holds") if one.key != key))


def _still(draft: Draft, key: Key, missing: Parts, left: Parts, now: Parts | None = None) -> Parts:
    """Return what is still missing of what was (`now`: at most that); of nothing no one has to
    decide."""
    rest = within(missing if now is None else now, left)
    if missing and not rest:
        draft.set(
            holds=tuple(
                one
                for one in draft.get("holds")
                if one.key != key or not one.hold_id.startswith(SHORT_PICK)
            )
        )
    return rest


_SETTLED: dict[str, Any] = {
    "left": (), "missing": (), "stop": "", "asked": False, "more": False, "untold": (),
    "last": 0, "ceased": False,
}  # fmt: skip
"""What is not open any more of a fulfilment of which nothing more leaves."""


def _rest_settled(draft: Draft, event: e.RestSettled) -> None:
    _unhold(draft, event.key)
    thing = _at(draft, event)
    # What was reserved is given back before, unless that is not known yet.
    rest = () if thing.stock else units_of(event, "allocated", "open")
    _move(draft, event, free=_freed(draft, event.key, thing, rest), **_SETTLED)


def _cancelled(draft: Draft, event: e.FulfilmentCancelled) -> None:
    thing = _at(draft, event)
    _move(draft, event, task="", free=(), **_SETTLED)
    draft.forget(event.key)
    bury(draft, event.key, thing)


def _done(draft: Draft, event: e.FulfilmentDone) -> None:
    thing = _at(draft, event)
    _move(draft, event)
    if thing.collect:
        amount = remitted(draft.get("parcels"), event.key, thing)
        name = "collected" if amount else "uncollected"
        draft.set(**{name: draft.get(name) + thing.collect})
    draft.forget(event.key)
    bury(draft, event.key, thing)


def _stays(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def intended(draft: Draft, intent: e.Intent) -> None:
    """A task that is asked for says what the order says now, unless it may be there already."""
    if intent.kind == _TASK and not draft.may_exist(intent):
        amount, told = int(intent.note or 0), draft.get("task")
        changes = {"lane": intent.lane, "told": told, "collect": amount, "tasked": amount}
        draft.change(FIELD, intent.key, **changes)
    if intent.kind == _RESERVE and not draft.get(FIELD)[intent.key].stock:
        draft.change(FIELD, intent.key, free=())  # it is asked for what is wanted now


FOLDS: dict[type[e.Event], Any] = {
    e.FulfilmentPlanned: _planned,
    e.FulfilmentBackordered: _planned,
    e.StockReserved: _reserved,
    e.StockGranted: _stays,
    e.StockReplanned: _replanned,
    e.Backordered: _replanned,
    e.StockTriedAgain: _tried_again,
    e.ReservationExpired: _expired,
    e.StockReleased: _released_stock,
    e.TaskTaken: _task_taken,
    e.LeftToPerson: _by_hand,
    e.Picked: _picked,
    e.ShortPicked: _short_picked,
    e.ShortSettled: _short_settled,
    e.Packed: _packed,
    e.PartPacked: _packed,
    e.PackedAnyway: _packed_anyway,
    e.HandedOver: _handed_over,
    e.PartHandedOver: _handed_over,
    e.ContentsAwaited: _contents_awaited,
    e.Fulfilled: _fulfilled,
    e.Published: _published,
    e.ReadyTold: lambda draft, event: _move(draft, event, ready=True),
    e.OutsideMatched: _matched,
    e.Shrunk: _shrunk,
    e.Stopped: _stopped,
    e.StopDropped: lambda draft, event: _move(draft, event, stop="", asked=False, fixed=True),
    e.CancelAsked: _cancel_asked,
    e.TaskCancelled: _cancelled_task,
    e.RestSettled: _rest_settled,
    e.FulfilmentCancelled: _cancelled,
    e.FulfilmentDone: _done,
}
"""What each event of a fulfilment does to it."""

SHARED: dict[type[e.Event], Any] = {
    e.Held: _stays,
    e.HoldReleased: _stays,
    e.TaskOpened: _stays,
    e.GivenToPerson: _stays,
    e.AnswerNoted: _stays,
    e.Retried: _stays,
    e.Renewed: _renewed,
    e.Skipped: _stays,
    e.Overdue: _stays,
}
"""What events that any thing may have do to a fulfilment."""

"""How a parcel follows from events, its own and its fulfilment's."""

from __future__ import annotations

from typing import Any

from actors.fulfilment.tombstone import box_id
from actors.order.draft import Draft
from actors.order.state import Ended
from actors.parcel.table import TABLE
from actors.parcel.thing import Parcel
from schemas.messages import events as e
from schemas.order.things import Key

FIELD = "parcels"
MAX_OTHERS = 10
"""Numbers that are remembered of one parcel beside its own."""


def move(draft: Draft, key: Key, event: e.Event, **changes: Any) -> None:
    """Let a parcel follow an event. One that only its tombstone was left of stays there."""
    thing: Parcel | None = draft.get(FIELD).get(key)
    if thing is not None:
        draft.change(FIELD, key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    move(draft, event.key, event)


def _new(draft: Draft, event: Any) -> None:
    if not event.parcels:
        return
    mine = draft.get("fulfilments")[event.key].parcels
    keys = (*mine, *(one.key for one in event.parcels))
    draft.change("fulfilments", event.key, parcels=keys)
    for one in event.parcels:
        draft.put(
            FIELD,
            one.key,
            Parcel(
                stage=TABLE.to("", type(event)),
                fulfilment=event.key,
                units=one.units,
                parcel_id=one.parcel_id,
                size=(one.weight_grams, one.length_mm, one.width_mm, one.height_mm),
                carrier=one.carrier,
                number=one.tracking_number,
                instead=one.instead,
                sequence=getattr(event, "sequence", 0),
                codes=one.codes,
                numbered=getattr(event, "sequence", 0) if one.tracking_number else 0,
            ),
        )


def _packed_anyway(draft: Draft, event: e.PackedAnyway) -> None:
    """Of a fulfilment of which only a tombstone is left, its parcels are tombstones, too."""
    if event.key in draft.get("fulfilments"):
        _new(draft, event)
        return
    for one in event.parcels:
        ids = tuple(x for x in (one.tracking_number, box_id(event.key, one.parcel_id)) if x)
        draft.put("ended", one.key, Ended(TABLE.to("", type(event)), ids, one.units))


def _handed_over(draft: Draft, event: e.HandedOver | e.PartHandedOver) -> None:
    new = {one.key for one in event.parcels}
    _new(draft, event)
    numbers = {one.parcel: one for one in event.numbers}
    for key in event.left:
        if key not in new:
            told = numbers.get(key)
            if told is None:
                move(draft, key, event)
            else:
                number, carrier = told.tracking_number, told.carrier
                at = _numbered_at(draft, key, event.sequence)
                move(draft, key, event, carrier=carrier, number=number, label="", numbered=at)


def _fulfilled(draft: Draft, event: e.Fulfilled) -> None:
    _new(draft, event)
    for key, one in tuple(draft.get(FIELD).items()):
        if one.fulfilment == event.key and one.stage == "packed":
            move(draft, key, event)


def _unpacked(draft: Draft, event: e.TaskCancelled | e.RestSettled) -> None:
    for key in event.unpacked:
        move(draft, key, event)


def _codes_entered(draft: Draft, event: e.CodesEntered) -> None:
    thing: Parcel | None = draft.get(FIELD).get(event.key)
    if thing is not None:
        move(
            draft, event.key, event, codes=tuple({**dict(thing.codes), **dict(event.codes)}.items())
        )


def _numbered(draft: Draft, event: e.Numbered) -> None:
    number, carrier = event.tracking_number, event.carrier
    at = _numbered_at(draft, event.key, event.sequence)
    if event.waits:
        move(draft, event.key, event, late=(carrier, number), numbered=at)
    else:
        move(draft, event.key, event, carrier=carrier, number=number, numbered=at, late=())


def _number_noted(draft: Draft, event: e.NumberNoted) -> None:
    thing: Parcel | None = draft.get(FIELD).get(event.key)
    gone: Ended | None = draft.get("ended").get(event.key)
    if thing is not None:
        others = (*thing.others, event.tracking_number)[-MAX_OTHERS:]
        move(draft, event.key, event, others=others)
    elif gone is not None and len(gone.ids) < MAX_OTHERS:
        ids = (*gone.ids, event.tracking_number)
        draft.put("ended", event.key, Ended(gone.stage, ids, gone.units))


def _numbered_at(draft: Draft, key: Key, sequence: int) -> int:
    """Return the place of the latest report that told a parcel's number."""
    thing: Parcel | None = draft.get(FIELD).get(key)
    return max(sequence, thing.numbered) if thing is not None else sequence


def _asked(draft: Draft, event: e.Asked) -> None:
    move(draft, event.key, event, asked=True)


FOLDS: dict[type[e.Event], Any] = {
    e.Packed: _new,
    e.PartPacked: _new,
    e.PackedAnyway: _packed_anyway,
    e.HandedOver: _handed_over,
    e.PartHandedOver: _handed_over,
    e.Fulfilled: _fulfilled,
    e.TaskCancelled: _unpacked,
    e.RestSettled: _unpacked,
    e.CodesEntered: _codes_entered,
    e.Numbered: _numbered,
    e.Asked: _asked,
    e.Tracked: _moved,
    e.Followed: _moved,
    e.NumberNoted: _number_noted,
    e.InTransit: _moved,
    e.Delivered: _moved,
    e.DeliveryFailed: _moved,
    e.Returned: _moved,
    e.Lost: _moved,
    e.Untracked: _moved,
}
"""What each event does to the parcels it is about."""

SHARED: dict[type[e.Event], Any] = dict.fromkeys(
    (e.TaskOpened, e.GivenToPerson, e.AnswerNoted, e.Retried, e.Skipped, e.Overdue), _moved
)
"""What events that any thing may have do to a parcel."""

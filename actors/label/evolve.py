"""How a label follows from events."""

from __future__ import annotations

from typing import Any

from actors.label.table import TABLE
from actors.label.thing import BOUGHT, WANTED, Label
from actors.order.draft import Draft
from schemas.messages import events as e
from schemas.messages.effects import BuyLabel, tag_of

FIELD = "labels"

_BUY = tag_of(BuyLabel)


def _move(draft: Draft, event: e.Event, **changes: Any) -> None:
    thing: Label = draft.get(FIELD)[event.key]
    draft.change(FIELD, event.key, stage=TABLE.to(thing.stage, type(event)), **changes)


def _moved(draft: Draft, event: e.Event) -> None:
    _move(draft, event)


def _wanted(draft: Draft, event: e.LabelWanted) -> None:
    draft.put(
        FIELD,
        event.key,
        Label(
            stage=TABLE.to("", e.LabelWanted),
            fulfilment=event.fulfilment,
            parcels=event.parcels,
            lane=event.lane,
        ),
    )
    for key in event.parcels:
        draft.change("parcels", key, label=event.key)


def _bought(draft: Draft, event: e.LabelBought) -> None:
    thing: Label = draft.get(FIELD)[event.key]
    numbers = tuple(one.tracking_number for one in event.labels)
    _move(draft, event, shipment=event.shipment_id, numbers=numbers)
    _collects(draft, draft.get(FIELD)[event.key])
    for one in event.labels:
        parcel = draft.get("parcels").get(one.parcel)
        if parcel is None or parcel.number:
            continue
        if parcel.stage == "packed" or (
            parcel.stage == "handed_over" and parcel.label == event.key
        ):
            draft.change(
                "parcels",
                one.parcel,
                label=event.key,
                number=one.tracking_number,
                carrier=event.carrier,
                lane=thing.lane,
            )


def _ended(draft: Draft, event: e.Event) -> None:
    """A label that ended frees the parcels that are here for another one. What left under it is
    asked for by its number, until the carrier says that it is void."""
    _free(draft, event, ("packed", "unpacked"))


def _kept(draft: Draft, event: e.LabelKept) -> None:
    """A label that is not voided stays good for what left under it."""
    _free(draft, event, ("packed",))


def _free(draft: Draft, event: e.Event, stages: tuple[str, ...]) -> None:
    _move(draft, event)
    for key, parcel in tuple(draft.get("parcels").items()):
        if parcel.label == event.key and parcel.stage in stages:
            draft.change("parcels", key, label="", number="", carrier="", lane="")
    draft.forget(event.key)
    _collects(draft, draft.get(FIELD)[event.key])


def _skipped(draft: Draft, event: e.Skipped) -> None:
    _move(draft, event)
    _collects(draft, draft.get(FIELD)[event.key])


def _stopped(draft: Draft, event: e.LabelStopped) -> None:
    _move(draft, event, stop=True)


def _stop_dropped(draft: Draft, event: e.LabelStopDropped) -> None:
    _move(draft, event, stop=False)
    draft.forget(event.key)


def _collects(draft: Draft, thing: Label) -> None:
    """A fulfilment collects what its labels say together, and without one what its task says."""
    fulfilment = draft.get("fulfilments").get(thing.fulfilment)
    if fulfilment is None:
        return
    said = [
        one.collect
        for one in draft.get(FIELD).values()
        if one.fulfilment == thing.fulfilment and one.stage in (WANTED, BOUGHT)
    ]
    whole = sum(said) if said else fulfilment.tasked
    if whole != fulfilment.collect:
        draft.change("fulfilments", thing.fulfilment, collect=whole)


def intended(draft: Draft, intent: e.Intent) -> None:
    """A label that is bought says what the order says now, unless it may be bought already."""
    if intent.kind == _BUY and not draft.may_exist(intent):
        collect = int(intent.note or 0)
        draft.change(
            FIELD, intent.key, told=draft.get("address"), lane=intent.lane, collect=collect
        )
        _collects(draft, draft.get(FIELD)[intent.key])


FOLDS: dict[type[e.Event], Any] = {
    e.LabelWanted: _wanted,
    e.LabelBought: _bought,
    e.LabelStopped: _stopped,
    e.LabelStopDropped: _stop_dropped,
    e.LabelDropped: _ended,
    e.LabelVoided: _ended,
    e.LabelKept: _kept,
}
"""What each event of a label does to it."""

SHARED: dict[type[e.Event], Any] = {
    e.TaskOpened: _moved,
    e.GivenToPerson: _moved,
    e.AnswerNoted: _moved,
    e.Retried: _moved,
    e.Renewed: _ended,
    e.Skipped: _skipped,
}
"""What events that any thing may have do to a label."""

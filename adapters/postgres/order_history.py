"""What events tell of an order that its state does not keep: the contents of parcels that have
ended, and what happened out of the ordinary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from adapters.postgres.order_parts import EndedView, UnitView
from schemas.messages import events as e
from schemas.messages.codec import decode_event
from schemas.messages.effects import tag_of
from schemas.messages.words import Lines, event_words
from schemas.order.things import Key

PACKING = (
    e.Packed, e.PartPacked, e.PackedAnyway, e.HandedOver, e.PartHandedOver, e.Fulfilled,
)  # fmt: skip
"""Events that name the contents of new parcels."""

NOTABLE = (
    e.Changed, e.CancelRequested, e.CancelRefused, e.ShortSettled, e.ShippedElsewhere,
    e.NotElsewhere, e.Skipped,
    e.TaskClosed, e.ActionRefused, e.Duplicate, e.TakenOver, e.TwinCancelled, e.CodesEntered,
)  # fmt: skip
"""Events that an order of a normal life does not have, and that whoever answers its customer wants
to know: what was changed, cancelled, left out, settled by a person."""

TOLD = tuple(sorted(tag_of(kind) for kind in (*PACKING, *NOTABLE)))
"""Their tags."""

MAX_NOTABLE = 8
"""The newest that are shown; the timeline has all."""


class NotableRow(Struct, frozen=True, kw_only=True):
    """Something out of the ordinary that happened to an order, in words."""

    at: datetime
    key: Key
    words: str


class Told(Struct, frozen=True):
    """What events tell: notable ones, the newest last, and what each parcel of each fulfilment
    holds."""

    notable: tuple[NotableRow, ...]
    parcels: dict[Key, tuple[Key, tuple[UnitView, ...]]]


def told_by(rows: Iterable[tuple[bytes, datetime]], line_ids: Lines, skus: Lines) -> Told:
    """Read the events of TOLD, oldest first. `line_ids` and `skus` are the order's lines', by their
    place."""
    notable: list[NotableRow] = []
    parcels: dict[Key, tuple[Key, tuple[UnitView, ...]]] = {}
    for body, at in rows:
        event = decode_event(body)
        if isinstance(event, PACKING):
            for one in event.parcels:
                other = dict(one.instead)
                parcels[one.key] = (
                    event.key,
                    tuple(
                        UnitView(line_ids[place], other.get(place) or skus[place], quantity)
                        for place, quantity in one.units
                    ),
                )
        else:
            notable.append(NotableRow(at=at, key=event.key, words=event_words(event, skus)))
    return Told(tuple(notable[-MAX_NOTABLE:]), parcels)


def with_contents(ended: Iterable[EndedView], told: Told) -> tuple[EndedView, ...]:
    """Return tombstones with what their parcels held."""
    found = []
    for one in ended:
        fulfilment, units = told.parcels.get(one.key, ("", ()))
        found.append(
            EndedView(key=one.key, stage=one.stage, ids=one.ids, fulfilment=fulfilment, units=units)
        )
    return tuple(found)

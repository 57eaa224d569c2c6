"""Which events and states of messages other services are told of, and in which words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from adapters.kit.events import cloud_event
from adapters.postgres.facts import TellableEvent, TellableItem
from schemas.contracts.published import MESSAGE_FACT, ORDER_FACT
from schemas.contracts.refusals import REASONS
from schemas.messages import events as e
from schemas.messages.codec import decode_event
from schemas.messages.effects import tag_of
from schemas.messages.published_events import (
    FACT,
    FactParcel,
    MessageFact,
    MessageFactName,
    OrderFact,
    OrderFactName,
)
from schemas.order.ids import ref_token

# Any: each event type has fields of its own; the functions below take the one they are listed for.
Known = Callable[[Any, TellableEvent], Mapping[str, object]]


class Fact(Struct, frozen=True, kw_only=True):
    """A fact as it is published: its subject, its permanent id and its CloudEvent."""

    subject: str
    name: str
    body: bytes


def _nothing(event: Any, stored: TellableEvent) -> Mapping[str, object]:
    return {}


def _held(event: e.Held, stored: TellableEvent) -> Mapping[str, object]:
    return {"hold": event.hold_id, "reason": event.reason}


def _released(event: e.HoldReleased, stored: TellableEvent) -> Mapping[str, object]:
    return {"hold": event.hold_id, "reason": event.reason}


def _duplicate(event: e.Duplicate, stored: TellableEvent) -> Mapping[str, object]:
    # Which order of which channel that is, is not this channel's to know.
    return {"reason": "The same order came through another channel before."}


def _changed(event: e.Changed, stored: TellableEvent) -> Mapping[str, object]:
    return {"facets": event.facets, "total_minor": event.total_minor, "reason": event.reason}


def _refused(event: e.CancelRefused, stored: TellableEvent) -> Mapping[str, object]:
    return {"reason": "Too late: everything has left. A return is needed."}


def _shipped(event: e.HandedOver | e.PartHandedOver, stored: TellableEvent) -> Mapping[str, object]:
    known = parcels_of(stored.before)
    return {"fulfilment": event.key, "parcels": tuple(_parcel(key, known) for key in event.left)}


def _fulfilled(event: e.Fulfilled, stored: TellableEvent) -> Mapping[str, object]:
    known = parcels_of(stored.before)
    return {
        "fulfilment": event.key,
        "parcels": tuple(_parcel(parcel.key, known) for parcel in event.parcels),
    }


def _delivered(event: e.Delivered, stored: TellableEvent) -> Mapping[str, object]:
    return {"parcels": (_parcel(event.key, parcels_of(stored.before)),)}


def _returned(event: e.ReturnReceived, stored: TellableEvent) -> Mapping[str, object]:
    return {"returned": event.key}


_TOLD: Mapping[type[Struct], tuple[OrderFactName, Known]] = MappingProxyType(
    {
        e.Placed: ("placed", _nothing),
        e.Accepted: ("accepted", _nothing),
        e.Duplicate: ("duplicate", _duplicate),
        e.Held: ("held", _held),
        e.HoldReleased: ("released", _released),
        e.Changed: ("changed", _changed),
        e.CancelRefused: ("cancel_refused", _refused),
        e.Cancelled: ("cancelled", _nothing),
        e.HandedOver: ("shipped", _shipped),
        e.PartHandedOver: ("shipped", _shipped),
        e.Fulfilled: ("delivered", _fulfilled),
        e.Delivered: ("delivered", _delivered),
        e.ReturnReceived: ("returned", _returned),
    }
)
TYPES = tuple(tag_of(one) for one in _TOLD)
"""The stored types of events of which something is told."""

WITH_PARCELS = tuple(tag_of(one) for one in (e.HandedOver, e.PartHandedOver, e.Fulfilled))
WITH_PARCELS = (*WITH_PARCELS, tag_of(e.Delivered))
"""Those of which the parcels are told, with carrier and number."""

OF_PARCELS = tuple(
    tag_of(one)
    for one in (
        *(e.Packed, e.PartPacked, e.HandedOver, e.PartHandedOver, e.Fulfilled, e.LabelBought),
        e.Numbered,
    )
)
"""The stored types of events that say what others call a parcel."""

_STATES: Mapping[str, MessageFactName] = MappingProxyType(
    {"open": "quarantined", "released": "released", "discarded": "refused"}
)


def fact_of(stored: TellableEvent, own_url: str = "") -> Fact:
    """Return what is told of an event whose type is one of TYPES; others reach us at `own_url`.
    Raises msgspec.MsgspecError for one that this version can't read."""
    event = decode_event(stored.body)
    name, known = _TOLD[type(event)]
    scope = f"{stored.channel}/"
    told = OrderFact(
        fact=name,
        channel=stored.channel,
        ref=stored.ref,
        number=stored.number,
        order_id=stored.order_id,
        reference=stored.reference,
        sequence=stored.version,
        at=stored.at,
        messages=tuple(one for one in stored.inputs if one.startswith(scope)),
        **known(event, stored),  # type: ignore[arg-type]  # by field: the table says which
    )
    event_id = f"fact-{stored.reference}-{stored.version}"
    return _fact(event_id, stored, name, ORDER_FACT, stored.ref, told, own_url=own_url)


def fact_of_item(item: TellableItem, own_url: str = "") -> Fact:
    """Return what is told of an item of the quarantine."""
    name = _STATES[item.state]
    told = MessageFact(
        fact=name,
        channel=item.channel,
        kind=item.kind,
        ref=item.ref,
        message=item.delivery_id,
        item=item.id,
        reason=item.reason,
        words=REASONS.get(item.reason, ""),
        at=item.at,
    )
    # Its state may change back and forth, each time at another moment.
    marks = f"{item.attempt}-{int(item.at.timestamp() * 1_000_000)}"
    # The stream does not keep the reference of what another service published.
    subject = item.ref or item.delivery_id
    event_id = f"fact-item-{item.id}-{marks}"
    return _fact(event_id, item, name, MESSAGE_FACT, subject, told, own_url=own_url)


def parcels_of(before: tuple[bytes, ...]) -> dict[str, tuple[str, str]]:
    """Return carrier and tracking number of each parcel that these encoded events name."""
    found: dict[str, tuple[str, str]] = {}
    for body in before:
        event = decode_event(body)
        if isinstance(event, e.LabelBought):
            for label in event.labels:
                found[label.parcel] = (event.carrier, label.tracking_number)
            continue
        if isinstance(event, e.Numbered):
            found[event.key] = (event.carrier, event.tracking_number)
        if isinstance(event, e.HandedOver | e.PartHandedOver):
            for number in event.numbers:
                found[number.parcel] = (number.carrier, number.tracking_number)
        for parcel in getattr(event, "parcels", ()):
            if parcel.tracking_number:
                found[parcel.key] = (parcel.carrier, parcel.tracking_number)
    return found


def _parcel(key: str, known: Mapping[str, tuple[str, str]]) -> FactParcel:
    carrier, number = known.get(key, ("", ""))
    return FactParcel(parcel=key, carrier=carrier, tracking_number=number)


def _fact(
    name: str,
    of: TellableEvent | TellableItem,
    told: str,
    schema: str,
    ref: str,
    data: OrderFact | MessageFact,
    *,
    own_url: str,
) -> Fact:
    return Fact(
        subject=f"orders.out.{ref_token(of.channel)}.{FACT}.{told}",
        name=name,
        body=cloud_event(name, of.channel, schema, ref, of.at, data, own_url=own_url),
    )

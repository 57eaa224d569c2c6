"""Events of a label: one purchase for the parcels of a fulfilment."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Event
from schemas.order.things import Key


class ParcelLabel(Struct, frozen=True, array_like=True):
    """A parcel's tracking number, and the name of its stored image ("" when there is none)."""

    parcel: Key
    tracking_number: str
    document: str = ""


class LabelWanted(Event, frozen=True, kw_only=True, tag="label.wanted.v1"):
    """A label is to be bought for these parcels of a fulfilment, at the carrier `lane`."""

    fulfilment: Key
    parcels: tuple[Key, ...]
    lane: str


class LabelBought(Event, frozen=True, kw_only=True, tag="label.bought.v2"):
    """The carrier sold the shipment. `reprint_at` is where a person prints labels that were found
    without their images ("": they are there)."""

    shipment_id: str
    carrier: str
    labels: tuple[ParcelLabel, ...]
    service: str = ""
    charge_minor: int = 0
    charge_currency: str = ""
    reprint_at: str = ""


class LabelStopped(Event, frozen=True, kw_only=True, tag="label.stopped.v1"):
    """The label is not wanted any more, and is voided if it was bought: `why` in words."""

    why: str


class LabelStopDropped(Event, frozen=True, kw_only=True, tag="label.stop_dropped.v1"):
    """A parcel left under the label before it was voided: it stays good, and is not voided."""


class LabelDropped(Event, frozen=True, kw_only=True, tag="label.dropped.v1"):
    """The label was never bought, and is not wanted any more."""


class LabelVoided(Event, frozen=True, kw_only=True, tag="label.voided.v1"):
    """The carrier took the label back."""

    detail: str = ""


class LabelKept(Event, frozen=True, kw_only=True, tag="label.kept.v1"):
    """A person went on without voiding the label; it stays paid for."""

    person: str

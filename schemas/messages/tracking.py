"""What a carrier is asked of a parcel, and what it may answer. The unions are put together in
`schemas.messages.effects`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class TrackParcel(Struct, frozen=True, kw_only=True, tag="carrier.track.v2"):
    """Ask where one parcel is."""

    tracking_number: str


TrackStatus = Literal[
    "label_created", "in_transit", "delivered", "exception", "voided", "returned", "lost", "unknown"
]


class Tracked(Struct, frozen=True, kw_only=True, tag="carrier.tracked.v2"):
    """Where the parcel is. `at` is the carrier's own time of the last scan, as it writes it."""

    status: TrackStatus
    at: str = ""
    detail: str = ""

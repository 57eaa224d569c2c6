"""Events of a parcel on its way."""

from __future__ import annotations

from schemas.messages.base import Event


class CodesEntered(Event, frozen=True, kw_only=True, tag="parcel.codes_entered.v1"):
    """A person entered the codes of single pieces, by line: they replace what was told of these
    lines."""

    codes: tuple[tuple[int, tuple[str, ...]], ...]
    person: str
    reason: str = ""


class Asked(Event, frozen=True, kw_only=True, tag="parcel.asked.v2"):
    """The carrier is asked where the parcel is."""


class Tracked(Event, frozen=True, kw_only=True, tag="parcel.tracked.v2"):
    """The carrier answered; the status did not move the parcel on."""

    status: str
    detail: str = ""


class Numbered(Event, frozen=True, kw_only=True, tag="parcel.numbered.v1"):
    """The warehouse told the carrier and number of a parcel after the parcel itself, or others than
    before. `sequence` is the place of the report that told them, as in `Packed`. `waits`: the
    channel is being told of the parcel without, and how that ends is awaited before it counts."""

    carrier: str
    tracking_number: str
    sequence: int = 0
    waits: bool = False


class NumberNoted(Event, frozen=True, kw_only=True, tag="parcel.number_noted.v1"):
    """The warehouse told another number of a parcel that had left, or one of a parcel that had
    ended without. A person is told; it is noted, so that a repeat of the report says nothing."""

    tracking_number: str
    carrier: str = ""


class Followed(Event, frozen=True, kw_only=True, tag="parcel.followed.v1"):
    """The number of a parcel that had left came later, and a carrier of ours can tell by it where
    the parcel is."""


class InTransit(Event, frozen=True, kw_only=True, tag="parcel.in_transit.v1"):
    """The carrier moves the parcel."""

    scanned_at: str = ""


class Delivered(Event, frozen=True, kw_only=True, tag="parcel.delivered.v2"):
    """The parcel is with the customer."""

    delivered_at: str = ""


class DeliveryFailed(Event, frozen=True, kw_only=True, tag="parcel.delivery_failed.v1"):
    """The carrier reports an exception; it may still be delivered."""

    detail: str = ""


class Returned(Event, frozen=True, kw_only=True, tag="parcel.returned.v1"):
    """The parcel goes back to its sender."""

    detail: str = ""


class Lost(Event, frozen=True, kw_only=True, tag="parcel.lost.v1"):
    """The carrier does not find the parcel any more."""

    detail: str = ""


class Untracked(Event, frozen=True, kw_only=True, tag="parcel.untracked.v1"):
    """The parcel has left, and no carrier of ours tells when it arrives."""

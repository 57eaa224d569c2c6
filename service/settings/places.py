"""The settings of a place that goods leave from."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.kit.settings import Origin


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place that goods leave from. Without any of these tables, one warehouse and one carrier
    make one place, named `main`."""

    warehouse: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(
            description="The partner that packs there; empty: a person packs and reports. Left "
            "out: the only one there is."
        ),
    ] = None
    carrier: Annotated[
        Annotated[str, Meta(max_length=32)] | None,
        Meta(
            description="The partner that carries its parcels; empty: none. Left out: the only one "
            "there is."
        ),
    ] = None
    labels: Annotated[
        Literal["us", "them", "none"] | None,
        Meta(
            description="Who buys its labels: we do, its warehouse does, or no one. Left out: we "
            "do where there is a carrier, else a warehouse that is a 3PL does."
        ),
    ] = None
    ship_from: Annotated[
        Origin | None,
        Meta(description="Its address on labels; left out: the one in the carrier's settings."),
    ] = None
    parcel_cost_minor: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="What a parcel from there costs, in the smallest unit of one currency for "
            "all places; with any cost or time, allocation weighs the places (docs/stock.md).",
        ),
    ] = 0
    unit_cost_minor: Annotated[
        int, Meta(ge=0, le=1_000_000, description="What each unit of it costs beside that.")
    ] = 0
    counted_by: Annotated[
        str,
        Meta(
            max_length=32,
            description="The partner that is asked how much lies there, or that reports it, and "
            "whose figures are entered as counts (docs/stock.md). Empty: none.",
        ),
    ] = ""
    counted_every_minutes: Annotated[
        int,
        Meta(ge=1, le=10_080, description="How often `counted_by` is asked, if it is."),
    ] = 15
    counted_lag_hours: Annotated[
        Annotated[int, Meta(ge=0, le=720)] | None,
        Meta(
            description="How long it may take `counted_by` to take off what has left: what left "
            "within that time is taken off its figures. Left out: 24 for a partner that is asked, "
            "0 for a warehouse that reports what lies in it.",
        ),
    ] = None
    leaves_after_hours: Annotated[
        int, Meta(ge=0, le=2_400, description="How long goods usually take to leave it, in hours.")
    ] = 0


ASKED_LAG_HOURS = 24
"""An ERP learns of what left when someone posts it, often at the end of the day."""


def lag_of(place: Place, *, asked: bool) -> timedelta:
    """Return how far a count of the partner that counts a place may lie behind what has left it;
    `asked`: it is asked, and does not report by itself."""
    hours = place.counted_lag_hours
    usual = ASKED_LAG_HOURS if asked else 0
    return timedelta(hours=usual if hours is None else hours)

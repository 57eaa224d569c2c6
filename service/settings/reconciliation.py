"""Settings of reconciliation."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

_Hours = Annotated[float, Meta(ge=0, le=24 * 90)]


class Reconciliation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Comparing our books with the storefronts', the gateways' and the ERP's."""

    every_minutes: Annotated[
        int,
        Meta(
            ge=0,
            le=44_640,
            description="How often a run over the last `days` begins by itself; 0: never.",
        ),
    ] = 0
    days: Annotated[
        int,
        Meta(ge=1, le=92, description="How far back such a run goes: orders placed in these days."),
    ] = 3
    grace_hours: Annotated[
        _Hours,
        Meta(
            description="What is younger than this may still be on its way between the sides: it "
            "is not a difference yet."
        ),
    ] = 2.0
    settle_hours: Annotated[
        _Hours,
        Meta(description="How long a gateway may take until it shows a payment or a refund."),
    ] = 48.0
    payout_days: Annotated[
        _Hours,
        Meta(description="How many days a gateway may take until it pays out what it took."),
    ] = 10.0
    kept_days: Annotated[
        int,
        Meta(
            ge=7,
            le=3_650,
            description="How long runs are kept, and differences that are accepted or resolved; "
            "open ones stay.",
        ),
    ] = 400

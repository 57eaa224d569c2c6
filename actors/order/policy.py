"""How long an order may wait at each point. Every duration is in seconds.

The settings tree holds this very struct as `[policy]`: bounds, defaults and descriptions stand here
alone.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

DAY = 86_400.0

Wait = Annotated[float, Meta(ge=0.01, le=400 * DAY)]


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an order waits at each point before something is asked, tried again or alarmed."""

    place_due_seconds: Annotated[
        Wait, Meta(description="For the order itself, when its payment came first; then an alarm.")
    ] = 600.0
    payment_due_seconds: Annotated[
        Wait, Meta(description="For the payment of a placed order, before an alarm.")
    ] = 3 * DAY
    stock_due_seconds: Annotated[
        Wait, Meta(description="For stock to be reserved, before an alarm.")
    ] = DAY
    stock_retry_seconds: Annotated[
        Wait,
        Meta(
            description="Between two tries to reserve what was short, beside those when stock "
            "arrives."
        ),
    ] = 6 * 3_600.0
    reservation_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=400 * DAY,
            description="How long the stock of an order that waits for a person stays reserved; "
            "it is given back then, and reserved again when the order goes on. Each hold that "
            "opens or ends meanwhile begins the time again. 0: permanently.",
        ),
    ] = 0.0
    pack_due_seconds: Annotated[
        Wait, Meta(description="For the warehouse to pack, before an alarm.")
    ] = DAY
    label_due_seconds: Annotated[
        Wait,
        Meta(
            description="For the label to be bought, or the report of what parcels hold that have "
            "left, before an alarm."
        ),
    ] = 3_600.0
    scan_due_seconds: Annotated[
        Wait, Meta(description="For the carrier's first scan, before an alarm.")
    ] = 2 * DAY
    delivery_due_seconds: Annotated[
        Wait, Meta(description="From shipping to delivery, before an alarm.")
    ] = 10 * DAY
    close_due_seconds: Annotated[
        Wait, Meta(description="For what is left to do after delivery, before an alarm.")
    ] = DAY
    ship_by_alarm_seconds: Annotated[
        Wait,
        Meta(
            description="Before the latest time of shipping that the channel states, for an alarm "
            "while goods of the order are still here."
        ),
    ] = 6 * 3_600.0
    authorisation_alarm_seconds: Annotated[
        Wait,
        Meta(
            description="Before an authorisation ends that is not captured yet, for a task to a "
            "person; only of channels whose money we capture."
        ),
    ] = DAY
    cancel_due_seconds: Annotated[
        Wait, Meta(description="For a cancellation to be carried out, before an alarm.")
    ] = 3_600.0
    copy_due_seconds: Annotated[
        Wait,
        Meta(
            description="For the channel of an order's copy to cancel it, too, once the order that "
            "was worked on instead is cancelled; then a person is asked."
        ),
    ] = 3_600.0
    return_decide_seconds: Annotated[
        Wait, Meta(description="For a person, or the channel, to authorise a return.")
    ] = 2 * DAY
    return_due_seconds: Annotated[
        Wait, Meta(description="For the goods of an authorised return to come, before an alarm.")
    ] = 30 * DAY
    return_inspect_seconds: Annotated[
        Wait, Meta(description="For goods that came back to be inspected, before an alarm.")
    ] = 3 * DAY
    first_track_seconds: Annotated[
        Wait, Meta(description="From the label to the first question to the carrier.")
    ] = 3_600.0
    track_every_seconds: Annotated[
        Wait, Meta(description="Between two questions to the carrier.")
    ] = 6 * 3_600.0
    close_after_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=400 * DAY)],
        Meta(description="From delivery until the order is closed; 0: at once."),
    ] = 0.0
    accept_test_orders: Annotated[
        bool,
        Meta(
            description="Treat orders that the channel marks as tests like real ones: real labels "
            "are bought for them."
        ),
    ] = False

"""The way of a parcel as one table."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, NONE, Beside, Row, Table, Wait, go, stay
from actors.parcel.thing import (
    COLLECTED,
    DELIVERED,
    EXCEPTION,
    HANDED_OVER,
    IN_TRANSIT,
    LOST,
    PACKED,
    RETURNED,
    UNPACKED,
    UNTRACKED,
)
from schemas.messages import events as e

ON_ITS_WAY = (HANDED_OVER, IN_TRANSIT, EXCEPTION)
ENDS = (DELIVERED, COLLECTED, LOST, RETURNED, UNTRACKED, UNPACKED)
EVERY = (PACKED, *ON_ITS_WAY, *ENDS)

TABLE = Table(
    "parcel",
    (
        *(
            Row("pack", NONE, event, PACKED, "the warehouse packed it")
            for event in (e.Packed, e.PartPacked)
        ),
        Row("pack-anyway", NONE, e.PackedAnyway, UNPACKED, "no one wants it (any more)"),
        *(
            row
            for event in (e.HandedOver, e.PartHandedOver)
            for row in (
                Row("hand-over", NONE, event, HANDED_OVER, "it left before we heard of it"),
                Row("hand-over", PACKED, event, HANDED_OVER, "the carrier has it"),
                Row("left-after-all", UNPACKED, event, HANDED_OVER, "it left although dissolved"),
            )
        ),
        Row("fulfil", NONE, e.Fulfilled, COLLECTED, "the customer has what no one packed"),
        Row("fulfil", PACKED, e.Fulfilled, COLLECTED, "the customer has it"),
        Row("recall", PACKED, e.TaskCancelled, UNPACKED, "it was never sent"),
        Row("rest", PACKED, e.RestSettled, UNPACKED, "all that was asked has left in others"),
        *go("move", (HANDED_OVER, EXCEPTION), e.InTransit, IN_TRANSIT, "the carrier moves it"),
        *go("deliver", ON_ITS_WAY, e.Delivered, DELIVERED, "the customer has it"),
        *go(
            "fail",
            (HANDED_OVER, IN_TRANSIT),
            e.DeliveryFailed,
            EXCEPTION,
            "the carrier reports an exception",
        ),
        *go("return", ON_ITS_WAY, e.Returned, RETURNED, "it goes back to its sender"),
        *go("lose", ON_ITS_WAY, e.Lost, LOST, "the carrier does not find it"),
        *go("untracked", ON_ITS_WAY, e.Untracked, UNTRACKED, "no one tells when it arrives"),
        *stay("number", (PACKED, UNTRACKED), e.Numbered, "the warehouse told its number later"),
        Row("follow", UNTRACKED, e.Followed, HANDED_OVER, "its number came, and can be asked for"),
        *stay("track", (PACKED, *ON_ITS_WAY), e.Asked, "time to ask the carrier"),
        *stay(
            "tracked",
            (PACKED, *ON_ITS_WAY, DELIVERED, COLLECTED, UNPACKED),
            e.Tracked,
            "the carrier answered",
        ),
    ),
    beside=(
        *ELEVATED,
        Beside("skip", e.Skipped, "a person went on without it"),
        Beside("task", e.TaskOpened, "only a person can do it"),
        Beside("alarm", e.Overdue, "it waited longer than it may"),
        Beside("number-noted", e.NumberNoted, "a person asks which of its numbers is true"),
        Beside("codes", e.CodesEntered, "a person entered what the warehouse did not send"),
    ),
    ends=ENDS,
)

WAITS: dict[str, Wait] = {
    HANDED_OVER: Wait("the carrier to deliver", "delivery_due_seconds"),
    IN_TRANSIT: Wait("the carrier to deliver", "delivery_due_seconds"),
    EXCEPTION: Wait("the carrier to deliver after an exception", "delivery_due_seconds"),
}
"""A packed parcel waits with its fulfilment."""

"""The life of a capture as one table."""

from __future__ import annotations

from actors.capture.thing import CAPTURED, DROPPED, REFUSED, SKIPPED, WANTED
from actors.kernel.tables import ELEVATED, NONE, Row, Table, Wait, go
from schemas.messages import events as e

EVERY = (WANTED, CAPTURED, REFUSED, SKIPPED, DROPPED)

_LATE = (REFUSED, SKIPPED, DROPPED)

TABLE = Table(
    "capture",
    (
        Row("want", NONE, e.CaptureWanted, WANTED, "money is due for goods, or for the order"),
        Row("capture", WANTED, e.Captured, CAPTURED, "the channel took it, and no more is left"),
        Row("part-capture", WANTED, e.PartCaptured, CAPTURED, "the channel took it"),
        *go("late-capture", _LATE, e.Captured, CAPTURED, "the channel took it after all"),
        *go("late-part-capture", _LATE, e.PartCaptured, CAPTURED, "the channel took it after all"),
        Row("drop", WANTED, e.CaptureDropped, DROPPED, "it is not wanted any more"),
        Row("renew", WANTED, e.Renewed, REFUSED, "refused; a new one follows"),
        Row("skip", WANTED, e.Skipped, SKIPPED, "a person lets the goods go without it"),
    ),
    beside=(*ELEVATED,),
    ends=(CAPTURED, REFUSED, SKIPPED, DROPPED),
)

WAITS: dict[str, Wait] = {
    WANTED: Wait("the channel to capture the payment", "label_due_seconds"),
}
"""A capture waits with what it is for, which has the alarm."""

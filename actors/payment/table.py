"""The life of a payment as one table."""

from __future__ import annotations

from actors.kernel.tables import NONE, Beside, Row, Table, Wait, go, stay
from actors.payment.thing import AUTHORISED, CAPTURED, EXPIRED, VOIDED
from schemas.messages import events as e

EVERY = (AUTHORISED, CAPTURED, EXPIRED, VOIDED)

TABLE = Table(
    "payment",
    (
        Row("authorise", NONE, e.PaymentAuthorised, AUTHORISED, "the channel reserved the money"),
        *stay("part-capture", (AUTHORISED,), e.PartCaptured, "a part of it was captured"),
        *stay(
            "late-part-capture",
            (CAPTURED, EXPIRED, VOIDED),
            e.PartCaptured,
            "a part of it was captured, as it turned out later",
        ),
        Row("capture", AUTHORISED, e.Captured, CAPTURED, "nothing more of it can be captured"),
        *go(
            "late-capture",
            (EXPIRED, VOIDED),
            e.Captured,
            CAPTURED,
            "it was captured, as it turned out later",
        ),
        *stay("late-capture", (CAPTURED,), e.Captured, "what was captured is known already"),
        *go(
            "captured-there",
            (AUTHORISED, EXPIRED, VOIDED),
            e.PaymentCaptured,
            CAPTURED,
            "the channel says that it is paid",
        ),
        Row("expire", AUTHORISED, e.PaymentExpired, EXPIRED, "its time is over"),
        *go("void", (AUTHORISED, EXPIRED), e.PaymentVoided, VOIDED, "the money is free again"),
    ),
    beside=(Beside("task", e.TaskOpened, "only a person can do it"),),
    ends=(CAPTURED, EXPIRED, VOIDED),
)

WAITS: dict[str, Wait] = {
    AUTHORISED: Wait("the money to be captured", "close_due_seconds"),
}
"""A payment waits with its order, and is told apart by a timer when its time is nearly over."""

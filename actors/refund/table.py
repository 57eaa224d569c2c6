"""The life of a refund as one table."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, NONE, Beside, Row, Table, Wait, go
from actors.refund.thing import REFUNDED, REFUSED, SKIPPED, WANTED
from schemas.messages import events as e

EVERY = (WANTED, REFUNDED, REFUSED, SKIPPED)

TABLE = Table(
    "refund",
    (
        Row("want", NONE, e.RefundWanted, WANTED, "money is owed, or a person gives it back"),
        Row("refund", WANTED, e.RefundMade, REFUNDED, "the channel gave it back"),
        *go(
            "late-refund",
            (REFUSED, SKIPPED),
            e.RefundMade,
            REFUNDED,
            "the channel gave it back after all",
        ),
        Row("renew", WANTED, e.Renewed, REFUSED, "refused; a new one follows"),
        Row("skip", WANTED, e.Skipped, SKIPPED, "a person gives it back by other means"),
    ),
    beside=(
        *ELEVATED,
        Beside(
            "task", e.TaskOpened, "more was given back than was taken, or a part of it was not paid"
        ),
    ),
    ends=(REFUNDED, REFUSED, SKIPPED),
)

WAITS: dict[str, Wait] = {
    WANTED: Wait("the channel to give money back", "close_due_seconds"),
}
"""A refund waits with its order; it has no alarm of its own."""

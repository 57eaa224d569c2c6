"""The life of an ERP document as one table."""

from __future__ import annotations

from actors.documents.thing import CANCELLED, KEPT, POSTED, REFUSED, SKIPPED, WANTED
from actors.kernel.tables import ELEVATED, NONE, Row, Table, Wait, go, stay
from schemas.messages import events as e

EVERY = (WANTED, POSTED, CANCELLED, REFUSED, SKIPPED, KEPT)

TABLE = Table(
    "ERP document",
    (
        Row("want", NONE, e.Intent, WANTED, "the order is being worked on"),
        *stay("ask", (WANTED, POSTED), e.Intent, "the ERP is told again"),
        Row("post", WANTED, e.Posted, POSTED, "the ERP has the order"),
        *go(
            "late-post",
            (REFUSED, SKIPPED),
            e.Posted,
            POSTED,
            "the ERP has it, as it turned out later",
        ),
        *stay("amend", (POSTED,), e.DocumentAmended, "the ERP says what the order says"),
        Row("cancel", POSTED, e.DocumentCancelled, CANCELLED, "the ERP's order is cancelled"),
        Row("late-cancel", KEPT, e.DocumentCancelled, CANCELLED, "the ERP cancelled it after all"),
        Row("keep", POSTED, e.DocumentKept, KEPT, "a person went on without cancelling it"),
        Row("renew", WANTED, e.Renewed, REFUSED, "refused; a new one follows"),
        Row("skip", WANTED, e.Skipped, SKIPPED, "a person went on without it"),
        *stay("skip", (POSTED,), e.Skipped, "a person went on without the change"),
    ),
    beside=(*ELEVATED,),
    ends=(CANCELLED, REFUSED, SKIPPED, KEPT),
)

WAITS: dict[str, Wait] = {
    WANTED: Wait("the ERP to take the order", "close_due_seconds"),
    POSTED: Wait("the ERP to follow the order", "close_due_seconds"),
}
"""A document waits with the order; it has no alarm of its own."""

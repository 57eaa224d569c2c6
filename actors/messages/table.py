"""The life of a message to the customer as one table."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, NONE, Row, Table, Wait, go, stay
from actors.messages.thing import REFUSED, SENT, SKIPPED, WANTED
from schemas.messages import events as e

EVERY = (WANTED, SENT, REFUSED, SKIPPED)

TABLE = Table(
    "message",
    (
        Row("want", NONE, e.Intent, WANTED, "the customer is to know"),
        Row("want", NONE, e.MessageWanted, WANTED, "the customer is to know of these units"),
        *stay("ask", (WANTED,), e.Intent, "it is sent again"),
        *go("send", (WANTED,), e.MessageSent, SENT, "the mail server took it"),
        *go(
            "late-send",
            (REFUSED, SKIPPED),
            e.MessageSent,
            SENT,
            "it was sent, as it turned out later",
        ),
        Row("renew", WANTED, e.Renewed, REFUSED, "refused; a new one follows"),
        Row("skip", WANTED, e.Skipped, SKIPPED, "a person went on without it"),
    ),
    beside=(*ELEVATED,),
    ends=(SENT, REFUSED, SKIPPED),
)

WAITS: dict[str, Wait] = {WANTED: Wait("the mail server to take a message", "close_due_seconds")}
"""A message waits with the order; it has no alarm of its own."""

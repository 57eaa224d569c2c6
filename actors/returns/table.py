"""The life of a return as one table."""

from __future__ import annotations

from actors.kernel.tables import ELEVATED, NONE, Beside, Row, Table, Wait, go, stay
from actors.returns.thing import (
    AUTHORISED,
    CANCELLED,
    CLOSED,
    DECLINED,
    IN_TRANSIT,
    INSPECTED,
    RECEIVED,
    REQUESTED,
)
from schemas.messages import events as e

AWAITED = (REQUESTED, AUTHORISED, IN_TRANSIT)
"""Goods have not come yet."""
ENDS = (DECLINED, CANCELLED, CLOSED)
EVERY = (*AWAITED, RECEIVED, INSPECTED, *ENDS)

TABLE = Table(
    "return",
    (
        Row("request", NONE, e.ReturnRequested, REQUESTED, "somebody asks to send goods back"),
        Row("authorise", REQUESTED, e.ReturnAuthorised, AUTHORISED, "they may be sent back"),
        Row("decline", REQUESTED, e.ReturnDeclined, DECLINED, "they are not taken back"),
        *go(
            "call-off",
            AWAITED,
            e.ReturnCancelled,
            CANCELLED,
            "they are not sent back after all",
        ),
        Row("send", AUTHORISED, e.ReturnSent, IN_TRANSIT, "the customer has sent them"),
        *stay("send-again", (IN_TRANSIT,), e.ReturnSent, "under another number"),
        Row("arrive", NONE, e.ReturnReceived, RECEIVED, "goods came that no one had announced"),
        *go("receive", AWAITED, e.ReturnReceived, RECEIVED, "the goods are back"),
        *go(
            "receive-late",
            ENDS,
            e.ReturnReceived,
            RECEIVED,
            "they came all the same",
        ),
        *stay("receive-more", (RECEIVED,), e.ReturnReceived, "more of them came"),
        Row("inspect", RECEIVED, e.ReturnInspected, INSPECTED, "it is known what becomes of each"),
        *stay(
            "restock",
            (INSPECTED, CLOSED),
            e.ReturnRestocked,
            "what can be sold again is in stock",
        ),
        *stay(
            "decide-money",
            (INSPECTED,),
            e.ReturnMoneyDecided,
            "no refund follows by itself",
        ),
        Row("close-return", INSPECTED, e.ReturnClosed, CLOSED, "goods and money are settled"),
        *go("close-there", AWAITED, e.ReturnClosed, CLOSED, "the channel closed it"),
    ),
    beside=(
        *ELEVATED,
        Beside("skip", e.Skipped, "a person went on without it"),
        Beside("task", e.TaskOpened, "only a person can decide it"),
        Beside("alarm", e.Overdue, "it waited longer than it may"),
    ),
    ends=ENDS,
)

WAITS: dict[str, Wait] = {
    REQUESTED: Wait("a person, or the channel, to authorise the return", "return_decide_seconds"),
    AUTHORISED: Wait("the customer to send the goods back", "return_due_seconds"),
    IN_TRANSIT: Wait("the goods to come back", "return_due_seconds"),
    RECEIVED: Wait("the goods to be inspected", "return_inspect_seconds"),
    INSPECTED: Wait("the stock to take what can be sold again", "close_due_seconds"),
}
"""Whom a return waits for, also after its order has ended."""

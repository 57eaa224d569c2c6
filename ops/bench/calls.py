"""The I/O of one order as one table, which the bare loop executes.

The numbers are counted from the product: the steps are the inputs in an order's life (`actors/`),
the sizes those of its encoded events, effects and states for the storefront's orders. The bench
compares the counts with those of the simulated partners, the stream and the database, for both
product and bare loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINES_BYTES: Final = 90
"""Bytes that each line adds to body and state; orders of the bench have one to five lines."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one input in an order's life writes.

    `events` holds the bytes of each event; `effects` number, partner and bytes of each intent.
    """

    name: str
    state_bytes: int
    events: tuple[int, ...]
    effects: tuple[tuple[int, str, int], ...] = ()
    settles: int = 0
    sets: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    final: bool = False


STOCK, ERP, WAREHOUSE, MAIL, LABEL, TRACK, PUBLISH = range(1, 8)
"""The numbers of an order's effects."""

PLACE = Step("placed", 468, (510, 79), ((STOCK, "stock", 27),), sets=("due",))
RESERVED = Step(
    "reserved", 557, (170,),
    ((ERP, "erp", 34), (WAREHOUSE, "warehouse", 35), (MAIL, "mail", 52)),
    settles=STOCK, sets=("due",),
)  # fmt: skip
ORDERED = Step("ordered", 608, (134,), settles=ERP)
RELEASED = Step("released", 622, (103,), settles=WAREHOUSE)
NOTIFIED = Step("notified", 621, (162,), settles=MAIL)
PACKED = Step("packed", 751, (175,), ((LABEL, "carrier", 127),), sets=("due",))
LABELLED = Step("labelled", 815, (247,), settles=LABEL, sets=("due", "track"))
ASKED = Step("asked", 847, (75,), ((TRACK, "carrier", 66),), clears=("track",))
DELIVERED = Step(
    "delivered", 865, (73, 119), ((PUBLISH, "storefront:acme-us", 98),), TRACK, sets=("due",)
)
CLOSED = Step(
    "closed",
    872,
    (122, 41),
    settles=PUBLISH,
    clears=("due", "track", "stock", "close", "mapping"),
    final=True,
)

STEPS: Final = (
    PLACE, RESERVED, ORDERED, RELEASED, NOTIFIED, PACKED, LABELLED, ASKED, DELIVERED, CLOSED,
)  # fmt: skip
"""Every step of an order that needs no person, in the usual sequence."""


@dataclass(frozen=True, slots=True)
class Call:
    """How many of these one order makes. `kind` tells who counts them."""

    kind: str
    name: str
    count: int


def _rows(attribute: str) -> int:
    return sum(len(getattr(step, attribute)) for step in STEPS)


CALLS: Final = (
    Call("http in", "POST /hooks/acme-us (the storefront's webhook)", 1),
    Call("http in", "POST /hooks/warehouse (packed)", 1),
    Call("publish", "orders.in.acme-us.place.<ref>, acknowledged when synced", 1),
    Call("publish", "orders.in.acme-us.packed.<ref>, acknowledged when synced", 1),
    Call("acknowledge", "both messages, after their commit", 2),
    Call("http out", "POST /bc/…/salesOrders", 1),
    Call("http out", "POST /warehouse/v1/tasks", 1),
    Call("http out", "POST /ups/api/shipments/v2409/ship", 1),
    Call("http out", "GET /ups/api/track/v1/details/<number>", 1),
    Call("http out", "POST /shopify/…/graphql.json (what is open)", 1),
    Call("http out", "POST /shopify/…/graphql.json (fulfillmentCreate)", 1),
    Call("mail", "MAIL, RCPT, DATA and the message, on a kept connection", 1),
    Call("step", "journal steps, many orders in one commit", len(STEPS)),
    Call("transaction", "stock reservation, many orders in one commit", 1),
    Call("transaction", "note before the mail, many orders in one commit", 1),
    Call("rows", "orders", 1),
    Call("rows", "order_bodies", 1),
    Call("rows", "inbox", len(STEPS)),
    Call("rows", "events", _rows("events")),
    Call("rows", "effects", _rows("effects")),
    Call("rows", "documents", 1),
)
"""The calls of one order. Token requests and timer polls are shared by many orders."""


def count_of(kind: str) -> int:
    """Return how many calls of a kind one order makes."""
    return sum(call.count for call in CALLS if call.kind == kind)


def table() -> str:
    """Return the table as text."""
    width = max(len(call.name) for call in CALLS)
    return "\n".join(f"{call.kind:<12} {call.name:<{width}} {call.count:>3}" for call in CALLS)

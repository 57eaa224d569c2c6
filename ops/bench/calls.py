"""The I/O of one order as one table, which the bare loop executes.

The numbers are counted from the product: the steps are the inputs in an order's life (`actors/`),
the sizes those of its encoded events, effects and states for the storefront's orders. The bench
compares the counts with those of the simulated partners, the stream and the database, for both
product and bare loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LINES_BYTES: Final = 313
"""Bytes that each line adds to the order's body; orders of the bench have one to five lines."""

BODY_BYTES: Final = 1_010
"""Bytes of a body without its lines."""

KEY_BYTES: Final = 60
"""Bytes of the wrapped key that an order's body, and each file of it, is sealed with."""

SEAL_BYTES: Final = 29
"""Bytes that sealing adds to a file."""

NAME_BYTES: Final = 16
"""Bytes of each of the three names that a customer's data is found by: who, mail, telephone."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one input in an order's life writes.

    `events` holds the bytes of each event; `effects` number, lane, thing and bytes of each intent;
    `sets` and `clears` thing and name of each timer. The sizes are means over the bench's orders.
    """

    name: str
    state_bytes: int
    events: tuple[int, ...]
    effects: tuple[tuple[int, str, str, int], ...] = ()
    settles: int = 0
    sets: tuple[tuple[str, str], ...] = ()
    clears: tuple[tuple[str, str], ...] = ()
    final: bool = False


STOCK, TASK, ERP, MAIL, LABEL, TRACK, PUBLISH = range(1, 8)
"""The numbers of an order's effects."""

F, L, K, D, M = "F1", "L1", "K1", "D1", "M1"
"""The things of an order with one fulfilment: that, its label, its parcel, its sales order, its
mail."""

DUE = (F, "due")

PLACE = Step("placed", 730, (660, 59, 230), ((STOCK, "stock", F, 178),), sets=(DUE,))
RESERVED = Step(
    "reserved", 961, (254,),
    ((TASK, "warehouse", F, 235), (ERP, "erp", D, 145), (MAIL, "mail", M, 63)),
    settles=STOCK, sets=(DUE,),
)  # fmt: skip
ORDERED = Step("ordered", 924, (137,), settles=ERP)
RELEASED = Step("released", 920, (108,), settles=TASK, sets=(DUE,))
NOTIFIED = Step("notified", 1003, (158,), settles=MAIL)
PACKED = Step("packed", 1129, (225, 152), ((LABEL, "carrier", L, 323),), sets=(DUE,))
LABELLED = Step("labelled", 1113, (238,), settles=LABEL, sets=(DUE, (K, "track")))
ASKED = Step("asked", 1158, (101,), ((TRACK, "carrier", K, 66),), clears=((K, "track"),))
DELIVERED = Step(
    "delivered", 1181, (235, 285), ((PUBLISH, "storefront:acme-us", F, 292),), TRACK, sets=(DUE,)
)
CLOSED = Step("closed", 902, (152, 54, 41), settles=PUBLISH, clears=(DUE,), final=True)

STEPS: Final = (
    PLACE, RESERVED, ORDERED, RELEASED, NOTIFIED, PACKED, LABELLED, ASKED, DELIVERED, CLOSED,
)  # fmt: skip
"""Every step of an order that needs no person, in the usual sequence."""

EXCHANGES: Final = (
    ("warehouse", F, TASK, "POST", 1005),
    ("erp", D, ERP, "POST", 2975),
    ("mail", M, MAIL, "DATA", 822),
    ("carrier", L, LABEL, "POST", 2175),
    ("carrier", K, TRACK, "GET", 1614),
    ("storefront:acme-us", F, PUBLISH, "POST", 1781),
    ("storefront:acme-us", F, PUBLISH, "POST", 1781),
)
"""What is kept of every call: partner, thing, effect, method and sealed bytes."""


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
    Call("http out", "POST /warehouse/v2/tasks", 1),
    Call("http out", "POST /ups/api/shipments/v2409/ship", 1),
    Call("http out", "GET /ups/api/track/v1/details/<number>", 1),
    Call("http out", "POST /shopify/…/graphql.json (what is open)", 1),
    Call("http out", "POST /shopify/…/graphql.json (fulfillmentCreate)", 1),
    Call("mail", "MAIL, RCPT, DATA and the message, on a kept connection", 1),
    Call("step", "journal steps, many orders in one commit", len(STEPS)),
    Call("transaction", "stock reservation, many orders in one commit", 1),
    Call("transaction", "note before the mail, many orders in one commit", 1),
    Call("transaction", "the record of each call, many orders in one commit", 1),
    Call("rows", "orders", 1),
    Call("rows", "order_bodies", 1),
    Call("rows", "body_keys", 2),
    Call("rows", "inbox", len(STEPS)),
    Call("rows", "events", _rows("events")),
    Call("rows", "effects", _rows("effects")),
    Call("rows", "documents", 1),
    Call("rows", "exchanges", len(EXCHANGES)),
)
"""The calls of one order. Token requests and timer polls are shared by many orders."""


def count_of(kind: str) -> int:
    """Return how many calls of a kind one order makes."""
    return sum(call.count for call in CALLS if call.kind == kind)


def table() -> str:
    """Return the table as text."""
    width = max(len(call.name) for call in CALLS)
    return "\n".join(f"{call.kind:<12} {call.name:<{width}} {call.count:>3}" for call in CALLS)

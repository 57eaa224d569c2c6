"""A message to the customer as it is kept."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Parts

VERSION = 2
"""Of the struct below; a stored state of another one is rebuilt from the events."""

WANTED, SENT, REFUSED, SKIPPED = "wanted", "sent", "refused", "skipped"

CONFIRMED, ORDER_CANCELLED = "order_confirmed", "order_cancelled"
PARTLY_CANCELLED = "order_partly_cancelled"
REFUNDED = "order_refunded"
RETURN_RECEIVED = "return_received"


class Message(Struct, frozen=True, array_like=True):
    """Of one template, about these units (none: the whole order). `past` are units that had been
    cancelled before it was written, so that it does not promise them. `about` is the refund's key
    that it tells of, or the return's."""

    stage: str
    template: str
    units: Parts = ()
    past: Parts = ()
    about: str = ""

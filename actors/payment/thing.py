"""A payment as it is kept: an authorisation, what of it was captured, and until when it is good.

Only channels whose money we capture have payments; of every other channel the order's own word for
its payment is enough.
"""

from __future__ import annotations

from msgspec import Struct

VERSION = 2
"""Of the struct below; a stored state of another one is rebuilt from the events."""

AUTHORISED, CAPTURED, EXPIRED, VOIDED = "authorised", "captured", "expired", "voided"

UNPAID, EXPIRES, VOID = "unpaid-", "expires-", "void-"
"""How the ids of tasks about a payment begin; its key follows. They are about goods that wait for
money that can't be captured any more, an authorisation that is about to expire, and one that the
channel does not void by itself."""


class Payment(Struct, frozen=True, array_like=True):
    """Amounts are in minor units of `currency`, the one that the customer pays in. `amount` can be
    captured in all, `captured` was, and `beside` is what of the order is paid by other means. It is
    good until `until` (RFC 3339; "": no one knows). `warned` says that a person was told of that,
    `waived` that a person lets goods go without the money, `freed` that one voided it by hand."""

    stage: str
    currency: str
    amount: int
    beside: int = 0
    until: str = ""
    captured: int = 0
    warned: bool = False
    waived: bool = False
    freed: bool = False

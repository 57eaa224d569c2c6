"""A capture as it is kept: one attempt to take money that is reserved."""

from __future__ import annotations

from msgspec import Struct

from schemas.order.things import Key

VERSION = 1
"""Of the struct below; a stored state of another one is rebuilt from the events."""

WANTED, CAPTURED = "wanted", "captured"
REFUSED, SKIPPED, DROPPED = "refused", "skipped", "dropped"


class Capture(Struct, frozen=True, array_like=True):
    """`amount` is asked for, in minor units of the payment's currency, when `before` of it was
    captured already, so that it is known what the channel must have afterwards. `taken` is what the
    channel took, `outside` its own id of that."""

    stage: str
    payment: Key
    amount: int
    before: int = 0
    taken: int = 0
    outside: str = ""

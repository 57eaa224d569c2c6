"""A refund as it is kept: one attempt to give money back through the channel."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Parts

VERSION = 2
"""Of the struct below; a stored state of another one is rebuilt from the events."""

WANTED, REFUNDED, REFUSED, SKIPPED = "wanted", "refunded", "refused", "skipped"

EXCESS = "refund-excess-"
"""How the id of a task begins about more money that was given back than was taken; the refund that
showed it follows."""

DECLINED = "refund-declined-"
"""How the id of a task begins about a part of a refund that was not paid; the refund follows."""

MAX_REFUNDS = 50
"""Refunds of one order: what is owed beyond them is a person's."""


class Refund(Struct, frozen=True, array_like=True):
    """Amounts are in minor units of `currency`, the one that the customer pays in. `amount` is
    asked for, `given` what the channel gave back, `outside` its own id of that. `had` is what the
    seller had of the customer's money when it was asked for, before any refund of ours. `units` are
    those it is for. `settles` is how much of what was owed it pays back, `covers` the units that
    were cancelled for that. `shipping` says that
    shipping and duty are part of it, `exact` that the amount is a person's and not the channel's to
    calculate. `person` asked for it ("": the policy). `after` is the refused one that it follows,
    and `followed` says that another follows this one. `returns` is the return that it is for ("":
    none)."""

    stage: str
    amount: int
    currency: str
    units: Parts = ()
    had: int = 0
    settles: int = 0
    shipping: bool = False
    exact: bool = False
    person: str = ""
    given: int = 0
    outside: str = ""
    followed: bool = False
    covers: Parts = ()
    returns: str = ""


def counts(one: Refund) -> int:
    """Return how much of the customer's money a refund has taken, or may still take, in minor
    units. One that a person went on without is paid back by other means."""
    if one.stage == REFUNDED:
        return one.given
    return 0 if one.stage == REFUSED else one.amount

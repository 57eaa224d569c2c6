"""A return as it is kept: what a customer sends back, what came, and what became of it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from schemas.messages.base import Parts
from schemas.messages.return_events import FoundUnits, ReturnUnits

VERSION = 1
"""Of the struct below; a stored state of another one is rebuilt from the events."""

REQUESTED, AUTHORISED, DECLINED = "requested", "authorised", "declined"
IN_TRANSIT, RECEIVED, INSPECTED = "in_transit", "received", "inspected"
CLOSED, CANCELLED = "closed", "cancelled"

RESTOCK: Final = "restock"
"""The disposition of units that can be sold again."""

STOCKED, LEFT_OUT = "done", "skipped"
"""How it ends that units go back into stock: they did, or a person went on without."""

NONE: Final = "none"
OTHERS: Final = "others"
PERSON: Final = "person"
ASKED: Final = "asked"
"""What was decided about money where no refund of ours follows by itself: none is due, others gave
it back, a person decides, and he was asked."""

DECIDE = "return-"
"""How the id of a task begins about a return that a person authorises or declines."""

PAY = "return-money-"
"""How the id of a task begins about goods that came back and whose money a person gives back."""

EXCESS = "return-excess-"
"""How the id of a task begins about more that came back than had left."""

MAX_RETURNS = 50
"""Returns of one order; a further one is refused in words."""


class Return(Struct, frozen=True, array_like=True):
    """`asked` are the units that the customer wants to send back (none: the channel did not say
    which), `came` those that came back, `found` what becomes of each. `source` is who asked for it,
    `outside` the channel's own id of it, `number` the customer's shipment. `place` is where units
    are that can be sold again; `stock` says that they are entered there, or are not to be. `refund`
    is what a person wants to be given back ("": as the settings say), `person` who that is. `money`
    is what was decided: a refund's key, or why there is none; `by_others` are units whose money
    went back before. `tasked`: a person was asked to authorise it."""

    stage: str
    asked: tuple[ReturnUnits, ...] = ()
    came: Parts = ()
    found: tuple[FoundUnits, ...] = ()
    source: str = ""
    outside: str = ""
    number: str = ""
    place: str = ""
    stock: str = ""
    refund: str = ""
    person: str = ""
    money: str = ""
    by_others: Parts = ()
    tasked: bool = False


def restocked(one: Return) -> Parts:
    """Return the units of a return that can be sold again."""
    return tuple((x.line, x.quantity) for x in one.found if x.disposition == RESTOCK)


def taken(one: Return) -> dict[int, int]:
    """Return by line how many units a return takes of what has left, or may still take: what came,
    or while nothing has what was asked for."""
    if one.stage in (DECLINED, CANCELLED):
        return {}
    found: dict[int, int] = {}
    if one.came or one.stage == CLOSED:
        units = one.came
    else:
        units = tuple((x.line, x.quantity) for x in one.asked)
    for at, quantity in units:
        found[at] = found.get(at, 0) + quantity
    return found

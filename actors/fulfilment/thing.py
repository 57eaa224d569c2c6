"""A fulfilment as it is kept."""

from __future__ import annotations

from msgspec import Struct

from schemas.messages.base import Parts
from schemas.messages.effects import Delivery
from schemas.messages.fulfilment_events import Untold
from schemas.order.things import Key

VERSION = 9
"""Of the struct below; a stored state of another one is rebuilt from the events."""

PLANNED, SHORT, RESERVED, RELEASED = "planned", "short", "reserved", "released"
PICKED, PACKED, HANDED_OVER, DONE = "picked", "packed", "handed_over", "done"
RECALLED, CANCELLED = "recalled", "cancelled"

CONTENTS = "contents-"
"""Ids of tasks about parcels that left without a report of what they hold begin so; the
fulfilment's key follows."""


class Fulfilment(Struct, frozen=True, array_like=True):
    """`left` are the units that have not left yet. `lane` is the warehouse that was asked, `task`
    its id of the task. `stock` says that the units are reserved, `free` which of them are no longer
    wanted, also while it is not known whether they are. `stop` says why it shall be stopped ("": it
    shall not), `asked` that the warehouse will say later whether it is. `missing` is what a short
    pick left undecided; `more` that the warehouse will pack more. `told` is the revision of the
    order that the task was told, `collect` the amount that is collected with it: what its labels
    say, and without one what its task says, which is `tasked`. `outside` are the channel's ids of
    it. `tries` counts plans since the last look at the stock; `person` says that one packs it, for
    want of a warehouse; `fixed` that it can't be stopped any more. `parcels` are all that it ever
    had, `untold` those that have left although no one told yet what they hold, `untold_by` the
    place of the report that said so without naming them. `heard` are the places of the reports that
    were heard (`actors.fulfilment.heard`), `last` that of the one that said that all is packed
    while an earlier one was still on its way. `ready` says that the storefront knows that it waits
    for its customer, `collected` that he has what left before anyone told what it holds. `lapsed`
    says that its order waited longer than its reservation is kept, `ceased` that its task is
    cancelled while it is not known yet what has left of it."""

    stage: str
    place: str
    delivery: Delivery
    left: Parts = ()
    lane: str = ""
    task: str = ""
    stock: bool = False
    free: Parts = ()
    stop: str = ""
    asked: bool = False
    missing: Parts = ()
    more: bool = False
    told: int = 0
    collect: int = 0
    outside: tuple[str, ...] = ()
    tries: int = 0
    person: bool = False
    fixed: bool = False
    parcels: tuple[Key, ...] = ()
    untold: tuple[Untold, ...] = ()
    untold_by: int = 0
    tasked: int = 0
    heard: tuple[int, ...] = ()
    last: int = 0
    ready: bool = False
    collected: bool = False
    lapsed: bool = False
    ceased: bool = False

    @property
    def is_tasked(self) -> bool:
        """Whether a warehouse that can be asked to stop works on it."""
        return bool(self.task and self.lane) and self.is_begun

    @property
    def is_begun(self) -> bool:
        """Whether it was left to a warehouse or a person, and not all of it has left."""
        return self.stage in (RELEASED, PICKED, PACKED)

    @property
    def gives_back(self) -> bool:
        """Whether units are reserved that are no longer wanted."""
        return bool(self.stock and self.free)

    @property
    def is_lapsed(self) -> bool:
        """Whether its units are given back until its order goes on."""
        return self.lapsed and self.stage == RESERVED

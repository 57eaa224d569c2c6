"""What only one order may have: the id under which a marketplace knows it.

Sellers have their marketplace's orders imported into their shop as well, so the same order comes
through two channels. Whichever is accepted first claims the marketplace's id, in the commit that
accepts it; the other one is recorded as its copy, and hears when the first one is cancelled.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from schemas.order.things import ORDER, Key

MAX_COPIES = 1_000
"""Copies of one order that hear of its end. Any further one is told at once that it won't."""

TWIN, CROWDED = (ORDER, "twin"), (ORDER, "crowded")
"""The timers that a copy gets when the order that was accepted instead is cancelled, and when there
are too many copies to be told of that. The other order's commit sets them, or its own."""

Timer = tuple[Key, str]


class Claim(Struct, frozen=True):
    """What an append says of a claim. `name` is a marketplace and its id of the order, such as
    `amazon:902-3159896-1390916`. `wants`: its order is to have it, or nothing is written; `person`
    takes it over from an order whose stage is `cancelled` ("": no one does). `copy`: its order is
    recorded as one of which another has the claim. `ended`: its order, which may have the claim, is
    cancelled by this append."""

    name: str
    person: str = ""
    wants: bool = True
    copy: bool = False
    ended: bool = False

    def then(self, later: Claim) -> Claim:
        """Return what one append says when its order said both, one after the other."""
        if self.wants and later.name == self.name and not (later.wants or later.copy):
            return replace(self, ended=later.ended)
        return later


class Claimed(Struct, frozen=True, kw_only=True):
    """Whose a claim is already: the order's id, its channel, the channel's and people's number of
    it, and its stage."""

    name: str
    order_id: str
    channel: str
    ref: str
    number: str
    stage: str

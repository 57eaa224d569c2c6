"""What only one order may have: the id under which a marketplace knows it.

Sellers have their marketplace's orders imported into their shop as well, so the same order comes
through two channels. Whichever is accepted first claims the marketplace's id, in the commit that
accepts it; the other one is recorded and nothing more.
"""

from __future__ import annotations

from msgspec import Struct


class Claim(Struct, frozen=True):
    """What an append claims for its order. `name` is a marketplace and its id of the order, such as
    `amazon:902-3159896-1390916`. `person` takes it over from an order whose stage is `cancelled`
    ("": no one does)."""

    name: str
    person: str = ""


class Claimed(Struct, frozen=True, kw_only=True):
    """Whose a claim is already: the order's id, its channel, the channel's and people's number of
    it, and its stage."""

    name: str
    order_id: str
    channel: str
    ref: str
    number: str
    stage: str

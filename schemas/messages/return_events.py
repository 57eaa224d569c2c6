"""Events of returns: goods that customers send back. Units are named by their line's place in the
order."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.messages.base import Event, Parts

Disposition = Literal["restock", "damaged", "discard", "supplier"]
"""What becomes of a unit that came back: it can be sold again, it is kept as damaged, it is thrown
away, or it goes back to its supplier."""

ReturnRefund = Literal["full", "less_fee", "none", "person"]
"""What is given back for inspected goods: all that they come to, that less the restocking fee,
nothing, or what a person decides."""


class ReturnUnits(Struct, frozen=True, array_like=True):
    """So many units of a line that a customer wants to send back, and the code of why ("": none
    was told)."""

    line: int
    quantity: int
    reason: str = ""


class FoundUnits(Struct, frozen=True, array_like=True):
    """So many units of a line that came back, and what becomes of them."""

    line: int
    quantity: int
    disposition: Disposition


class ReturnRequested(Event, frozen=True, kw_only=True, tag="return.requested.v1"):
    """Somebody asks to send goods back; without units the channel did not say which. `source` is
    who told (a person, the channel, the warehouse), `outside_id` the channel's own id of it."""

    units: tuple[ReturnUnits, ...] = ()
    source: str = ""
    outside_id: str = ""
    person: str = ""
    reason: str = ""


class ReturnAuthorised(Event, frozen=True, kw_only=True, tag="return.authorised.v1"):
    """The goods may be sent back. `person` is who says so ("": the policy, or `source`)."""

    source: str = ""
    person: str = ""
    reason: str = ""


class ReturnDeclined(Event, frozen=True, kw_only=True, tag="return.declined.v1"):
    """The goods are not taken back. `person` is as in ReturnAuthorised."""

    source: str = ""
    person: str = ""
    reason: str = ""


class ReturnCancelled(Event, frozen=True, kw_only=True, tag="return.cancelled.v1"):
    """The goods are not sent back after all."""

    source: str = ""
    person: str = ""
    reason: str = ""


class ReturnSent(Event, frozen=True, kw_only=True, tag="return.sent.v1"):
    """The customer has sent the goods, under this number ("": none is known)."""

    tracking_number: str = ""
    person: str = ""


class ReturnReceived(Event, frozen=True, kw_only=True, tag="return.received.v1"):
    """Goods came back, at a place ("": not told)."""

    units: Parts
    source: str = ""
    place: str = ""
    person: str = ""
    reason: str = ""


class ReturnInspected(Event, frozen=True, kw_only=True, tag="return.inspected.v1"):
    """All that came was looked at. `place` is where units are that can be sold again, `refund` what
    is to be given back for them ("": as the channel's settings say)."""

    units: tuple[FoundUnits, ...]
    source: str = ""
    place: str = ""
    refund: ReturnRefund | Literal[""] = ""
    person: str = ""
    reason: str = ""


class ReturnRestocked(Event, frozen=True, kw_only=True, tag="return.restocked.v1"):
    """The stock has the units that can be sold again."""

    place: str


class ReturnMoneyDecided(Event, frozen=True, kw_only=True, tag="return.money_decided.v1"):
    """No refund of ours follows by itself: none is due, others have given the money back, or a
    person decides. `by_others` are the units whose money went back before; `amount_minor` is what
    the others come to, in minor units of `currency`."""

    money: Literal["none", "others", "person"]
    by_others: Parts = ()
    amount_minor: int = 0
    currency: str = ""


class ReturnClosed(Event, frozen=True, kw_only=True, tag="return.closed.v1"):
    """Nothing is left to do for it, or the channel closed it (`source`)."""

    source: str = ""


ReturnEvent = (
    ReturnRequested
    | ReturnAuthorised
    | ReturnDeclined
    | ReturnCancelled
    | ReturnSent
    | ReturnReceived
    | ReturnInspected
    | ReturnRestocked
    | ReturnMoneyDecided
    | ReturnClosed
)

"""What a decision may ask about the world beyond its order: what else the customer has with the
shop, how his account with the ERP stands, and whether his address can be delivered to.

A part that no one could tell is missing (None), never 0. Nothing here names anybody: these numbers
stand in events, which are kept longer than personal data is.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

MAX_ORDERS = 1_000
"""Orders of one customer that are looked at; of one with more, these are a part."""
MAX_VALUE = 2**53 - 1
"""Minor units that every JSON reader keeps whole."""
MAX_DAYS = 36_500
"""A hundred years: a clock that is wrong makes no number that is out of bounds."""

Count = Annotated[int, Meta(ge=0, le=MAX_ORDERS)]


class History(Struct, frozen=True, omit_defaults=True):
    """What else the customer has with the shop, beside the order that is decided about: `orders`,
    `cancelled` of them as a whole, `returned` of which a parcel came back; `value_minor` is what
    those that were not cancelled come to in the currency of this order, in minor units, and
    `first_seen_days` since how many whole days the first is known. All are None where no one knows
    who the customer is; `first_seen_days` also where this is the first order."""

    orders: Count | None = None
    cancelled: Count | None = None
    returned: Count | None = None
    value_minor: Annotated[int, Meta(ge=0, le=MAX_VALUE)] | None = None
    first_seen_days: Annotated[int, Meta(ge=0, le=MAX_DAYS)] | None = None


Standing = Literal["", "found", "missing", "several", "currency", "away"]


class Account(Struct, frozen=True, omit_defaults=True):
    """How a customer who pays on terms stands in the books of the ERP. `state`: one customer is
    `found` there, is `missing`, or `several` are as the order says; `currency`: his books are kept
    in several or in one that is not said; `away`: no answer came; "": no one was asked.
    `limit_minor` is his credit limit (None: none is stated), `balance_minor` what is open on posted
    invoices, both in minor units of `currency`, and `overdue_days` for how long the oldest of them
    is due (0: none is). `blocked`: nothing may be posted for him."""

    state: Standing = ""
    currency: str = ""
    limit_minor: Annotated[int, Meta(ge=0, le=MAX_VALUE)] | None = None
    balance_minor: Annotated[int, Meta(ge=-MAX_VALUE, le=MAX_VALUE)] | None = None
    overdue_days: Annotated[int, Meta(ge=0, le=MAX_DAYS)] | None = None
    blocked: bool = False


Verdict = Literal["unknown", "deliverable", "corrected", "missing_unit", "undeliverable"]
WhyVerdict = Literal[
    "", "no_answer", "refused", "several", "no_match", "not_confirmed", "unit_not_confirmed"
]
AddressPart = Literal["street", "city", "region", "postal_code"]


Part = Annotated[str, Meta(max_length=256)]


class Written(Struct, frozen=True, omit_defaults=True):
    """The place of an address as a service writes it: all lines of the street, those that say who
    included, and "" for a part that is as the order has it. It is personal, and stands in no
    event."""

    lines: Annotated[tuple[Part, ...], Meta(max_length=4)] = ()
    city: Part = ""
    region: Part = ""
    postal_code: Annotated[str, Meta(max_length=32)] = ""


class Deliverability(Struct, frozen=True, omit_defaults=True):
    """What a service that knows the addresses of a country says of the shipping address. `verdict`:
    it is `deliverable`, or is so once it is `corrected` in the parts that `differs` names; the
    number of a flat or suite is missing or wrong (`missing_unit`); there is no such address
    (`undeliverable`); or that is `unknown`. `why` says more: no one was asked or `no_answer` came,
    the question was `refused`, `several` addresses match, there is `no_match`, the house number is
    `not_confirmed`, or the unit that is stated is not (`unit_not_confirmed`). `post_box`: mail goes
    to a box there; `vacant`: no one lives there; `agency`: an agency takes mail in for others;
    `business`: it is none of a household."""

    verdict: Verdict = "unknown"
    why: WhyVerdict = "no_answer"
    differs: Annotated[tuple[AddressPart, ...], Meta(max_length=4)] = ()
    post_box: bool = False
    vacant: bool = False
    agency: bool = False
    business: bool = False


class Corrected(Deliverability, frozen=True, omit_defaults=True):
    """The same of an address that is `corrected`, with the parts that differ as the service writes
    them. It is told to a decision and stands in no event."""

    written: Written = Written()


class World(Struct, frozen=True, omit_defaults=True):
    """What is known of it when a decision is made, one field for each fact that conditions ask
    for. `asked` are the fields that were asked for, whether anyone could tell them or not."""

    customer: History = History()
    account: Account = Account()
    address: Deliverability = Deliverability()
    asked: tuple[str, ...] = ()


UNKNOWN = World()
"""Nothing is known."""


def lasting(world: World) -> World:
    """Return what of it may stand in an event: everything but the address as a service writes
    it."""
    return replace(world, address=plain(world.address))


def corrected(found: Deliverability, written: Written) -> Corrected:
    """Return a verdict with the address as the service writes it."""
    names = Deliverability.__struct_fields__
    return Corrected(**{name: getattr(found, name) for name in names}, written=written)


def plain(found: Deliverability) -> Deliverability:
    """Return a verdict without the address as the service writes it."""
    if type(found) is Deliverability:
        return found
    names = Deliverability.__struct_fields__
    return Deliverability(**{name: getattr(found, name) for name in names})


class WorldAsked(Exception):
    """Raised by a decision that needs to know something of the world first: it is made again with
    the answer. `order` is what is decided about, `parts` are fields of World."""

    def __init__(self, order: Any, parts: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(parts)))
        self.order = order
        self.parts = parts


def known(world: World | None, order: Any, parts: frozenset[str]) -> World:
    """Return what is known. Raises WorldAsked, with all that was asked before, where one of these
    parts was not asked for yet."""
    there = frozenset(world.asked) if world is not None else frozenset()
    if not parts <= there:
        raise WorldAsked(order, parts | there)
    return UNKNOWN if world is None else world

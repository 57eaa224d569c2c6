"""What decisions do about mappings: an order with something unmapped is held until a table has it.

Before work began the body of a held order is what the channel stated; later it is in our own terms
as far as the tables go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from msgspec import Struct
from msgspec.structs import replace

from actors.kernel import ledger
from actors.kernel.setup import Setup
from actors.order import deliverable, eligible, ruling
from actors.order import normalise as n
from actors.order.decision import Context
from actors.order.normalise import KINDS, Unmapped, hold_id_of, normalise
from actors.order.state import State
from actors.order.unfit import unfit
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.messages.effects import Delivery
from schemas.order.canonical import Address, Line, Order
from schemas.order.world import known

UNMAPPED = n.UNMAPPED
ADDRESS_HOLD = f"{UNMAPPED}{n.ADDRESS}"
"""The hold for an address to which nothing can be sent; a person who releases it has it tried."""

AGAIN_SECONDS = 3_600.0
"""How often an order checks again for what is missing; a new version makes it look at once."""

MAX_NAMED = 5
"""Missing values that a hold's reason names; the others are counted."""

_WORDS = {"sku": "SKU", "tax_code": "tax code", "shipping_method": "shipping method"}


class Made(Struct, frozen=True):
    """What becomes of a stated order: the body to keep, the order in our own terms as far as the
    tables go, what no table has, and what the seller's rules say."""

    body: Order
    ours: Order
    stated_digest: str
    unmapped: tuple[Unmapped, ...] = ()
    rulings: tuple[e.Ruling, ...] = ()


def made_of(
    order: Order,
    context: Context,
    waived: Sequence[str] = (),
    staying: frozenset[str] = frozenset(),
    *,
    to: Address | None = None,
) -> Made:
    """Put a stated order into our own terms, or leave it as it is when something is missing.
    `staying` are places that its goods do not leave for another one; `to` is the address that it
    goes to where that was changed here (None: the stated one)."""
    kinds = _kinds(waived)
    found = normalise(order, context.mappings, context.channel, kinds)
    ours, setup = found.order, context.setup
    if to is not None and to != ours.ship_to:
        ours = replace(ours, ship_to=to)
    rulings: tuple[e.Ruling, ...] = ()
    ruled = bool(context.rules.count) and not found.unmapped
    needed = _asked_of(ours, setup, kinds) | (context.rules.reads if ruled else frozenset())
    if needed:
        known(context.world, ours, needed)  # at once, so that one wait is enough
    if ruled:
        rulings = ruling.asked(ours, context)
        ours, setup = ruling.in_terms_of(ours, rulings), ruling.setup_for(context, rulings)
    beyond = (x for x in unfit(ours, setup, staying) if x.kind not in kinds)
    missing = tuple(dict.fromkeys((*found.unmapped, *beyond)))
    if (setup.terms or setup.collect_limits) and n.PAYMENT not in kinds:
        told = eligible.ineligible(ours, setup, context.world)
        missing = (*missing, *(Unmapped(n.PAYMENT, one) for one in told))
    missing = (*missing, *doubted(ours, setup, context, kinds))
    if missing or ours is order:
        return Made(order, ours, "", missing, rulings)
    return Made(ours, ours, digest_of_goods(order), rulings=rulings)


def doubted(
    order: Order, setup: Setup, context: Context, waived: Collection[str]
) -> tuple[Unmapped, ...]:
    """Return what an address service says against the shipping address, nothing where a person has
    released that (`waived` are kinds). Raises WorldAsked."""
    if not setup.addresses or n.ADDRESS in waived:
        return ()
    told = deliverable.doubted(order, setup, context.world)
    return tuple(Unmapped(n.ADDRESS, one) for one in told)


def doubts(state: State, context: Context, order: Order) -> tuple[Unmapped, ...]:
    """Return what is said against the address of an order that is under way already: an answer may
    come late. Raises WorldAsked."""
    return doubted(order, context.setup, context, _kinds(state.waived))


def _asked_of(order: Order, setup: Setup, waived: Collection[str]) -> frozenset[str]:
    """Return the parts of the world that the checks of an order need, so that they are found out
    beside each other."""
    parts = frozenset() if n.PAYMENT in waived else eligible.asked_of(order, setup)
    return parts if n.ADDRESS in waived else parts | deliverable.asked_of(order, setup)


def named(order: Order, context: Context, waived: Sequence[str]) -> n.Normalised:
    """Return a stated order in our own terms as the tables alone have it: its lines are those of
    `made_of`, and no rule is asked."""
    return normalise(order, context.mappings, context.channel, _kinds(waived))


def _kinds(waived: Sequence[str]) -> Sequence[str]:
    return [kind for kind in KINDS if hold_id_of(kind) in waived] if waived else ()


def hold(unmapped: Sequence[Unmapped], work: Work) -> None:
    """Hold the order once for each kind of what is missing. Where no goods are left to send it
    matters no more where to and how."""
    sums = work.state.sums
    if not (sums.get("o") or sums.get("a")):
        unmapped = [one for one in unmapped if one.kind not in (n.ADDRESS, n.SERVICE, n.LABELS)]
    for hold_id, reason in reasons(unmapped, work.context.channel):
        work.say(e.Held(rule="hold", hold_id=hold_id, reason=reason))


def is_unmapped(state: State) -> bool:
    """Whether the order waits for a mapping."""
    return bool(state.holds) and any(one.hold_id.startswith(UNMAPPED) for one in state.holds)


def is_stated_by(order: Order, body_digest: str, stated_digest: str) -> bool:
    """Whether an order says what the one with these digests (of `events.Placed`) said."""
    return (
        digest_of_goods(order) == stated_digest if stated_digest else digest(order) == body_digest
    )


def delivery_of(line: Line) -> Delivery:
    """Return how a line reaches the customer."""
    if line.delivery:
        return line.delivery
    return "parcel" if line.requires_shipping else "digital"


def lines_of(order: Order) -> tuple[e.NewLine, ...]:
    """Return the lines as decisions need them."""
    return tuple(e.NewLine(x.line_id, x.sku, x.quantity, delivery_of(x)) for x in order.lines)


def placing(order: Order) -> tuple[e.Move, ...]:
    """Return what placing an order does to the ledger."""
    return tuple(
        e.Move(at, line.quantity, ledger.ORDERED, ledger.OPEN)
        for at, line in enumerate(order.lines)
    )


def digest(order: Order) -> str:
    """Return the SHA-256 of the order's encoded body, in hex."""
    return hashlib.sha256(encode(order)).hexdigest()


def digest_of_goods(order: Order) -> str:
    """Return the SHA-256 of what goes where: lines, address and method."""
    goods = (lines_of(order), order.ship_to, order.shipping_method)
    return hashlib.sha256(encode(goods)).hexdigest()


def reasons(unmapped: Sequence[Unmapped], channel: str) -> list[tuple[str, str]]:
    """Return (hold id, reason) for each kind that has something missing."""
    found = []
    for kind in KINDS:
        told = [one.value for one in unmapped if one.kind == kind]
        if not told:
            continue
        if kind in n.SENTENCES:
            more = f"; and {len(told) - MAX_NAMED} more" if len(told) > MAX_NAMED else ""
            found.append((hold_id_of(kind), "; ".join(told[:MAX_NAMED]) + more))
            continue
        values = [repr(one) for one in told]
        more = f" and {len(values) - MAX_NAMED} more" if len(values) > MAX_NAMED else ""
        named = ", ".join(values[:MAX_NAMED])
        reason = f"the tables of {channel} lack the {_WORDS[kind]} {named}{more}"
        found.append((hold_id_of(kind), reason))
    return found

"""What decisions do about mappings: an order with something unmapped is kept as stated and held.

The body of a held order is what the channel stated; of any other it is in our own terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from msgspec import Struct

from actors.order.decision import MAPPING, Answer, Context
from actors.order.lifecycle import allows
from actors.order.normalise import KINDS, UNMAPPED, Unmapped, normalise
from actors.order.state import State
from schemas.messages import events as e
from schemas.messages.codec import encode
from schemas.order.canonical import Order

AGAIN_SECONDS = 3_600.0
"""How often an order checks again for what is missing; a new version makes it look at once."""

MAX_NAMED = 5
"""Missing values that a hold's reason names; the others are counted."""

_WORDS = {"sku": "SKU", "tax_code": "tax code", "shipping_method": "shipping method"}


class Made(Struct, frozen=True):
    """What becomes of a stated order: the body to keep, and what no table has."""

    body: Order
    stated_digest: str
    unmapped: tuple[Unmapped, ...] = ()


def made_of(order: Order, context: Context, waived: Sequence[str] = ()) -> Made:
    """Put a stated order into our own terms, or leave it as it is when something is missing."""
    kinds = [kind for kind in KINDS if _hold_id(kind) in waived] if waived else ()
    found = normalise(order, context.mappings, context.channel, kinds)
    if found.unmapped or found.order is order:
        return Made(order, "", found.unmapped)
    return Made(found.order, _stated(order))


def hold(unmapped: Sequence[Unmapped], context: Context, answer: Answer) -> None:
    """Hold the order once for each kind of what is missing, and check again later."""
    for hold_id, reason in _reasons(unmapped, context.channel):
        answer.events.append(e.Held(rule="hold", hold_id=hold_id, reason=reason))
        answer.set_timers[MAPPING] = AGAIN_SECONDS


def refetch(state: State, context: Context, answer: Answer) -> None:
    """Free the order when nothing is missing any more; say again what is missing when that changed;
    else look again later."""
    stated = context.order
    if stated is None or not is_unmapped(state) or not allows(state.stage, e.Normalised):
        return
    made = made_of(stated, context, state.waived)
    told = [(one.hold_id, one.reason) for one in state.holds if one.hold_id.startswith(UNMAPPED)]
    if made.unmapped and _reasons(made.unmapped, context.channel) == told:
        answer.set_timers[MAPPING] = AGAIN_SECONDS
        return
    _normalised(made, context, answer)
    hold(made.unmapped, context, answer)


def released(state: State, hold_id: str, context: Context, answer: Answer) -> None:
    """A person lets what is missing go as the channel stated it; the rest is still mapped."""
    left = any(x.hold_id.startswith(UNMAPPED) and x.hold_id != hold_id for x in state.holds)
    stated = context.order
    if not hold_id.startswith(UNMAPPED) or left or stated is None:
        return
    if allows(state.stage, e.Normalised):
        made = made_of(stated, context, (*state.waived, hold_id))
        _normalised(made, context, answer)
        hold(made.unmapped, context, answer)


def is_unmapped(state: State) -> bool:
    """Whether the order waits for a mapping."""
    return any(one.hold_id.startswith(UNMAPPED) for one in state.holds)


def is_same(order: Order, state: State, known: Order) -> bool:
    """Whether a statement agrees with the last one in all that fulfilment depends on."""
    if state.stated_digest:
        return _stated(order) == state.stated_digest
    return _matters(order) == _matters(known)


def says_no_more(order: Order, state: State, known: Order) -> bool:
    """Whether a statement that `is_same` also leaves what partners are told as it is: the money,
    who pays, what the buyer wrote. Of an order in our own terms the lines' amounts are known by
    their sums alone."""
    mapped = bool(state.stated_digest)
    return _beside(order, mapped=mapped) == _beside(known, mapped=mapped)


def is_stated_by(order: Order, body_digest: str, stated_digest: str) -> bool:
    """Whether an order says what the one with these digests (of `events.Placed`) said."""
    return _stated(order) == stated_digest if stated_digest else digest(order) == body_digest


def lines_of(order: Order) -> tuple[e.PlacedLine, ...]:
    """Return the lines as decisions need them."""
    return tuple(
        e.PlacedLine(x.line_id, x.sku, x.quantity, x.requires_shipping) for x in order.lines
    )


def digest(order: Order) -> str:
    """Return the SHA-256 of the order's encoded body, in hex."""
    return hashlib.sha256(encode(order)).hexdigest()


def _normalised(made: Made, context: Context, answer: Answer) -> None:
    answer.body = made.body
    answer.events.append(
        e.Normalised(
            rule="normalise",
            mappings=context.mappings.version,
            lines=lines_of(made.body),
            body_digest=digest(made.body),
            stated_digest=made.stated_digest,
        )
    )


def _matters(order: Order) -> tuple[object, ...]:
    """What fulfilment depends on: once work has begun, a change elsewhere is only noted."""
    return (lines_of(order), order.ship_to, order.shipping_method)


def _beside(order: Order, *, mapped: bool) -> tuple[object, ...]:
    """What partners are told beyond `_matters`; not when it was said, its payment, its tags."""
    lines = () if mapped else (order.lines, order.shipping_tax_code)
    money = (order.currency, order.totals, order.discounts, order.presentment)
    return (lines, money, order.customer, order.bill_to, order.note, order.gift_message)


def _stated(order: Order) -> str:
    return hashlib.sha256(encode(_matters(order))).hexdigest()


def _hold_id(kind: str) -> str:
    return f"{UNMAPPED}{kind.replace('_', '-')}"


def _reasons(unmapped: Sequence[Unmapped], channel: str) -> list[tuple[str, str]]:
    """Return (hold id, reason) for each kind that has something missing."""
    found = []
    for kind in KINDS:
        values = [repr(one.value) for one in unmapped if one.kind == kind]
        if not values:
            continue
        more = f" and {len(values) - MAX_NAMED} more" if len(values) > MAX_NAMED else ""
        named = ", ".join(values[:MAX_NAMED])
        reason = f"the tables of {channel} lack the {_WORDS[kind]} {named}{more}"
        found.append((_hold_id(kind), reason))
    return found

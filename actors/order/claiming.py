"""Orders of a marketplace that come through several channels: one is accepted, the others are
recorded.

Whoever accepts an order first claims its marketplace's id in the same commit. The journal refuses
an append whose claim another order has, and the decision is made again with that order in its
context.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.order.state import Twin
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.claims import Claim, Claimed


def accepting(
    work: Work, basis: str, *, rule: str = "accept", person: str = ""
) -> e.Accepted | e.Duplicate:
    """Return that the order is accepted, or that another one was accepted instead."""
    if not work.context.setup.claims:
        return e.Accepted(rule=rule, basis=basis, person=person)
    claim, other = claim_of(work), work.context.claimed
    if claim and other is not None and other.name == claim:
        return e.Duplicate(
            rule="duplicate",
            claim=claim,
            order_id=other.order_id,
            channel=other.channel,
            ref=other.ref,
            number=other.number,
        )
    return e.Accepted(rule=rule, basis=basis, person=person, claim=claim)


def claim_of(work: Work) -> str:
    """Return what no other order may have, "" for one that was not made on a marketplace."""
    return work.order.marketplace_ref if work.order is not None else ""


def claim_in(events: Iterable[e.OrderEvent]) -> Claim | None:
    """Return what the append with these events claims."""
    found = None
    for event in events:
        if isinstance(event, e.TakenOver):
            return Claim(event.claim, event.person)
        if isinstance(event, e.Accepted) and event.claim:
            found = Claim(event.claim)
    return found


def refusal(work: Work) -> str:
    """Return why the order can't be worked on instead of the other one, "" when it can."""
    state, other = work.state, work.context.claimed
    if state.twin is None:
        return f"It is {state.stage}: no other order was accepted instead of it."
    if state.cancel is not None:
        return "Its channel has cancelled it."
    if work.order is None:
        return "What was ordered is not kept here any more: its personal data was erased."
    if other is not None:
        todo = "cancel that one, and claim this one once it is cancelled"
        return f"{_named(other)} is {other.stage}: {todo}."
    return ""


def words_of(twin: Twin) -> str:
    """Say which order is worked on instead."""
    return f"no one: the same order came as {twin.ref} of {twin.channel} (order {twin.order_id})"


def _named(other: Claimed) -> str:
    return f"The same order, {other.ref} of {other.channel} (order {other.order_id}),"

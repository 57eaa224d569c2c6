"""Orders of a marketplace that come through several channels: one is accepted, the others are
recorded.

Whoever accepts an order first claims its marketplace's id in the same commit. The journal refuses
an append whose claim another order has, and the decision is made again with that order in its
context. When the first one is cancelled, the same commit sets a timer of each of its copies. A copy
is never worked on by itself: if its channel does not cancel it as well, a person is asked. So is
one when the channel cancels a copy while the other order goes on.
"""

from __future__ import annotations

from actors.order.evolve_claims import COPY_CANCELLED, IMPORTED
from actors.order.state import State, Twin
from actors.order.table import CANCELLED, DUPLICATE
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.claims import TWIN, Claim, Claimed


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


def claim_in(work: Work) -> Claim | None:
    """Return what the append of this decision says of a claim: that its order wants it, is recorded
    as a copy, or is cancelled, or not any more."""
    before, after = work.before, work.state
    if not work.events or not (after.claim or after.twin):
        return None
    ended = after.stage == CANCELLED
    for event in work.events:
        if isinstance(event, e.TakenOver):
            return Claim(event.claim, event.person, ended=ended)
        if isinstance(event, e.Accepted) and event.claim:
            return Claim(event.claim, ended=ended)
        if isinstance(event, e.Duplicate):
            return Claim(event.claim, wants=False, copy=True)
    if ended != (before.stage == CANCELLED) and after.claim:
        return Claim(after.claim, wants=False, ended=ended)
    return None


def twin_ended(work: Work, timer: str) -> None:
    """The other order was cancelled, or nothing will tell whether it is. The channel is asked how
    its order stands: it may have been cancelled there, too."""
    state = work.state
    twin, known = state.twin, timer == TWIN[1]
    if twin is None or (twin.cancelled and not (known and twin.unsure)):
        return
    work.say(e.TwinCancelled(rule="twin-cancelled", known=known))
    if known:
        _close(work, COPY_CANCELLED)
    if work.context.setup.storefront and state.cancel is None and not state.refetch:
        context = work.context
        work.say(
            e.RefetchAsked(
                rule="refetch",
                channel=context.channel,
                ref=context.ref,
                reference=context.reference,
                source="orderwright",
                topic=work.events[-1].rule,
            )
        )


def is_to_be_asked(state: State) -> bool:
    """Whether a person is asked what becomes of a copy, unless its channel cancels it first."""
    twin = state.twin
    if state.stage != DUPLICATE or twin is None or state.cancel is not None:
        return False
    return twin.cancelled and not twin.asked


def ask(work: Work) -> None:
    """Ask a person what becomes of a copy whose channel has not cancelled it."""
    twin = work.state.twin
    if twin is None or not is_to_be_asked(work.state):
        return
    here = f"{work.context.ref} of {work.context.channel}"
    there = f"{twin.ref} of {twin.channel} (order {twin.order_id})"
    how = "may be cancelled: too many orders have its id to tell" if twin.unsure else "is cancelled"
    words = (
        f"the same order came as {there}, which was worked on and {how}; {here} is not cancelled, "
        "and nothing is sent for it: claim it if its goods are to go out, else cancel it at its "
        "channel, or mark this as done"
    )
    work.say(e.TaskOpened(rule="task", task_id=IMPORTED, words=words))


def cancelled_by_channel(work: Work) -> None:
    """The channel cancelled the copy. While the other order is not known to be cancelled, a person
    is asked at once: its goods may be on their way to a customer who wants them no more."""
    twin = work.state.twin
    if twin is None or twin.cancelled:
        return
    words = (
        f"its channel cancelled {work.context.ref} of {work.context.channel}; the same order came "
        f"as {twin.ref} of {twin.channel} (order {twin.order_id}), which is worked on and not "
        "cancelled: cancel that one, or stop its parcels, unless it is to go out all the same; "
        "then mark this as done"
    )
    work.say(e.TaskOpened(rule="task", task_id=COPY_CANCELLED, words=words))


def settle(work: Work) -> None:
    """Nothing is asked any more: the channel cancelled the copy, or a person claimed it."""
    _close(work, IMPORTED)


def _close(work: Work, task_id: str) -> None:
    if any(one.task_id == task_id for one in work.state.tasks):
        work.say(e.TaskClosed(rule="task-done", task_id=task_id, person="the service"))


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


def words_of(twin: Twin, whom: str) -> str:
    """Say which order is worked on instead, and where it was cancelled, whom this one waits for."""
    same = f"the same order came as {twin.ref} of {twin.channel} (order {twin.order_id})"
    if not twin.cancelled:
        return f"no one: {same}"
    if twin.unsure:
        return f"{whom}: {same}, which may be cancelled"
    return f"{whom}: {same}, which is cancelled"


def _named(other: Claimed) -> str:
    return f"The same order, {other.ref} of {other.channel} (order {other.order_id}),"

"""What a short pick leaves open: shipped later, dropped, or found after all."""

from __future__ import annotations

from actors.fulfilment.collect import told_too_much
from actors.fulfilment.evolve import SHORT_PICK
from actors.kernel import ledger
from actors.order.differs import leave
from actors.order.places import places_for
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages.base import Move, Parts
from schemas.order.things import FULFILMENT, Key

VERBS = ("ship-short", "backorder", "drop")
"""What a person may decide about one."""


def missed(
    work: Work, key: Key, missing: Parts, task_id: str, *, sequence: int = 0, ask: bool = False
) -> None:
    """Say what is missing, and what the seller's policy decides about it; `ask`: a person must."""
    work.say(
        e.ShortPicked(
            rule="short-pick", key=key, missing=missing, task_id=task_id, sequence=sequence
        )
    )
    if not work.state.fulfilments[key].stop:  # else it is undone anyway, and planned again
        decide(work, key, ask=ask)


def decide(work: Work, key: Key, *, ask: bool = False) -> None:
    """Do what the seller's policy says about what is missing, or ask a person."""
    missing = work.state.fulfilments[key].missing
    if work.state.cancel is not None:
        settle(work, key, "drop")
        return
    policy = "ask" if ask else work.context.setup.short_pick
    if policy != "ask":
        settle(work, key, policy)
        return
    if any(x.key == key and x.hold_id.startswith(SHORT_PICK) for x in work.state.holds):
        return
    lines = work.state.lines
    short = ", ".join(f"{quantity} × {lines[at].sku}" for at, quantity in missing[:8])
    more = " and more" if len(missing) > 8 else ""
    reason = (
        f"the warehouse is short of {short}{more} for {key}: ship-short, backorder or drop them, "
        "or cancel the order"
    )
    hold_id = f"{SHORT_PICK}{work.state.version + 1}"
    work.say(e.Held(rule="hold", key=key, hold_id=hold_id, reason=reason))


def settle(work: Work, key: Key, how: str, person: str = "") -> None:
    """Say what becomes of what is missing. What stays wanted is planned at another place, or waits
    for stock."""
    thing = work.state.fulfilments[key]
    if work.state.cancel is not None and how != "found":
        how = "drop"
    missing = () if how == "found" else thing.missing
    wishes: tuple[e.Wish, ...] = ()
    if how == "drop":
        wishes = tuple(e.Wish(at, quantity, ledger.CANCELLED) for at, quantity in missing)
    work.say(
        e.ShortSettled(
            rule="settle",
            key=key,
            how=how,
            units=missing,
            person=person,
            moves=tuple(Move(at, q, ledger.ALLOCATED, ledger.OPEN) for at, q in missing),
            wishes=wishes,
        )
    )
    for hold in work.state.holds:
        if hold.key == key and hold.hold_id.startswith(SHORT_PICK):
            by = person or "the service"
            work.say(e.HoldReleased(rule="free", key=key, hold_id=hold.hold_id, person=by))
    if how == "drop":
        leave(work, *told_too_much(work))
    if how in ("ship-short", "backorder"):
        _again(work, thing.place, how, missing)


def _again(work: Work, place: str, how: str, missing: Parts) -> None:
    state = work.state
    units = tuple(
        (at, count)
        for at, quantity in missing
        if (count := min(quantity, state.lines[at].counts.get("o", 0) - _wished(work, at))) > 0
    )
    if not units:
        return
    setup = work.context.setup
    moves = tuple(Move(at, q, ledger.OPEN, ledger.ALLOCATED) for at, q in units)
    delivery = state.lines[units[0][0]].delivery
    others = [x for x in places_for(state, setup, work.order, delivery) if x != place]
    key = work.next(FULFILMENT)
    if how == "ship-short" and others:
        work.say(
            e.FulfilmentPlanned(
                rule="plan",
                key=key,
                place=others[0],
                delivery=delivery,  # type: ignore[arg-type]  # a line holds one of Delivery alone
                moves=moves,
            )
        )
    else:
        skus = tuple(dict.fromkeys(state.lines[at].sku for at, _ in units))
        work.say(
            e.FulfilmentBackordered(
                rule="park",
                key=key,
                place=place,
                delivery=delivery,  # type: ignore[arg-type]  # as above
                skus=skus,
                moves=moves,
            )
        )


def _wished(work: Work, at: int) -> int:
    return ledger.wished(work.state.lines[at].counts)

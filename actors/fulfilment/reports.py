"""What a warehouse reports. Its reports are the truth, whatever was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from actors.fulfilment.answers import ANSWERS
from actors.fulfilment.collect import told_too_much
from actors.fulfilment.heard import hear, is_gap_before
from actors.fulfilment.leaving import leaves, new_parcels, unfound, unpacked, unspoken
from actors.fulfilment.numbers import newer, told_later
from actors.fulfilment.packing import (
    UNSENT,
    await_rest,
    conclude,
    gone_before,
    kept_of,
    packed,
    packed_before,
)
from actors.fulfilment.short import missed, settle
from actors.fulfilment.table import INSIDE
from actors.fulfilment.thing import CANCELLED, PACKED, PICKED, RECALLED, Fulfilment
from actors.kernel import ledger
from actors.order.differs import MAX_NAMED, holds_unknown, leave, left_unlike
from actors.order.joint_ceased import THE_WAREHOUSE
from actors.order.joint_things import fulfilled, recalled
from actors.order.reading import parcels_of, units
from actors.order.state import State
from actors.order.table import FINAL, UNBORN
from actors.order.work import Work
from actors.parcel.table import ON_ITS_WAY
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Move, Parts
from schemas.order.things import FULFILMENT, Key, is_key, number_of

# Any: each handler takes the report that it is listed for.
Handler = Callable[[Work, Key, Fulfilment, Any], None]


def reported(work: Work, command: Any) -> None:
    """Hand a report to its fulfilment; of one that the order does not have a person is told. One
    that comes before the order itself has to come again."""
    state = work.state
    key = command.fulfilment
    thing = state.fulfilments.get(key)
    gone = state.ended.get(key)
    if thing is None and gone is None:
        if _is_to_come(state, key):
            work.early = True
            return
        leave(
            work,
            f"a warehouse reports on {key}, which this order does not have: ask it what that is",
        )
        return
    if thing is None:
        assert gone is not None
        thing = Fulfilment(gone.stage, "", "parcel")
    answer = ANSWERS.of(thing.stage, type(command))
    if answer.kind == "refused":
        leave(work, f"{key}: {answer.why}: ask it which is true")
    elif answer.kind == "handled":
        _HANDLERS[type(command)](work, key, thing, command)
    if not work.early:
        conclude(work, key, getattr(command, "sequence", 0))


def _is_to_come(state: State, key: Key) -> bool:
    """Whether the order may still make that fulfilment. After a restore a warehouse knows more of
    an order than is here again: it may be being fetched, or wait for its payment or for stock."""
    if state.stage in UNBORN:
        return True
    is_next = is_key(key) and number_of(key) > state.numbers.get(FULFILMENT, 0)
    return is_next and "o" in state.sums and state.stage not in FINAL


def _picked(
    work: Work, key: Key, thing: Fulfilment, command: i.ReportPicked | i.ReportShortPicked
) -> None:
    """The goods are off the shelf. Of a report that tells nothing new its place is noted: what was
    sent after it waits for it no longer."""
    is_known = thing.stage in (PICKED, PACKED)
    if is_known and hear(thing.heard, command.sequence) == thing.heard:
        return
    rule = "pick-again" if is_known else "pick"
    work.say(e.Picked(rule=rule, key=key, task_id=command.task_id, sequence=command.sequence))


def _short_picked(work: Work, key: Key, thing: Fulfilment, command: i.ReportShortPicked) -> None:
    found: dict[str, int] = {}
    for unit in command.found:
        found[unit.line_id] = found.get(unit.line_id, 0) + unit.quantity
    lines = work.state.lines
    loose = unfound(work.state, key, thing) if thing.stage == "packed" else thing.left
    missing: Parts = tuple(
        (at, quantity - have)
        for at, quantity in loose
        if (have := min(quantity, found.get(lines[at].line_id, 0))) < quantity
    )
    if missing and missing != thing.missing:
        missed(work, key, missing, command.task_id, sequence=command.sequence)
    else:
        _picked(work, key, thing, command)


def _handed_over(work: Work, key: Key, thing: Fulfilment, command: i.ReportHandedOver) -> None:
    state = work.state
    here = {x.parcel_id: k for k, x in parcels_of(state, key) if x.stage in UNSENT}
    gone = gone_before(state, key)
    named = [one for one in command.parcels if one.parcel_id not in gone]
    told_later(work, key, [one for one in command.parcels if one.parcel_id in gone])
    if command.parcels and not named:
        return  # a repeat
    named = _as_told(state, key, named)
    if _is_awaited(thing, command):
        if not command.parcels and not packed_before(state, key, command.sequence):
            if not gone:  # else it says what the carrier's scan said before
                _await_contents(work, key, thing, (e.Untold(""),), command.sequence)
            return
        bare = [one for one in named if not one.units and one.parcel_id not in here]
        awaited = (e.Untold(x.parcel_id, x.carrier, x.tracking_number) for x in bare)
        _await_contents(work, key, thing, awaited, command.sequence)
        named = [one for one in named if one not in bare]
        if bare and not named:
            return
    unknown: list[str] = []
    if not command.parcels:
        known, fresh = _unnamed(work, key, thing, command)
    else:
        known = tuple(here[one.parcel_id] for one in named if one.parcel_id in here)
        fresh = [one for one in named if one.parcel_id not in here]
    new, unknown = new_parcels(work, thing, fresh, unspoken(state, key, thing))
    if not known and not new:
        leave(work, *holds_unknown(key, unknown))
        return
    numbers, unlike = newer(state, here, named, command.sequence)
    leave(work, *unlike)
    leaves(
        work,
        key,
        known,
        new,
        unknown=unknown,
        numbers=numbers,
        task_id=command.task_id,
        sequence=command.sequence,
    )
    if not command.parcels:
        await_rest(work, key, command.sequence)


def _unnamed(
    work: Work, key: Key, thing: Fulfilment, command: i.ReportHandedOver
) -> tuple[tuple[Key, ...], list[i.ReportedParcel]]:
    """Return what has left when all that was packed so far has: what is kept, and what is not."""
    state = work.state
    stage = "unpacked" if thing.stage == RECALLED else "packed"
    before = packed_before(state, key, command.sequence)
    known = tuple(k for k in before if state.parcels[k].stage == stage)
    if known:
        _ask_of_others(work, key, thing)
        return known, []
    if thing.stage == CANCELLED and (kept := kept_of(state, key)):
        return (), _as_told(state, key, [i.ReportedParcel(parcel_id=one) for one in kept])
    # A warehouse that never told what it packed sends the rest; else this is a repeat.
    mine = [x.stage for _, x in parcels_of(state, key)]
    if unpacked(state, key, thing) and all(one == "unpacked" for one in mine):
        return (), [i.ReportedParcel(parcel_id=f"{key}")]
    _left_unnamed(work, key, thing)
    return (), []


def _ask_of_others(work: Work, key: Key, thing: Fulfilment) -> None:
    """All that is packed has left, and no one said whether that is also what was told of with goods
    of other parcels."""
    ours = parcels_of(work.state, key) if thing.stage == PACKED else ()
    others = [f"{k} ({x.parcel_id})" for k, x in ours if x.stage == "unpacked"]
    if others:
        names = ", ".join(others[:MAX_NAMED])
        leave(
            work,
            f"{key} left, and whether {names} left with it was not said, so what it holds is "
            "unknown: ask the warehouse, and have it report by name what left",
        )


def _as_told(state: State, key: Key, named: list[i.ReportedParcel]) -> list[i.ReportedParcel]:
    """Return parcels with what was told of them before their fulfilment ended."""
    kept = kept_of(state, key)
    return [
        replace(one, units=units(state, kept[one.parcel_id]))
        if not one.units and one.parcel_id in kept
        else one
        for one in named
    ]


def _is_awaited(thing: Fulfilment, command: i.ReportHandedOver) -> bool:
    """Whether a report of what was packed must have been sent before this one, and is on its way:
    reports may arrive out of order."""
    whole = thing.stage == "packed" and not thing.more
    return command.sequence > 1 and thing.stage in (*INSIDE, RECALLED) and not whole


def _await_contents(
    work: Work,
    key: Key,
    thing: Fulfilment,
    parcels: Iterable[e.Untold],
    sequence: int,
    *,
    collected: bool = False,
) -> None:
    """Note parcels of which no one told yet what they hold. `collected`: the customer has them."""
    known = {one.parcel_id for one in thing.untold}
    stated = tuple(parcels)
    fresh = tuple(one for one in stated if one.parcel_id not in known)
    if fresh or (collected and not thing.collected):
        work.say(
            e.ContentsAwaited(
                rule="await-contents",
                key=key,
                parcels=fresh or stated,
                sequence=sequence,
                collected=collected,
            )
        )


def contents_as_asked(work: Work, key: Key, person: str) -> None:
    """Take a person's word that the parcels that left hold what was asked and is in no other one,
    also what was missed before, or, where none is named, all that is packed by now. Nothing is
    awaited after that."""
    if work.state.fulfilments[key].missing:
        settle(work, key, "found", person)
    thing = work.state.fulfilments[key]
    named = tuple(
        i.ReportedParcel(
            parcel_id=one.parcel_id, carrier=one.carrier, tracking_number=one.tracking_number
        )
        for one in thing.untold
    )
    _handed_over(
        work,
        key,
        thing,
        i.ReportHandedOver(
            ref=work.context.ref,
            fulfilment=key,
            task_id=thing.task,
            parcels=named if all(one.parcel_id for one in named) else (),
        ),
    )
    after = work.state.fulfilments.get(key)
    if after is not None and after.untold:
        work.say(e.ContentsAwaited(rule="await-contents", key=key, parcels=()))


def _left_unnamed(work: Work, key: Key, thing: Fulfilment) -> None:
    """Something left of which a part was cancelled: that part, or an older report once more."""
    cancelled = thing.stage in ("recalled", "cancelled")
    if thing.stage == "done":
        cancelled = bool(kept_of(work.state, key))  # what was packed, taken back and never sent
    if thing.stage == "handed_over":
        # Without a place: only its tombstone was left when it left after all.
        stages = {x.stage for _, x in parcels_of(work.state, key)}
        cancelled = "unpacked" in stages or not (thing.place or stages)
    if cancelled:
        leave(
            work,
            f"{key} left although it was cancelled; what it holds is unknown: ask the warehouse, "
            "and have it sent back",
        )


def _task_cancelled(
    work: Work, key: Key, thing: Fulfilment, command: i.ReportTaskCancelled
) -> None:
    if thing.untold:
        # Once it is told what has left of it, it is known what is cancelled, too.
        if not thing.ceased:
            work.say(e.CancelAsked(rule="cancel-asked", key=key, ceased=True))
        return
    by = "" if thing.stop else THE_WAREHOUSE
    work.say(recalled(work.state, key, detail=command.reason, by=by))


def _collected_after_all(work: Work, key: Key, command: i.ReportCollected) -> None:
    """The customer has what was packed for a task that was cancelled: it left, and arrived."""
    kept = kept_of(work.state, key)
    if not kept:
        leave(
            work,
            f"{key}: the warehouse reports it collected although its task is cancelled, and what "
            "was collected is unknown: ask it which is true; if the customer has the goods, have "
            "it report what it packed, and that it was collected, once more",
        )
        return
    thing = Fulfilment(CANCELLED, "", "pickup")
    report = i.ReportHandedOver(
        ref=command.ref,
        fulfilment=key,
        task_id=command.task_id,
        parcels=tuple(i.ReportedParcel(parcel_id=one) for one in kept),
    )
    _handed_over(work, key, thing, report)
    _arrived(work, key)


def _arrived(work: Work, key: Key) -> None:
    """What has left of a fulfilment is with its customer."""
    for k, parcel in tuple(parcels_of(work.state, key)):
        if parcel.stage in ON_ITS_WAY:
            moves = tuple(
                Move(at, quantity, ledger.TRAVELLING, ledger.DELIVERED)
                for at, quantity in parcel.units
            )
            work.say(e.Delivered(rule="deliver", key=k, moves=moves))


def _collected(work: Work, key: Key, thing: Fulfilment, command: i.ReportCollected) -> None:
    if thing.stage == CANCELLED:
        _collected_after_all(work, key, command)
        return
    _ask_of_others(work, key, thing)
    early = _is_early(thing, command) or (thing.ceased and thing.stage in INSIDE)
    short = thing.missing or early or _holds_more(work.state, key, thing)
    if thing.stage in INSIDE and not short:
        before = work.state
        work.say(fulfilled(work, key, thing, command.task_id))
        leave(work, *told_too_much(work))
        left_unlike(work, before, key, thing, thing.parcels, inside=True)
        return
    # What a short pick left open is not what the customer has; what was recalled is.
    here = "unpacked" if thing.stage == "recalled" else "packed"
    told = packed_before(work.state, key, command.sequence)
    known = tuple(k for k in told if work.state.parcels[k].stage == here)
    new: tuple[e.NewParcel, ...] = ()
    if thing.stage == "recalled" and not known and thing.left:
        new, _ = new_parcels(work, thing, (i.ReportedParcel(parcel_id=f"{key}"),), thing.left)
    if known or new:
        leaves(work, key, known, new, task_id=command.task_id, sequence=command.sequence)
    elif thing.stage == "recalled":
        _left_unnamed(work, key, thing)
    if early and thing.stage == "packed":
        await_rest(work, key, command.sequence or thing.last + 1, collected=True)
    elif early:
        _await_contents(work, key, thing, (e.Untold(""),), command.sequence, collected=True)
    _arrived(work, key)


def _is_early(thing: Fulfilment, command: i.ReportCollected) -> bool:
    """Whether a report of what was packed, which is on its way, may tell of less than was asked."""
    if thing.stage not in INSIDE or (thing.stage == "packed" and not thing.more):
        return False
    return bool(thing.last) or is_gap_before(thing.heard, command.sequence)


def _holds_more(state: State, key: Key, thing: Fulfilment) -> bool:
    """Whether its parcels hold more than was asked."""
    left = dict(thing.left)
    for _, parcel in parcels_of(state, key):
        if parcel.stage == "packed":
            for at, quantity in parcel.units:
                left[at] = left.get(at, 0) - quantity
    return any(quantity < 0 for quantity in left.values())


_HANDLERS: dict[type, Handler] = {
    i.ReportPicked: _picked,
    i.ReportShortPicked: _short_picked,
    i.ReportPacked: packed,
    i.ReportHandedOver: _handed_over,
    i.ReportTaskCancelled: _task_cancelled,
    i.ReportCollected: _collected,
}

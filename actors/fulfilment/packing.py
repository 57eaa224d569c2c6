"""What a warehouse says that it packed: the truth, whatever was asked of it.

Reports may overtake each other. What the last one leaves out is missing only when every report
before it was heard, because one that is on its way may tell of another parcel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from actors.fulfilment.heard import hear, is_gap_before
from actors.fulfilment.leaving import in_doubt, leaves, new_parcels, unfound, unpacked
from actors.fulfilment.numbers import newer, packed_again, told_later
from actors.fulfilment.parts import minus
from actors.fulfilment.short import missed, settle
from actors.fulfilment.thing import CANCELLED, PACKED, RECALLED, Fulfilment
from actors.fulfilment.tombstone import box_id
from actors.fulfilment.wanted import SENT
from actors.kernel.setup import Setup
from actors.order.differs import MAX_NAMED, holds_unknown, leave
from actors.order.reading import is_labelled_by_us, parcels_of
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.messages.base import Parts
from schemas.order.things import Key

UNSENT = ("packed", "unpacked")
"""Stages of parcels that have not left."""

MAX_KEPT = 100
"""Parcels of a cancelled task that are remembered: as many as one report may name."""


def packed(work: Work, key: Key, thing: Fulfilment, command: i.ReportPacked) -> None:
    """Write down what was packed, and let leave what is known to have left before."""
    if thing.stage in (RECALLED, CANCELLED):
        _note_anyway(work, key, thing, command)
    else:
        _note_packed(work, key, thing, command)
    untold = {one.parcel_id: one for one in thing.untold}
    if not untold:
        return
    state = work.state
    here = {x.parcel_id: k for k, x in parcels_of(state, key) if x.stage in UNSENT}
    if "" in untold:
        known = packed_before(state, key, thing.untold_by)
    else:
        known = tuple(here[x] for x in untold if x in here)
    numbers, unlike = newer(state, here, untold.values())
    leave(work, *unlike)
    if known:
        leaves(work, key, known, numbers=numbers, task_id=command.task_id)
    if "" in untold:
        await_rest(work, key, thing.untold_by)


def await_rest(work: Work, key: Key, sequence: int, *, collected: bool = False) -> None:
    """All that was packed so far has left: also what a report tells that is still on its way.
    `collected`: and the customer has it."""
    thing = work.state.fulfilments.get(key)
    if thing is None or thing.stage != PACKED or not thing.more:
        return
    if is_gap_before(thing.heard, sequence) and "" not in {x.parcel_id for x in thing.untold}:
        work.say(
            e.ContentsAwaited(
                rule="await-contents",
                key=key,
                parcels=(e.Untold(""),),
                sequence=sequence,
                collected=collected,
            )
        )


def _note_packed(work: Work, key: Key, thing: Fulfilment, command: i.ReportPacked) -> None:
    if thing.stage in ("handed_over", "done"):
        _packed_more(work, key, command)
        return
    known = {x.parcel_id for _, x in parcels_of(work.state, key)}
    fresh = [one for one in command.parcels if one.parcel_id not in known]
    leave(work, *_unlike_known(work, key, thing, command.parcels))
    if len(fresh) < len(command.parcels):
        packed_again(work, key, command.parcels, command.sequence)
    if not fresh and thing.stage == "packed" and not (command.complete and thing.more):
        return
    loose = unpacked(work.state, key, thing)
    new, unknown = new_parcels(work, thing, fresh, loose)
    if new and command.person and (twice := _beyond(work.state, loose, new)):
        leave(work, _reported_twice(key, command.person, twice))
        return
    new, again = _parted(work.state, key, loose, new)
    if again:
        _note_again(work, key, thing, again[: max(0, MAX_KEPT - len(known))], command.sequence)
    if not new and (again and thing.stage == "packed" and not thing.more):
        return
    if not new and not command.complete:
        leave(work, *holds_unknown(key, unknown))
        return
    told: dict[str, Any] = {
        "key": key,
        "parcels": new,
        "task_id": command.task_id,
        "sequence": command.sequence,
    }
    rest = minus(loose, in_doubt(work.state, key))
    early = command.complete and _is_early(thing, command, rest, new)
    if early and not new and thing.last:
        return  # a repeat
    if command.complete and not early:
        work.say(e.Packed(rule="pack", **told))
    else:
        work.say(e.PartPacked(rule="part-pack", last=early, **told))
    leave(work, *holds_unknown(key, unknown))
    if command.complete and not early:
        _settle_missing(work, key, command.task_id)


def _unlike_known(
    work: Work, key: Key, thing: Fulfilment, told: Iterable[i.ReportedParcel]
) -> Iterator[str]:
    """Name reported parcels with the id of another one that is here: two that pack the same task
    count by themselves, or a content was corrected, and only the warehouse knows."""
    here = {x.parcel_id: x.units for _, x in parcels_of(work.state, key) if x.stage == "packed"}
    again = (one for one in told if one.units and one.parcel_id in here)
    for one in again:
        new, _ = new_parcels(work, thing, (one,), ())
        if new and dict(new[0].units) != dict(here[one.parcel_id]):
            yield (
                f"{key}: the warehouse reports the parcel {one.parcel_id} with other contents than "
                "before, and the later ones were not taken: ask it what it packed, and have it "
                "report another parcel with an id of its own"
            )


def _beyond(state: State, loose: Parts, new: tuple[e.NewParcel, ...]) -> list[str]:
    """Return what new parcels hold beyond what was in no parcel yet, as `2 × SKU`."""
    have = dict(loose)
    for one in new:
        for at, quantity in one.units:
            have[at] = have.get(at, 0) - quantity
    over = ((at, -quantity) for at, quantity in have.items() if quantity < 0)
    return [f"{quantity} × {state.lines[at].sku}" for at, quantity in over]


def _reported_twice(key: Key, person: str, over: list[str]) -> str:
    """Name a parcel that is not taken: a label for the goods of another would send them twice."""
    more = " and more" if len(over) > MAX_NAMED else ""
    return (
        f"{key}: {person} reports a parcel with {', '.join(over[:MAX_NAMED])}{more} that somebody "
        "else reported as packed in the same moment, and it was not taken: look at what is packed, "
        "and report what is in no parcel yet"
    )


def _parted(
    state: State, key: Key, loose: Parts, new: tuple[e.NewParcel, ...]
) -> tuple[tuple[e.NewParcel, ...], tuple[e.NewParcel, ...]]:
    """Return new parcels apart from those that hold more than was in no parcel yet of what others
    hold. A first one that holds more than was asked does not repeat any."""
    others = {at for _, x in parcels_of(state, key) if x.stage != "unpacked" for at, _ in x.units}
    fresh: list[e.NewParcel] = []
    again: list[e.NewParcel] = []
    have = dict(loose)
    for one in new:
        if any(at in others and quantity > have.get(at, 0) for at, quantity in one.units):
            again.append(one)
            continue
        fresh.append(one)
        for at, quantity in one.units:
            have[at] = max(0, have.get(at, 0) - quantity)
    return tuple(fresh), tuple(again)


def _note_again(
    work: Work, key: Key, thing: Fulfilment, again: tuple[e.NewParcel, ...], sequence: int
) -> None:
    """Remember parcels with goods that others hold, and have a person ask which are true: a second
    label would be paid for nothing, or send them twice. What leaves of them counts."""
    if not again:
        return
    state = work.state
    told = [_repacked(state, key, thing, one, work.context.setup) for one in again]
    work.say(e.PackedAnyway(rule="pack-twice", key=key, parcels=again, sequence=sequence))
    leave(work, *told)


def _repacked(state: State, key: Key, thing: Fulfilment, one: e.NewParcel, setup: Setup) -> str:
    lines = dict(one.units)
    same = [
        (k, x.units) for k, x in parcels_of(state, key)
        if x.stage != "unpacked" and any(at in lines for at, _ in x.units)
    ]  # fmt: skip
    held = {at for _, parts in same for at, _ in parts}
    what = ", ".join(f"{q} × {state.lines[at].sku}" for at, q in one.units if at in held)
    names = ", ".join(f"{k} ({state.parcels[k].parcel_id})" for k, _ in same[:MAX_NAMED])
    bare = ", and no label is bought for it" if is_labelled_by_us(thing, setup) else ""
    return (
        f"{key}: the warehouse reports the parcel {one.parcel_id} with {what}, which {names} holds "
        f"already{bare}: ask it which is true, and have it report which one leaves and under which "
        "number; what else it holds is to be reported as a parcel with another id"
    )


def _is_early(
    thing: Fulfilment, command: i.ReportPacked, loose: Parts, new: tuple[e.NewParcel, ...]
) -> bool:
    """Whether the last report leaves something out of which one before it may tell that is still
    on its way: another parcel, or that it is missing."""
    missing = loose
    for one in new:
        missing = minus(missing, one.units)
    return (
        bool(missing) and missing != thing.missing and is_gap_before(thing.heard, command.sequence)
    )


def _settle_missing(work: Work, key: Key, task_id: str, *, ask: bool = False) -> None:
    thing = work.state.fulfilments[key]
    missing = unfound(work.state, key, thing)
    if missing:
        if missing != thing.missing:
            missed(work, key, missing, task_id, ask=ask)
    elif thing.missing:
        settle(work, key, "found")


def conclude(work: Work, key: Key, sequence: int) -> None:
    """What the last report left out is missing once every report before it was heard."""
    thing = work.state.fulfilments.get(key)
    if thing is None or not thing.last or thing.stage != PACKED:
        return
    if unfound(work.state, key, thing) and is_gap_before(hear(thing.heard, sequence), thing.last):
        return
    settle_last(work, key)


def settle_last(work: Work, key: Key, *, ask: bool = False) -> None:
    """Take the warehouse's last report for what it says: what is in no parcel is missing. `ask`: a
    report before it never came, so a person decides."""
    thing = work.state.fulfilments[key]
    work.say(e.Packed(rule="pack", key=key, task_id=thing.task, sequence=thing.last))
    _settle_missing(work, key, thing.task, ask=ask)


def end_surplus(work: Work, key: Key) -> None:
    """Parcels that stay long after all that was asked has left in others are not waited for."""
    thing = work.state.fulfilments[key]
    if thing.stage != PACKED or thing.left or thing.stop or thing.untold:
        return
    ours = parcels_of(work.state, key)
    stays = tuple(k for k, x in ours if x.stage == "packed")
    if not stays or not any(x.stage in SENT for _, x in ours):
        return
    work.say(e.RestSettled(rule="rest", key=key, unpacked=stays))
    names = ", ".join(f"{k} ({work.state.parcels[k].parcel_id})" for k in stays[:MAX_NAMED])
    leave(
        work,
        f"all of {key} has left, and {names} has not: have the warehouse unpack it and take off "
        "its label; if it leaves all the same, it counts",
    )


def _note_anyway(work: Work, key: Key, thing: Fulfilment, command: i.ReportPacked) -> None:
    """Remember what parcels of a cancelled task hold: a hand-over may name them and say no more."""
    known = {x.parcel_id for _, x in parcels_of(work.state, key)} | kept_of(work.state, key).keys()
    fresh = [one for one in command.parcels if one.parcel_id not in known]
    new, _ = new_parcels(work, thing, fresh[: max(0, MAX_KEPT - len(known))], ())
    if new:
        work.say(
            e.PackedAnyway(rule="pack-anyway", key=key, parcels=new, sequence=command.sequence)
        )


def _packed_more(work: Work, key: Key, command: i.ReportPacked) -> None:
    """Of what left without being named no one can say whether it is the same."""
    gone = gone_before(work.state, key)
    if gone & {"", key}:
        return
    again = [one for one in command.parcels if one.parcel_id in gone]
    told_later(work, key, again, command.sequence)
    more = [one.parcel_id for one in command.parcels if one.parcel_id not in gone]
    leave(
        work,
        *(
            f"{key}: the warehouse packs {name} although all of it has left: ask it what it holds, "
            "and have it kept"
            for name in more
        ),
    )


def kept_of(state: State, key: Key) -> dict[str, Parts]:
    """Return what parcels hold that were packed, never sent, and of which a tombstone is left, by
    the warehouse's id."""
    begin = box_id(key, "")
    return {
        name[len(begin) :]: x.units
        for k, x in state.ended.items()
        if k[0] == "K" and x.units
        for name in x.ids
        if name.startswith(begin)
    }


def gone_before(state: State, key: Key) -> set[str]:
    """The warehouse's ids of parcels that have left before."""
    live = {x.parcel_id for _, x in parcels_of(state, key) if x.stage not in UNSENT}
    # Also of one that is back because more left with it: its former parcels are tombstones.
    begin = box_id(key, "")
    for k, x in state.ended.items():
        if k[0] == "K" and x.stage not in UNSENT:
            live |= {name[len(begin) :] for name in x.ids if name.startswith(begin)}
    return live


def packed_before(state: State, key: Key, sequence: int) -> tuple[Key, ...]:
    """Return the parcels here that were told of before a report, or at a time that is not known."""
    return tuple(
        k
        for k, x in parcels_of(state, key)
        if x.stage in UNSENT and not (sequence and x.sequence > sequence)
    )

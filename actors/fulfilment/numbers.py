"""Tracking numbers as the warehouse tells them: with what it packed, with what left, or later."""

from __future__ import annotations

from collections.abc import Iterable

from actors.fulfilment.tombstone import box_id
from actors.fulfilment.wanted import SENT
from actors.order.differs import leave
from actors.order.reading import parcels_of
from actors.order.state import Lost, State
from actors.order.work import Work
from actors.parcel.table import TABLE
from actors.parcel.thing import Parcel
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages.inputs import ReportedParcel
from schemas.order.things import PARCEL, Key, kind_of

PUBLISH = f.tag_of(f.PublishFulfilment)

Told = ReportedParcel | e.Untold


def newer(
    state: State, here: dict[str, Key], told: Iterable[Told], sequence: int = 0
) -> tuple[tuple[e.ParcelNumber, ...], list[str]]:
    """Return the numbers of parcels that leave (`here`, by the warehouse's id), where it tells
    another than is known; and in words those that are not the ones of their labels, or that a
    later report than this one (`sequence`, 0: not known) had told otherwise."""
    found, words = [], []
    for one in told:
        key = here.get(one.parcel_id)
        parcel = state.parcels.get(key) if key is not None else None
        if key is None or parcel is None or is_same(one.tracking_number, parcel.number):
            continue
        if not one.tracking_number:
            continue
        if parcel.number and parcel.label:
            words.append(_unlike_label(key, parcel, one))
        else:
            found.append(_number_of(key, parcel, one))
            if parcel.number and 0 < sequence < parcel.numbered:
                other = e.Untold(one.parcel_id, parcel.carrier, parcel.number)
                words.append(_two(key, one.tracking_number, other))
    return tuple(found), words


def is_same(one: str, other: str) -> bool:
    """Whether two numbers are the same: case, blanks and hyphens are how one writes them."""
    return one == other or _bare(one) == _bare(other)


def _bare(number: str) -> str:
    return "".join(number.split()).replace("-", "").casefold()


def packed_again(work: Work, key: Key, told: Iterable[ReportedParcel], sequence: int) -> None:
    """Take over the numbers of parcels that were told of before: what is here gets them, and of
    what has left they are news. An older report proves nothing about what is here."""
    state = work.state
    here = {x.parcel_id: k for k, x in parcels_of(state, key) if x.stage == "packed"}
    reported = tuple(told)
    if any(one.tracking_number and one.parcel_id in here for one in reported):
        at = {one: _heard_at(state.parcels[k]) for one, k in here.items()}
        fresh = [x for x in reported if not sequence or sequence > at.get(x.parcel_id, 0)]
        fresh = [x for x in fresh if x.parcel_id not in here or _is_free(state, here[x.parcel_id])]
        numbers, words = newer(state, here, fresh)
        for one in numbers:
            _say(work, one, sequence)
        leave(work, *words)
    told_later(work, key, [one for one in reported if one.parcel_id not in here], sequence)


def told_later(work: Work, key: Key, told: Iterable[ReportedParcel], sequence: int = 0) -> None:
    """Take over the numbers of parcels that have left. Where the channel was told of one without,
    or two numbers are told, a person is told. A report that is known to be older than the one that
    told the number (`sequence`, 0: not known) says nothing."""
    for one in told:
        if not one.tracking_number:
            continue
        found = next((k for k, x in parcels_of(work.state, key) if _is_sent(x, one)), None)
        if found is not None:
            _later(work, found, work.state.parcels[found], one, sequence)
        else:
            _ended(work, key, one)


def _is_sent(parcel: Parcel, told: ReportedParcel) -> bool:
    return parcel.parcel_id == told.parcel_id and parcel.stage in SENT


def _is_free(state: State, key: Key) -> bool:
    """Whether no label of ours is being bought for a parcel."""
    parcel = state.parcels[key]
    return bool(parcel.number) or not parcel.label


def _heard_at(parcel: Parcel) -> int:
    """Return the place of the latest report that told a parcel, or its number."""
    return max(parcel.sequence, parcel.numbered)


def _later(work: Work, key: Key, parcel: Parcel, told: ReportedParcel, sequence: int) -> None:
    if is_same(told.tracking_number, parcel.number) or (parcel.label and not parcel.number):
        return
    if (parcel.number or parcel.late) and 0 < sequence <= parcel.numbered:
        return
    if parcel.number:
        if not any(is_same(told.tracking_number, x) for x in parcel.others):
            _note(work, key, told)
            leave(work, _two(key, parcel.number, told))
        return
    one = _number_of(key, parcel, told)
    if not TABLE.allows(parcel.stage, e.Numbered):
        _without(work, key, told)
    elif parcel.shown or not is_being_told(work.state, key, parcel):
        _say(work, one, sequence)
        if parcel.shown:
            _without(work, key, told)
    elif (one.carrier, one.tracking_number) != parcel.late:
        # A publication under way is looked up by what it told, so that stays as it was.
        _say(work, one, sequence, waits=True)


def _ended(work: Work, key: Key, told: ReportedParcel) -> None:
    """Of a parcel that has ended its ids are left: its number, and the warehouse's name of it."""
    box = box_id(key, told.parcel_id)
    for k, one in work.state.ended.items():
        if kind_of(k) != PARCEL or box not in one.ids or one.stage not in SENT:
            continue
        numbers = [x for x in one.ids if x and x != box]
        if any(is_same(told.tracking_number, x) for x in numbers):
            return
        _note(work, k, told)
        if numbers:
            leave(work, _two(k, numbers[0], told))
        else:
            _without(work, k, told)
        return


def _note(work: Work, key: Key, told: Told) -> None:
    work.say(
        e.NumberNoted(
            rule="number-noted",
            key=key,
            tracking_number=told.tracking_number,
            carrier=told.carrier,
        )
    )


def is_being_told(state: State, key: Key, parcel: Parcel) -> bool:
    """Whether the channel may have been told of a parcel, and it is not known yet."""
    unknown = (one for one in state.lost if not one.known)
    asked: tuple[e.Intent | Lost, ...] = (*state.open, *unknown)
    return any(
        one.kind == PUBLISH and one.key == parcel.fulfilment and key in one.note.split(",")
        for one in asked
    )


def _number_of(key: Key, parcel: Parcel, told: Told) -> e.ParcelNumber:
    return e.ParcelNumber(key, told.carrier or parcel.carrier, told.tracking_number)


def _say(work: Work, one: e.ParcelNumber, sequence: int, *, waits: bool = False) -> None:
    work.say(numbered(one, sequence, waits=waits))


def numbered(one: e.ParcelNumber, sequence: int, *, waits: bool = False) -> e.Numbered:
    """Return that a parcel has a number. `sequence` and `waits` as the event has them."""
    return e.Numbered(
        rule="number",
        key=one.parcel,
        carrier=one.carrier,
        tracking_number=one.tracking_number,
        sequence=sequence,
        waits=waits,
    )


def _name(told: Told) -> str:
    return named(told.carrier, told.tracking_number)


def named(carrier: str, number: str) -> str:
    """Name a number and its carrier ("": not known)."""
    return f"{number} ({carrier})" if carrier else number


def _unlike_label(key: Key, parcel: Parcel, told: Told) -> str:
    return (
        f"the warehouse tells the number {_name(told)} of {key}, and our label says "
        f"{parcel.number}: ask it under which it left; if not under ours, enter the number at the "
        "channel, and have our label voided"
    )


def _two(key: Key, former: str, told: Told) -> str:
    return (
        f"the warehouse tells the number {_name(told)} of {key}, which left under {former}: ask it "
        "which is true, and correct it at the channel if it is not the former"
    )


def _without(work: Work, key: Key, told: Told) -> None:
    if work.context.setup.storefront:
        leave(work, missing(key, _name(told)))


def missing(key: Key, name: str) -> str:
    """Say in words that the channel lacks the number of a parcel."""
    return (
        f"{key} left under {name}, and the channel was told of it without a number: enter it there"
    )

"""Goods that leave: whatever was asked, what is reported is written down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from actors.fulfilment.collect import told_too_much
from actors.fulfilment.parts import minus, plus
from actors.fulfilment.thing import PACKED, Fulfilment
from actors.fulfilment.wanted import SENT
from actors.kernel import ledger
from actors.order.differs import cancelled_and_left, in_excess, leave, left_unlike
from actors.order.reading import parcels_of
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages.base import Move, Parts
from schemas.messages.inputs import ReportedParcel
from schemas.order.things import PARCEL, Key


def new_parcels(
    work: Work, thing: Fulfilment, reported: Iterable[ReportedParcel], rest: Parts
) -> tuple[tuple[e.NewParcel, ...], list[str]]:
    """Return reported parcels with keys of their own, and lines that the order does not have. The
    first that does not say what it holds is taken to hold the rest."""
    at_of = {line.line_id: at for at, line in enumerate(work.state.lines)}
    found: list[e.NewParcel] = []
    unknown: list[str] = []
    for one in reported:
        units: dict[int, int] = {}
        instead: dict[int, str] = {}
        for unit in one.units:
            at = at_of.get(unit.line_id)
            if at is None:
                what = unit.sku or f"line {unit.line_id}"
                unknown.append(f"{unit.quantity} × {what}, which the order does not have")
            elif unit.quantity > 0:
                units[at] = units.get(at, 0) + unit.quantity
                if unit.sku and unit.sku != work.state.lines[at].sku:
                    instead[at] = unit.sku
        parts = tuple(units.items())
        if not one.units:
            parts, rest = rest, ()
        if not parts:
            unknown.append(f"the parcel {one.parcel_id}, whose contents no one told")
            continue
        found.append(
            e.NewParcel(
                key=work.next(PARCEL, len(found)),
                units=parts,
                parcel_id=one.parcel_id,
                weight_grams=one.weight_grams,
                length_mm=one.length_mm,
                width_mm=one.width_mm,
                height_mm=one.height_mm,
                carrier=one.carrier,
                tracking_number=one.tracking_number,
                instead=tuple(instead.items()),
                codes=_codes(one, units, at_of) if one.codes else (),
            )
        )
    return tuple(found), unknown


def _codes(
    one: ReportedParcel, units: Mapping[int, int], at_of: Mapping[str, int]
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the codes of a parcel's pieces by line, each once, at most one for each piece."""
    told = ((at_of.get(line.line_id, -1), line.codes) for line in one.codes)
    return tuple(
        (at, tuple(dict.fromkeys(codes))[: units[at]]) for at, codes in told if at in units
    )


def unpacked(state: State, key: Key, thing: Fulfilment) -> Parts:
    """Return what of a fulfilment is in no parcel yet."""
    left = dict(thing.left)
    for _, parcel in parcels_of(state, key):
        if parcel.stage == "packed":
            for at, quantity in parcel.units:
                left[at] = left.get(at, 0) - quantity
    return tuple((at, quantity) for at, quantity in left.items() if quantity > 0)


def in_doubt(state: State, key: Key) -> Parts:
    """Return what parcels hold that the warehouse told of with goods of others."""
    found: Parts = ()
    for _, parcel in parcels_of(state, key):
        if parcel.stage == "unpacked":
            found = plus(found, parcel.units)
    return found


def unfound(state: State, key: Key, thing: Fulfilment) -> Parts:
    """Return what of a fulfilment no parcel holds, nor one of which it is in doubt."""
    return minus(unpacked(state, key, thing), in_doubt(state, key))


def unspoken(state: State, key: Key, thing: Fulfilment) -> Parts:
    """Return what is in no parcel yet, and not missing as the warehouse says either: what a parcel
    holds of which no one told the contents."""
    missing = dict(thing.missing)
    loose = ((at, quantity - missing.get(at, 0)) for at, quantity in unpacked(state, key, thing))
    return tuple((at, quantity) for at, quantity in loose if quantity > 0)


def repacked(state: State, key: Key, thing: Fulfilment) -> tuple[Key, ...]:
    """Return the packed parcels of a fulfilment if each one's units have left in a later one: they
    were packed again, and it is empty. () if one of them may still leave."""
    ours = parcels_of(state, key) if thing.stage == PACKED else ()
    stays = tuple(k for k, x in ours if x.stage == PACKED)
    gone = [(at, dict(x.units)) for at, (_, x) in enumerate(ours) if x.stage in SENT]
    for at, (_, x) in enumerate(ours):
        if x.stage == PACKED and not any(
            later > at and all(held.get(line, 0) >= q for line, q in x.units)
            for later, held in gone
        ):
            return ()
    return stays


def leaves(
    work: Work,
    key: Key,
    known: tuple[Key, ...],
    new: tuple[e.NewParcel, ...] = (),
    *,
    unknown: Iterable[str] = (),
    numbers: tuple[e.ParcelNumber, ...] = (),
    task_id: str = "",
    scanned_at: str = "",
    settles: int = 0,
    sequence: int = 0,
) -> None:
    """Say that parcels of a fulfilment have left. What is more than was asked is taken from what is
    open of the line, else it is in excess, and a person is told."""
    state = work.state
    thing = state.fulfilments.get(key) or Fulfilment("done", "", "parcel")
    moves, excess, left = _moves(state, thing, known, new)
    gone = (*known, *(one.key for one in new))
    packed = any(x.stage == "packed" and k not in gone for k, x in parcels_of(state, key))
    inside = thing.stage not in ("handed_over", "recalled", "cancelled", "done")
    part = (inside and packed) or any(left.values())
    kind = e.PartHandedOver if part else e.HandedOver
    rule = ("part-hand-over" if part else "hand-over") if inside else "left-after-all"
    if thing.stage == "handed_over":
        rule = "hand-over-more"
    work.say(
        kind(
            rule=rule,
            key=key,
            left=gone,
            parcels=new,
            numbers=numbers,
            task_id=task_id,
            scanned_at=scanned_at,
            settles=settles,
            sequence=sequence,
            moves=tuple(moves),
        )
    )
    if thing.ceased and not part:
        leave(work, cancelled_and_left(key))
    in_excess(work, key, excess, list(unknown))
    leave(work, *told_too_much(work))
    left_unlike(work, state, key, thing, gone, inside=inside or thing.stage == "handed_over")


def _moves(
    state: State, thing: Fulfilment, known: tuple[Key, ...], new: tuple[e.NewParcel, ...]
) -> tuple[list[Move], dict[int, int], dict[int, int]]:
    left = dict(thing.left)
    opened: dict[int, int] = {}
    excess: dict[int, int] = {}
    moves: dict[tuple[int, str], int] = {}
    contents = [state.parcels[k].units for k in known] + [one.units for one in new]
    for at, quantity in (unit for units in contents for unit in units):
        counts = state.lines[at].counts
        ours = min(quantity, left.get(at, 0))
        left[at] = left.get(at, 0) - ours
        free = min(quantity - ours, counts.get("o", 0) - opened.get(at, 0))
        opened[at] = opened.get(at, 0) + free
        more = quantity - ours - free
        for source, count in (
            (ledger.ALLOCATED, ours),
            (ledger.OPEN, free),
            (ledger.EXCESS, more),
        ):
            if count:
                moves[at, source] = moves.get((at, source), 0) + count
        if more:
            excess[at] = excess.get(at, 0) + more
    said = [Move(at, count, source, ledger.TRAVELLING) for (at, source), count in moves.items()]
    return said, excess, left

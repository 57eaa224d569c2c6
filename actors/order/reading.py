"""What several machines read off an order's state."""

from __future__ import annotations

from collections.abc import Sequence

from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.kernel.setup import Place, Setup, brand
from actors.label.thing import Label
from actors.order.decision import Context
from actors.order.evolve import PARTLY_DONE, UNMAPPED
from actors.order.ruling import ELEVATED, UNREADY
from actors.order.state import State
from actors.order.table import ACCEPTED, PLACED
from actors.parcel.thing import Parcel
from schemas.messages.base import Parts
from schemas.messages.effects import LineCodes, PackedParcel, SentParcel, Units
from schemas.order.things import ORDER, Key

MONEY_IS_THERE = frozenset({"paid", "authorized", "partially_refunded"})
"""Payments of which nothing is missing: what was refunded in part is not ordered any more."""
MONEY_IS_GONE = frozenset({"voided", "refunded"})

TEST_ORDER = "test-order"
"""The hold of an order that its channel marks as a test: not even preparatory work is done."""

PERSON, UNPAID, UNPROMISED = "person-", "money-gone", "terms-gone"
"""How holds begin by a person, and of an order whose payment went back or is promised no more."""

NO_PLACE = Place(name="")
"""Where nothing is kept: what needs no place, and what is left of a place that is gone."""


def is_unready(hold_id: str) -> bool:
    """Whether an order with this hold isn't even accepted."""
    return hold_id in (TEST_ORDER, PARTLY_DONE) or hold_id.startswith((UNMAPPED, *UNREADY))


def is_held(state: State, key: Key = ORDER) -> bool:
    """Whether irreversible work for a thing waits for a person."""
    return bool(state.holds) and any(hold.key in (ORDER, key) for hold in state.holds)


def is_kept_from_picking(state: State, key: Key, setup: Setup) -> bool:
    """Whether not even the warehouse may begin with a fulfilment. Where it sends what it packs
    under labels of its own, a hold that lets it pick would let it send."""
    if not is_held(state, key):
        return False
    thing = state.fulfilments.get(key)
    if thing is None or not is_labelled_by_us(thing, setup):
        return True
    return any(
        hold.key in (ORDER, key) and not hold.hold_id.startswith(ELEVATED) for hold in state.holds
    )


def place_of(setup: Setup, name: str) -> Place:
    """Return a place by its name."""
    for place in setup.places:
        if place.name == name:
            return place
    return NO_PLACE


def is_labelled_by_us(thing: Fulfilment, setup: Setup) -> bool:
    """Whether a label of ours says where its parcels go and what is collected; else the warehouse's
    task alone does."""
    place = place_of(setup, thing.place)
    return thing.delivery == "parcel" and bool(place.carrier) and place.labels == "us"


def is_reserved(thing: Fulfilment, setup: Setup) -> bool:
    """Whether its units are promised: reserved, or there is no stock to reserve them in."""
    promised = thing.stage != "planned" or not setup.stock
    return promised and thing.stage != "short" and not thing.is_lapsed


def is_worked_on(state: State, setup: Setup) -> bool:
    """Whether the order got as far as a promise of goods, or others fulfil some: then partners and
    customer are told."""
    if shipped(state):
        return True
    for one in state.fulfilments.values():
        if one.stage != "cancelled" and not one.stop and is_reserved(one, setup):
            return True
    return False


def units(
    state: State, parts: Parts, instead: tuple[tuple[int, str], ...] = ()
) -> tuple[Units, ...]:
    """Return units of lines as partners are told them."""
    other = dict(instead) if instead else {}
    lines = state.lines
    return tuple(
        Units(lines[at].line_id, other.get(at) or lines[at].sku, quantity) for at, quantity in parts
    )


def comes_to(state: State) -> tuple[Units, ...]:
    """Return what the order comes to now, line by line."""
    return tuple(
        Units(line.line_id, line.sku, quantity)
        for line in state.lines
        if (quantity := ledger.ordered(line.counts))
    )


def packed_parcel(state: State, key: Key) -> PackedParcel:
    """Return a parcel as a carrier is told it."""
    one = state.parcels[key]
    grams, length, width, height = one.size
    return PackedParcel(
        parcel=key,
        units=units(state, one.units, one.instead),
        weight_grams=grams,
        length_mm=length,
        width_mm=width,
        height_mm=height,
    )


def sent_parcel(state: State, key: Key) -> SentParcel:
    """Return a parcel as a storefront is told it."""
    one = state.parcels[key]
    return SentParcel(
        parcel=key,
        units=units(state, one.units, one.instead),
        carrier=one.carrier,
        tracking_number=one.number,
        codes=tuple(LineCodes(state.lines[at].line_id, codes) for at, codes in one.codes),
    )


def parcels_of(state: State, key: Key) -> Sequence[tuple[Key, Parcel]]:
    """Return the parcels of a fulfilment that are kept, also where it has ended before them."""
    thing, parcels = state.fulfilments.get(key), state.parcels
    if not parcels:
        return ()
    if thing is None:
        return [(k, x) for k, x in parcels.items() if x.fulfilment == key]
    return [(k, parcels[k]) for k in thing.parcels if k in parcels]


def is_unused(state: State, label: Label) -> bool:
    """Whether no parcel of a label has left under it."""
    return all(
        k not in state.parcels or state.parcels[k].stage in ("packed", "unpacked")
        for k in label.parcels
    )


def is_in_use(state: State, key: Key, label: Label) -> bool:
    """Whether a parcel has left under a label, by its number: it may have left under another."""
    return any(
        k in state.parcels
        and state.parcels[k].stage not in ("packed", "unpacked")
        and state.parcels[k].label == key
        and state.parcels[k].number in label.numbers
        for k in label.parcels
    )


def is_rest(state: State, key: Key, thing: Fulfilment, setup: Setup) -> bool:
    """Whether a part of a fulfilment has left, and only the warehouse's task, which is not told
    again then, says where the rest goes and what it collects. A person hears of a change at once;
    what is being stopped is named when it is not."""
    if not (thing.is_begun and thing.left and thing.told) or thing.stop or thing.fixed:
        return False
    return not is_labelled_by_us(thing, setup) and has_left(state, key)


def is_packed_for_us(thing: Fulfilment, setup: Setup) -> bool:
    """Whether goods are packed, have not all left, and go on as they are under a label of ours."""
    is_here = thing.stage == "packed" and thing.left and thing.told
    return bool(is_here and not (thing.stop or thing.fixed) and is_labelled_by_us(thing, setup))


def has_left(state: State, key: Key) -> bool:
    """Whether a parcel of a fulfilment has left."""
    return any(x.stage not in ("packed", "unpacked") for _, x in parcels_of(state, key))


def tracking_lane(state: State, parcel: Parcel, setup: Setup) -> str:
    """Return the carrier that can be asked where a parcel is, "" for none."""
    if not parcel.number:
        return ""
    if parcel.lane:
        return parcel.lane
    thing = state.fulfilments.get(parcel.fulfilment)
    lane = place_of(setup, thing.place).carrier if thing is not None else ""
    name = brand(parcel.carrier)
    if not name or not setup.carriers:
        return lane
    # A warehouse that buys its own labels may use another carrier than its place's.
    able = [other for known, other in setup.carriers if known == name]
    return lane if lane in able else next(iter(able), "")


def is_accepted(state: State) -> bool:
    """Whether the order may be worked on now."""
    return state.stage == ACCEPTED


def shipped(state: State) -> int:
    """Return how many units have left, or were fulfilled elsewhere."""
    return ledger.out(state.sums) + state.sums.get("e", 0)


def is_here(state: State) -> bool:
    """Whether units that are wanted have not left yet."""
    if state.stage not in (PLACED, ACCEPTED) or state.cancel is not None:
        return False
    return bool(state.sums.get("o") or state.sums.get("a"))


def busy(state: State) -> frozenset[Key]:
    """Return the things that wait for an answer or a person. Of the order itself an effect that
    waits for a person does not keep another kind from being asked."""
    if not state.stuck:
        return frozenset([one.key for one in state.open])
    stuck = [one.key for one in state.stuck if one.key != ORDER]
    return frozenset([*(one.key for one in state.open), *stuck])


def is_open(state: State, key: Key) -> bool:
    """Whether an effect of a thing is under way."""
    return any(one.key == key for one in state.open)


def may_exist(state: State, key: Key, kind: str) -> bool:
    """Whether the latest attempt of an effect may have been carried out, so that a partner finds
    what was told then."""
    tries = [x for x in state.lost if (x.key, x.kind) == (key, kind)]
    return bool(tries) and not tries[-1].known


def channel_of(context: Context) -> str:
    """Return the lane of the channel's storefront."""
    return context.setup.storefront

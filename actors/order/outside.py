"""What the channel shows as fulfilled: ours, which it tells back to us, or somebody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from actors.fulfilment.wanted import SENT
from actors.kernel import ledger
from actors.order.decision import moment
from actors.order.differs import leave
from actors.order.holding import OUTSIDE_BEYOND, beyond
from actors.order.reading import parcels_of
from actors.order.state import LineState, Lost, State
from actors.order.table import CANCELLED, DUPLICATE
from actors.order.work import Work
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.messages import inputs as i
from schemas.order.canonical import Order
from schemas.order.things import Key

Statement = i.PlaceOrder | i.UpdateOrder | i.ConfirmPayment

PUBLISH = f.tag_of(f.PublishFulfilment)

NONE: Mapping[int, int] = MappingProxyType({})

BESIDE = "+"
"""The name under which units are remembered that shipments of ours hold in the channel beyond what
left by us: somebody put them in there."""

MAX_OUTSIDE = 500
"""Shipments of others that are remembered for one order: as many as a statement may have. One more
holds the order, for its goods may have been sent."""


def compare(work: Work, order: Order, fulfilled: tuple[i.OutsideShipment, ...]) -> None:
    """Match what is shown as fulfilled to ours; what is left is somebody else's, and not ours to
    send any more. An old statement proves nothing."""
    state = work.state
    if not fulfilled or state.stage == CANCELLED:
        return
    if moment(order.updated_at) < moment(state.source_updated_at):
        return
    for one in fulfilled:
        units = units_of(work, order, one.units)
        if one.outside_id == "":
            _sums(work, units)
            if state.stage != DUPLICATE:
                _ours_again(work, order, one.units)
        elif one.outside_id in dict(work.state.outside):
            more, _ = unlike(work, order, one.outside_id, fulfilled)
            _elsewhere(work, one.outside_id, more, _unnamed(work.state, more))
        elif not _is_known(work.state, one) and not _matched(work, one, units):
            _elsewhere(work, one.outside_id, units, _unnamed(work.state, units))
    known = dict(dict(work.state.outside).get(BESIDE, ()))
    beside = beyond_ours(work, order, fulfilled).items()
    added = {at: count - have for at, count in beside if count > (have := known.get(at, 0))}
    _elsewhere(work, BESIDE, added, _unnamed(work.state, added))


def beyond_ours(work: Work, order: Order, fulfilled: Iterable[i.OutsideShipment]) -> dict[int, int]:
    """Return by line how many units shipments of ours hold there beyond what left by us, and what
    may still leave with them. Of a bundle, and of a line whose sum is stated, that is not known."""
    state, others = work.state, dict(work.state.outside)
    body = work.order
    skipped = {x.line_id for x in body.lines if x.bundle_line_id} if body is not None else set()
    room: Counter[str] = Counter()
    for line in state.lines:
        room[line.line_id] += ledger.out(line.counts)
    for thing in state.fulfilments.values():
        for at, quantity in thing.left if thing.outside else ():
            room[state.lines[at].line_id] += quantity
    said: Counter[int] = Counter()
    for one in fulfilled:
        units = units_of(work, order, one.units)
        if one.outside_id == "":
            skipped |= {state.lines[at].line_id for at in units}
        elif one.outside_id not in others and is_ours(state, one, units):
            said.update(units)
    lines = ((at, state.lines[at].line_id, quantity) for at, quantity in said.items())
    return {
        at: quantity - room[line_id]
        for at, line_id, quantity in lines
        if quantity > room[line_id] and line_id not in skipped
    }


def first_shown(work: Work, order: Order, stated: Statement) -> tuple[str, ...]:
    """Return the channel's ids of shipments of ours that a statement shows for the first time. Some
    may stand for ours that it does not show any more, such as one under a corrected number, or one
    that was deleted some time before."""
    state = work.state
    if not stated.fulfilled or not stated.fulfilled_is_all:
        return ()
    known = {*state.shown, *(name for name, _ in state.outside), ""}
    room = max(0, MAX_OUTSIDE - len(state.shown))
    new = [one for one in stated.fulfilled if one.outside_id not in known]
    found = [one.outside_id for one in new if _is_known(state, one)]
    named = {one.outside_id for one in stated.fulfilled if one.units}
    if new and (state.reduced or not named.issuperset(state.shown)):
        found += _instead(work, order, stated)
    return tuple(dict.fromkeys(found))[:room]


def _instead(work: Work, order: Order, stated: Statement) -> list[str]:
    """Return shipments by no one that is known, which hold no more than what has left by us, what
    the channel was told, and what is in none of ours there."""
    state = work.state
    others = dict(state.outside)
    room = Counter({at: ledger.out(line.counts) for at, line in enumerate(state.lines)})
    for parcel in state.parcels.values():
        if parcel.stage in SENT and not parcel.shown:
            room.subtract(dict(parcel.units))
    new = []
    for one in stated.fulfilled:
        units = units_of(work, order, one.units)
        if one.outside_id and one.outside_id not in others and units:
            if is_ours(state, one, units):
                room.subtract(units)
            else:
                new.append((one.outside_id, units))
    found = []
    for name, units in new:
        if all(room[at] >= quantity for at, quantity in units.items()):
            room.subtract(units)
            found.append(name)
    return found


def unlike(
    work: Work, order: Order, name: str, fulfilled: Iterable[i.OutsideShipment]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return by line how many units a shipment of others holds more than is known of it, and how
    many fewer. A line may have taken the place of another one since: lines are told by their ids,
    and units of one that the order does not have any more stay as they are known."""
    lines = work.state.lines
    known = dict(dict(work.state.outside)[name])
    now = {lines[at].line_id for at in wanted(work, order)}
    held: Counter[str] = Counter()
    for at, quantity in known.items():
        held[lines[at].line_id] += quantity
    said: Counter[int] = Counter()
    for one in fulfilled:
        if one.outside_id == name:
            said.update(units_of(work, order, one.units))
    is_same = held.keys() <= now
    more, fewer = {}, {}
    for at, quantity in said.items():
        line_id = lines[at].line_id
        if quantity > held[line_id] and (held[line_id] or is_same):
            more[at] = quantity - held[line_id]
        held[line_id] -= quantity
    for at in sorted(known, reverse=True):
        line_id = lines[at].line_id
        count = min(known[at], held[line_id])
        if count > 0 and line_id in now:
            fewer[at] = count
            held[line_id] -= count
    return more, fewer


def wanted(work: Work, order: Order) -> dict[int, int]:
    """Return the units that a statement wants by our lines."""
    return units_of(work, order, [f.Units(x.line_id, x.sku, x.quantity) for x in order.lines])


def is_ours(state: State, one: i.OutsideShipment, units: dict[int, int]) -> bool:
    """Whether a shipment is one of ours, by its id, a number or what it holds."""
    numbers = one.tracking_numbers
    if _is_known(state, one) or _by_number(state, numbers):
        return True
    return _by_publication(state, units, bare=not numbers) is not None


def units_of(work: Work, order: Order, units: Iterable[f.Units]) -> dict[int, int]:
    """Return units of the channel's lines by our lines; components of a bundle go with it."""
    stated = {line.line_id: line.quantity for line in order.lines}
    at_of = {line.line_id: at for at, line in enumerate(work.state.lines)}
    body = work.order
    parts: dict[str, list[tuple[str, int]]] = {}
    for line in body.lines if body is not None else ():
        if line.bundle_line_id:
            parts.setdefault(line.bundle_line_id, []).append((line.line_id, line.quantity))
    found: dict[int, int] = {}
    for one in units:
        for line_id, quantity in parts.get(one.line_id, [(one.line_id, 0)]):
            at = at_of.get(line_id)
            if at is None or one.quantity <= 0:
                continue
            whole = stated.get(one.line_id, 0)
            count = quantity * one.quantity // whole if quantity and whole else one.quantity
            found[at] = found.get(at, 0) + count
    return found


def _is_known(state: State, one: i.OutsideShipment) -> bool:
    if one.outside_id in state.shown or one.outside_id in dict(state.outside):
        return True
    ids = {one.outside_id, *one.tracking_numbers}
    if any(ids & set(x.ids) for x in state.ended.values()):
        return True
    return any(one.outside_id in x.outside for x in state.fulfilments.values())


def _matched(work: Work, one: i.OutsideShipment, units: dict[int, int]) -> bool:
    """Whether it is ours: by a number we know, or because a publication of ours that is open, or of
    which no one knows, says the same."""
    state = work.state
    numbers = one.tracking_numbers
    key = _by_number(state, numbers) or _by_publication(state, units, bare=not numbers)
    if key is None:
        return False
    work.say(e.OutsideMatched(rule="match", key=key, outside_id=one.outside_id))
    return True


def _by_number(state: State, numbers: tuple[str, ...]) -> Key | None:
    for parcel in state.parcels.values():
        if parcel.number and parcel.number in numbers and parcel.fulfilment in state.fulfilments:
            return parcel.fulfilment
    return None


def _by_publication(state: State, units: dict[int, int], *, bare: bool) -> Key | None:
    """Return the fulfilment of which a publication says the same: of all its parcels, or, as shops
    make a shipment of each, of one. Where neither has a number (`bare`), a part of it will do:
    shops make a shipment of what they have at each location."""
    asked: tuple[e.Intent | Lost, ...] = (*state.open, *state.lost)
    for intent in asked:
        thing = state.fulfilments.get(intent.key)
        if intent.kind != PUBLISH or thing is None:
            continue
        names = intent.note.split(",")
        sent = [
            parcel
            for key, parcel in parcels_of(state, intent.key)
            if parcel.stage in SENT and key in names
        ]
        said = [dict(parcel.units) for parcel in sent]
        whole: dict[int, int] = {}
        for parts in said:
            for at, quantity in parts.items():
                whole[at] = whole.get(at, 0) + quantity
        if units == whole or (units in said and len(thing.outside) < len(thing.parcels)):
            return intent.key
        unmarked = bare and units and not any(parcel.number for parcel in sent)
        if unmarked and all(whole.get(at, 0) >= quantity for at, quantity in units.items()):
            return intent.key
    return None


def _sums(work: Work, units: dict[int, int]) -> None:
    """A channel that knows sums alone: what is more than left by us, and than is known to have gone
    elsewhere, is somebody else's. One that counts an order as complete also counts what was
    cancelled here, until it is taken off there."""
    more = {}
    for at, quantity in units.items():
        counts = work.state.lines[at].counts
        get = counts.get
        rest = quantity - ledger.out(counts) - get("e", 0) - get("E", 0)
        here = max(0, get("o", 0) + get("a", 0) - ledger.wished(counts))
        rest -= min(max(0, rest - here), _cancelled(counts))
        if rest > 0:
            more[at] = rest
    _elsewhere(work, "", more)


def _cancelled(counts: ledger.Counts) -> int:
    return counts.get("c", 0) + counts.get("C", 0)


def _ours_again(work: Work, order: Order, units: Iterable[f.Units]) -> None:
    """What counts as sent by others and is ours to send after all, by the channel's sums, is a
    person's task: others may have begun with it."""
    stated = {line.line_id: line.quantity for line in order.lines}
    at_of = {line.line_id: at for at, line in enumerate(work.state.lines)}
    told = []
    for one in units:
        at = at_of.get(one.line_id)
        if at is None:
            continue
        line = work.state.lines[at]
        more = line.counts.get("e", 0) + line.counts.get("E", 0) - one.quantity
        if more > 0 and stated.get(one.line_id) == ledger.ordered(line.counts):
            told.append(
                f"the channel now wants {more} × {line.sku} of line {line.line_id} from our place, "
                "and it counts here as sent by others: have it sent, and add its number there"
            )
    leave(work, *told)


def _unnamed(state: State, units: Iterable[int]) -> dict[int, int]:
    """Return by line the units that are known to have gone elsewhere, and in no shipment that was
    named: one that is named now may be of them."""
    named: dict[int, int] = {}
    for outside_id, parts in state.outside:
        for at, quantity in parts if outside_id else ():
            named[at] = named.get(at, 0) + quantity
    found = {}
    for at in units:
        counts = state.lines[at].counts
        found[at] = counts.get("e", 0) + counts.get("E", 0) - named.get(at, 0)
    return found


def _elsewhere(
    work: Work, outside_id: str, units: dict[int, int], unnamed: Mapping[int, int] = NONE
) -> None:
    state = work.state
    if not units:
        return
    if len(state.outside) >= MAX_OUTSIDE and outside_id not in dict(state.outside):
        reason = (
            f"the channel shows more than {MAX_OUTSIDE} shipments by others, and no more are kept: "
            "take off here what others sent, then release this"
        )
        beyond(work, OUTSIDE_BEYOND, reason)
        return
    moves, wishes, twice = [], [], []
    for at, told in units.items():
        quantity = told - min(told, max(0, unnamed.get(at, 0)))
        counts = state.lines[at].counts
        wished = ledger.wished(counts)
        free = min(quantity, max(0, counts.get("o", 0) - wished))
        if free:
            moves.append(e.Move(at, free, ledger.OPEN, ledger.ELSEWHERE))
        rest = quantity - free
        busy = max(0, counts.get("o", 0) - free + counts.get("a", 0) - wished)
        if min(rest, busy):
            wishes.append(e.Wish(at, min(rest, busy), ledger.ELSEWHERE))
        if rest > busy and ledger.out(counts):
            twice += _beside_ours(state.lines[at], rest - busy)
    work.say(
        e.ShippedElsewhere(
            rule="elsewhere",
            outside_id=outside_id,
            units=tuple(units.items()),
            moves=tuple(moves),
            wishes=tuple(wishes),
        )
    )
    leave(work, *twice)


def _beside_ours(line: LineState, quantity: int) -> list[str]:
    """Return what a person has to find out about units that others sent, too. Those that were
    cancelled here did not leave twice."""
    cancelled = min(quantity, _cancelled(line.counts))
    told = (
        (cancelled, "they were cancelled here: find out which is true"),
        (
            quantity - cancelled,
            "ours have left, too: find out which is true, and have what is too much sent back",
        ),
    )
    of = f"{line.sku} of line {line.line_id} as sent by others"
    return [f"the channel shows {count} × {of}, and {why}" for count, why in told if count]

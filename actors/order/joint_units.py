"""Joint rules about units: what is no longer wanted is freed, what is open is planned."""

from __future__ import annotations

from actors.fulfilment.thing import Fulfilment
from actors.kernel import ledger
from actors.order import mapping
from actors.order.acceptance import accept
from actors.order.evolve import DECLINED
from actors.order.joint_stops import is_waiting
from actors.order.later import withheld
from actors.order.places import AT_WORK, FREE, places_for
from actors.order.reading import is_open
from actors.order.table import FINAL
from actors.order.work import Work
from actors.stock.plan import MAX_FULFILMENTS, OpenLine, plan
from schemas.messages import events as e
from schemas.messages.base import Move, Parts
from schemas.order.things import FULFILMENT, Key


def drop(work: Work) -> e.OrderEvent | None:
    """Units that are no longer wanted, and on which no one works, leave the order. Of an order that
    is being cancelled these are all that come back."""
    moves: list[Move] = []
    sums, cancels = work.state.sums, work.state.cancel is not None
    if not sums.get("o") or work.state.stage in FINAL or not (cancels or ledger.wished(sums)):
        return None
    for at, line in enumerate(work.state.lines):
        counts = line.counts
        free = counts.get("o", 0)
        for account, letter in ledger.WISHES.items():
            quantity = min(free, counts.get(letter, 0))
            if quantity:
                moves.append(Move(at, quantity, ledger.OPEN, account))
                free -= quantity
        if free and cancels:
            moves.append(Move(at, free, ledger.OPEN, ledger.CANCELLED))
    return e.UnitsDropped(rule="drop", moves=tuple(moves)) if moves else None


def cover(work: Work) -> e.OrderEvent | None:
    """Units that left although no one had asked for them count for units that are open."""
    if not work.state.sums.get("x") or work.state.stage != "accepted":
        return None
    moves = [
        Move(at, quantity, ledger.OPEN, ledger.EXCESS)
        for at, line in enumerate(work.state.lines)
        if (quantity := min(line.counts.get("o", 0), line.counts.get("x", 0)))
    ]
    return e.ExcessCounted(rule="cover", moves=tuple(moves)) if moves else None


def cover_planned(work: Work) -> e.OrderEvent | None:
    """They count for planned ones, too, on which no one works yet."""
    state = work.state
    if not state.sums.get("x") or state.stage != "accepted":
        return None
    for at, line in enumerate(state.lines):
        excess = line.counts.get("x", 0)
        if excess and line.counts.get("a", 0):
            for key, thing in reversed(state.fulfilments.items()):
                have = dict(thing.left).get(at, 0)
                if not have or thing.stage not in FREE or thing.stop or is_open(state, key):
                    continue
                if work.is_doubtful(key):
                    return e.Stopped(rule="stop", key=key, why="again")
                return _shrunk(key, ((at, min(have, excess)),), "shrink")
    return None


def shrink(work: Work) -> e.OrderEvent | None:
    """Units that are no longer wanted are freed: first where no one works on them, else by stopping
    a fulfilment, whose other units are planned again."""
    state = work.state
    if not ledger.wished(state.sums):
        return None
    for at, line in enumerate(state.lines):
        need = ledger.wished(line.counts)
        event = _freed(work, at, need) if need else None
        if event is not None:
            return event
    return None


def _freed(work: Work, at: int, need: int) -> e.OrderEvent | None:
    """Free so many units of a line: first what a warehouse did not find and no one has decided
    about, then the latest fulfilments. Those that stop already, or that wait for an answer after
    which it is asked again, count as freed."""
    state = work.state
    having = [(k, x, dict(x.left).get(at, 0)) for k, x in reversed(state.fulfilments.items())]
    having = [one for one in having if one[2]]
    need -= sum(have for _, thing, have in having if thing.stop)
    others = [one for one in having if not one[1].stop]
    for key, thing, _ in others:
        if need > 0 and thing.stage in AT_WORK and (short := dict(thing.missing).get(at, 0)):
            return _shrunk(key, ((at, min(need, short)),), "forgo")
    for key, thing, have in others:
        if need <= 0:
            return None
        if thing.stage in FREE and not work.is_doubtful(key):
            if not is_open(state, key):
                return _shrunk(key, _with_others(work, thing, at, min(need, have)), "shrink")
            need -= have
    for key, thing, _ in others:
        if need > 0 and not thing.fixed and (thing.stage in AT_WORK or work.is_doubtful(key)):
            return e.Stopped(rule="stop", key=key, why="changed")
    return None


def _with_others(work: Work, thing: Fulfilment, at: int, quantity: int) -> Parts:
    """Free the other lines' units of the same fulfilment in one go."""
    found = {at: quantity}
    for other, have in thing.left:
        line = work.state.lines[other]
        wanted = ledger.wished(line.counts)
        if other != at and wanted and wanted >= line.counts.get("a", 0):
            found[other] = have
    return tuple(found.items())


def _shrunk(key: Key, parts: Parts, rule: str) -> e.Shrunk:
    moves = tuple(Move(at, quantity, ledger.ALLOCATED, ledger.OPEN) for at, quantity in parts)
    return e.Shrunk(rule=rule, key=key, units=parts, moves=moves)


def put_off(work: Work) -> e.OrderEvent | None:
    """Units that are to be sent later are freed: where no one works on them at once, else by
    stopping a fulfilment, whose other units are planned again."""
    state = work.state
    for at, quantity in withheld(work).items() if state.stage == "accepted" else ():
        need = quantity - state.lines[at].counts.get("o", 0)
        things = reversed(state.fulfilments.items())
        having = [(k, x, have) for k, x in things if (have := dict(x.left).get(at, 0))]
        need -= sum(have for _, thing, have in having if thing.stop)
        for key, thing, have in having:
            if need <= 0 or thing.stop or thing.fixed:
                continue
            if thing.stage in FREE and is_open(state, key):
                need -= have  # asked again after the answer
            elif thing.stage in FREE and not work.is_doubtful(key):
                return _shrunk(key, ((at, min(have, need)),), "shrink")
            elif thing.stage in (*FREE, *AT_WORK):
                return e.Stopped(rule="stop", key=key, why="later")
    return None


def not_ours(work: Work) -> e.OrderEvent | None:
    """What somebody else fulfils, or what nothing of ours could fulfil, is not planned."""
    state, setup = work.state, work.context.setup
    if not _may_plan(work):
        return None
    moves = [
        Move(at, quantity, ledger.OPEN, ledger.ELSEWHERE)
        for at, line in enumerate(state.lines)
        if (quantity := line.counts.get("o", 0))
        and (line.delivery == "elsewhere" or (line.delivery != "digital" and not setup.places))
    ]
    return e.LeftToOthers(rule="not-ours", moves=tuple(moves)) if moves else None


def planned(work: Work) -> e.OrderEvent | None:
    """Open units are planned; the first plan hopes that the first place has everything."""
    state, setup = work.state, work.context.setup
    if not _may_plan(work):
        return None
    later = withheld(work) if state.later else {}
    lines = [
        OpenLine(at, line.sku, line.delivery, quantity)
        for at, line in enumerate(state.lines)
        if (quantity := line.counts.get("o", 0) - later.get(at, 0)) > 0
    ]
    if not lines or len(state.fulfilments) >= MAX_FULFILMENTS:
        return None
    for delivery in dict.fromkeys(one.delivery for one in lines):
        places = places_for(state, setup, work.order, delivery)
        made = plan([x for x in lines if x.delivery == delivery], places, ())
        if made:
            break
    else:
        return None
    one = made[0]
    return e.FulfilmentPlanned(
        rule="plan",
        key=work.next(FULFILMENT),
        place=one.place,
        delivery=one.delivery,
        moves=tuple(Move(at, q, ledger.OPEN, ledger.ALLOCATED) for at, q in one.units),
    )


def declined(work: Work) -> e.OrderEvent | None:
    """When every place has refused, a person must find another way."""
    state, setup = work.state, work.context.setup
    if not setup.places or not _may_plan(work):
        return None
    if not any(
        x.counts.get("o")
        and x.delivery not in ("digital", "elsewhere")
        and not places_for(state, setup, work.order, x.delivery)
        for x in state.lines
    ):
        return None
    if not state.declined:
        return _unsendable(work)
    if any(hold.hold_id.startswith(DECLINED) for hold in state.holds):
        return None
    names = ", ".join(state.declined)
    reason = (
        f"the warehouse cancelled its task by itself, and no place but {names} is left that sends "
        "to this address"
    )
    return e.Held(rule="hold", hold_id=f"{DECLINED}{state.version + 1}", reason=reason)


def _unsendable(work: Work) -> e.OrderEvent | None:
    """Hold the order for why no place sends to its address, as when it was placed."""
    state, context = work.state, work.context
    held = {one.hold_id for one in state.holds}
    missing = mapping.made_of(work.order, context, state.waived).unmapped if work.order else ()
    for hold_id, reason in mapping.reasons(missing, context.channel):
        if hold_id not in held:
            return e.Held(rule="hold", hold_id=hold_id, reason=reason)
    return None


def _may_plan(work: Work) -> bool:
    state = work.state
    if state.stage != "accepted" or not state.sums.get("o"):
        return False
    if state.stops and is_waiting(state):
        return False
    return bool(accept(state, work.context.setup).basis)

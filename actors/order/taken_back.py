"""What the channel showed as fulfilled and does not show any more."""

from __future__ import annotations

from actors.fulfilment.parts import minus
from actors.kernel import ledger
from actors.order.differs import MAX_NAMED, leave
from actors.order.outside import (
    BESIDE,
    Statement,
    beyond_ours,
    is_ours,
    units_of,
    unlike,
    wanted,
)
from actors.order.table import CANCELLED, CLOSED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.canonical import Order


def withdrawn(work: Work, order: Order, stated: Statement) -> None:
    """Take back what a newer statement of all that is fulfilled does not show any more, be it whole
    shipments or some of their units: what others were to have sent is ours to send again. Of what
    we sent ourselves a person is told."""
    state = work.state
    if not stated.fulfilled_is_all or state.stage == CANCELLED:
        return
    names = {one.outside_id for one in stated.fulfilled if one.units}
    gone = tuple(name for name, _ in state.outside if name not in (*names, BESIDE))
    ours = tuple(name for name in state.shown if name not in names)
    less = _fewer(work, order, stated)
    if not gone and not ours and not less:
        return
    again = _open_again(work, order, stated) if gone or less else {}
    moves, kept = [], []
    for at, quantity in again.items():
        counts = state.lines[at].counts
        wished = min(quantity, counts.get("E", 0))
        if wished:
            kept.append((at, wished))
        if quantity > wished:
            moves.append(e.Move(at, quantity - wished, ledger.ELSEWHERE, ledger.OPEN))
    closed = state.stage == CLOSED
    work.say(
        e.NotElsewhere(
            rule="not-elsewhere",
            gone=(*gone, *ours),
            less=less,
            moves=tuple(moves),
            kept=tuple(kept),
        )
    )
    if closed and moves:
        work.say(e.Reopened(rule="reopen", why="the channel shows less as sent by others"))
    if ours:
        _not_shown(work, order, stated, ours)


def _fewer(
    work: Work, order: Order, stated: Statement
) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    """Return by shipment of others the units that it held and does not any more, also of those that
    they put into ours. Of a line whose sum is stated they may be in none that is named yet, so that
    they stay."""
    known = work.state.outside
    named = {one.outside_id for one in stated.fulfilled if one.outside_id and one.units}
    if {BESIDE, *named}.isdisjoint(name for name, _ in known):
        return ()
    _, summed = _theirs(work, order, stated)
    found = []
    for name, parts in known:
        if name == BESIDE:
            now = beyond_ours(work, order, stated.fulfilled)
            if rest := minus(parts, tuple(now.items())):
                found.append((name, rest))
        if name in named:
            _, fewer = unlike(work, order, name, stated.fulfilled)
            if parts := tuple((at, count) for at, count in fewer.items() if at not in summed):
                found.append((name, parts))
    return tuple(found)


def _open_again(work: Work, order: Order, stated: Statement) -> dict[int, int]:
    """Return by line the units that count as sent by others, that no shipment accounts for any
    more, and that the channel wants. Of a line whose sum it states a person decides."""
    state = work.state
    known: dict[int, int] = {}
    for _, parts in state.outside:
        for at, quantity in parts:
            known[at] = known.get(at, 0) + quantity
    theirs, summed = _theirs(work, order, stated)
    stated_now = wanted(work, order)
    found = {}
    for at, count in known.items():
        counts = state.lines[at].counts
        get = counts.get
        have = get("e", 0) + get("E", 0)
        rest = get("o", 0) + get("a", 0) - ledger.wished(counts) + ledger.out(counts)
        free = min(min(have, count) - theirs.get(at, 0), stated_now.get(at, 0) - rest)
        if free > 0 and at not in summed:
            found[at] = free
    return found


def _theirs(work: Work, order: Order, stated: Statement) -> tuple[dict[int, int], set[int]]:
    """Return by line the units in shipments of others, and the lines whose sums are stated."""
    found: dict[int, int] = {}
    summed: set[int] = set()
    names = {name for name, _ in work.state.outside}
    for one in stated.fulfilled:
        units = units_of(work, order, one.units)
        if one.outside_id == "":
            summed.update(units)
        elif one.outside_id in names or not is_ours(work.state, one, units):
            for at, quantity in units.items():
                found[at] = found.get(at, 0) + quantity
    for at, quantity in beyond_ours(work, order, stated.fulfilled).items():
        found[at] = found.get(at, 0) + quantity
    return found, summed


def _not_shown(work: Work, order: Order, stated: Statement, gone: tuple[str, ...]) -> None:
    """Leave to a person shipments of ours that the channel took back after they had left, unless
    others stand for them."""
    state = work.state
    shown: dict[int, int] = {}
    for one in stated.fulfilled:
        for at, quantity in units_of(work, order, one.units).items():
            shown[at] = (
                max(shown.get(at, 0), quantity)
                if one.outside_id == ""
                else (shown.get(at, 0) + quantity)
            )
    wanted = {line.line_id for line in order.lines}
    less = [
        f"{ledger.out(x.counts) - shown.get(at, 0)} × {x.sku} of line {x.line_id}"
        for at, x in enumerate(state.lines)
        if x.line_id in wanted and ledger.out(x.counts) > shown.get(at, 0)
    ]
    if less:
        names = ", ".join(one.rpartition("/")[2] for one in gone[:MAX_NAMED])
        more = f" and {len(less) - MAX_NAMED} more lines" if len(less) > MAX_NAMED else ""
        leave(
            work,
            f"the channel does not show {', '.join(less[:MAX_NAMED])}{more} as sent any more "
            f"(shipment {names}), and they have left: have them entered there again, or sent back",
        )

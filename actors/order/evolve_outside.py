"""What an order remembers of the shipments that its channel shows."""

from __future__ import annotations

from typing import Any

from actors.kernel import ledger
from actors.order.draft import Draft, stays
from actors.order.state import LineState
from schemas.messages import events as e
from schemas.messages.base import Parts


def _shipped_elsewhere(draft: Draft, event: e.ShippedElsewhere) -> None:
    stays(draft, event)
    known = dict(draft.state.outside)
    sums = dict(known.get(event.outside_id, ()))
    for line, quantity in event.units:
        sums[line] = sums.get(line, 0) + quantity
    known[event.outside_id] = tuple(sums.items())
    draft.set(outside=tuple(known.items()))


def shown(draft: Draft, event: e.OutsideMatched) -> None:
    """Remember that the channel has shown a shipment of ours."""
    if event.outside_id not in draft.state.shown:
        draft.set(shown=(*draft.state.shown, event.outside_id))


def _not_elsewhere(draft: Draft, event: e.NotElsewhere) -> None:
    stays(draft, event)
    state = draft.state
    less = dict(event.less)
    kept = (one for one in state.outside if one[0] not in event.gone)
    draft.set(
        outside=tuple((name, _without(parts, less.get(name, ()))) for name, parts in kept),
        shown=tuple(one for one in state.shown if one not in event.gone),
        reduced=state.reduced or not set(event.gone).isdisjoint(state.shown),
    )
    lines, sums = list(draft.get("lines")), dict(draft.get("sums"))
    for at, quantity in event.kept:
        line = lines[at]
        counts = ledger.unwished(line.counts, ledger.ELSEWHERE, quantity)
        ledger.add_up(sums, line.counts, counts)
        lines[at] = LineState(line.line_id, line.sku, line.delivery, counts)
    draft.set(lines=tuple(lines), sums=sums)


def _without(parts: Parts, less: Parts) -> Parts:
    fewer = dict(less)
    left = ((at, quantity - fewer.get(at, 0)) for at, quantity in parts)
    return tuple(one for one in left if one[1] > 0) if less else parts


OUTSIDE: dict[type[e.Event], Any] = {
    e.ShippedElsewhere: _shipped_elsewhere,
    e.NotElsewhere: _not_elsewhere,
}
"""What each of these events does to the order itself."""

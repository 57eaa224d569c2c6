"""Sums over units by line."""

from __future__ import annotations

from schemas.messages import events as e
from schemas.messages.base import Parts


def plus(units: Parts, more: Parts) -> Parts:
    """Add units to units, line by line."""
    if not units:
        return more
    sums = dict(units)
    for line, quantity in more:
        sums[line] = sums.get(line, 0) + quantity
    return tuple((line, quantity) for line, quantity in sums.items() if quantity)


def minus(units: Parts, less: Parts) -> Parts:
    """Take units from units, none below zero."""
    if not less:
        return units
    sums = dict(units)
    for line, quantity in less:
        if line in sums:
            sums[line] = max(0, sums[line] - quantity)
    return tuple((line, quantity) for line, quantity in sums.items() if quantity)


def within(units: Parts, have: Parts) -> Parts:
    """Return units as far as there are so many."""
    most = dict(have)
    return tuple(
        (line, least) for line, count in units if (least := min(count, most.get(line, 0))) > 0
    )


def units_of(event: e.Event, source: str, to: str) -> Parts:
    """Return the units that an event moves from one account to another."""
    return tuple((m.line, m.quantity) for m in event.moves if m.source == source and m.to == to)

"""Units as a channel counts them: a kit that was taken apart here is one line there.

A kit has left when each of its components has, so how many kits a publication speaks of depends on
the parcels that the channel was told of before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from schemas.messages.effects import Units
from schemas.order.canonical import Order


def channel_units(
    order: Order, earlier: Iterable[Units], now: Iterable[Units], kits: Mapping[str, int]
) -> dict[str, int]:
    """Return what `now` adds to `earlier`, by the channel's line ids.

    `kits` says how many of a line the channel has, for the lines that became components here. A kit
    that it does not have counts as one, which the channel then refuses by name.
    """
    before = list(earlier)
    told, then = _told(order, before, kits), _told(order, [*before, *now], kits)
    return {line: then[line] - told[line] for line in then if then[line] > told[line]}


class Room:
    """How many of each of its lines a channel can still show as sent: as many as were ordered there
    (`have`), without those it was `told` of before. What a warehouse sent beyond that is a person's
    task on the order; a line that the channel does not have is left for it to refuse by name."""

    def __init__(self, have: Mapping[str, int], told: Mapping[str, int]) -> None:
        self._left = {line: quantity - told.get(line, 0) for line, quantity in have.items()}

    def take(self, units: Mapping[str, int]) -> dict[str, int]:
        """Return what of a parcel's units there is room for, and count it."""
        found = {}
        for line, quantity in units.items():
            left = self._left.get(line)
            shown = quantity if left is None else min(quantity, max(0, left))
            if left is not None:
                self._left[line] = left - quantity
            if shown:
                found[line] = shown
        return found


def _told(order: Order, units: Iterable[Units], kits: Mapping[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in units:
        counts[one.line_id] += one.quantity
    found: Counter[str] = Counter()
    parts: dict[str, dict[str, int]] = {}
    for line in order.lines:
        if line.bundle_line_id:
            parts.setdefault(line.bundle_line_id, {})[line.line_id] = line.quantity
    for kit, components in parts.items():
        have = {name: counts.pop(name, 0) for name in components}
        if any(have.values()):
            whole = kits.get(kit, 0)
            found[kit] = min(have[name] * whole // components[name] for name in components)
            if not whole:
                found[kit] = 1
    found.update(counts)
    return found

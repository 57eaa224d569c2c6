"""Which SKUs were short lately, so that no append hopes for them and is written twice."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.postgres.reserving import Shelf
from schemas.messages.effects import ReserveStock

PAUSE_SECONDS = 1.0
"""How long a SKU of a place counts as short. Each order that finds it short begins this again, so
that of a favourite that is sold out one batch is written twice, not one a second."""

MAX_SHORT = 10_000
"""SKUs remembered, about 2 MB; beyond it the one that was short longest ago is hoped for again."""


class Shortages:
    """Remembers them for a while. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[Shelf, float] = {}

    def remember(self, shelves: Iterable[Shelf], now: float) -> None:
        """These did not suffice just now."""
        for shelf in shelves:
            self._until.pop(shelf, None)
            self._until[shelf] = now + PAUSE_SECONDS
        while len(self._until) > MAX_SHORT:
            del self._until[next(iter(self._until))]

    def concern(self, asked: ReserveStock, now: float) -> bool:
        """Whether anything that is asked for was short just now."""
        until = self._until
        while until and until[oldest := next(iter(until))] <= now:
            del until[oldest]
        return bool(until) and any((asked.place, unit.sku) in until for unit in asked.units)

"""Which stock was not to be had lately, so that no append hopes for it and is written twice."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.postgres.reserving import Shelf
from schemas.messages.effects import ReserveStock

PAUSE_SECONDS = 1.0
"""How long a SKU of a place counts as short. Each order that finds it short begins this again, so
that of a favourite that is sold out one batch is written twice, not one a second."""

STAND_BACK_SECONDS = 5.0
"""How long nothing is hoped for after somebody held rows of the stock, such as one who loads it: a
try costs all orders a tenth of a second (`lock_timeout` in the statement `append`)."""

MAX_SHORT = 10_000
"""SKUs remembered, about 2 MB; beyond it the one that was short longest ago is hoped for again."""


class Shortages:
    """Remembers them for a while. Moments are monotonic seconds."""

    def __init__(self) -> None:
        self._until: dict[Shelf, float] = {}
        self._all_until = 0.0

    def stand_back(self, now: float) -> None:
        """Somebody holds rows of the stock: hope for nothing for a while."""
        self._all_until = now + STAND_BACK_SECONDS

    def remember(self, shelves: Iterable[Shelf], now: float) -> None:
        """These did not suffice just now."""
        for shelf in shelves:
            self._until.pop(shelf, None)
            self._until[shelf] = now + PAUSE_SECONDS
        while len(self._until) > MAX_SHORT:
            del self._until[next(iter(self._until))]

    def concern(self, asked: ReserveStock, now: float) -> bool:
        """Whether anything that is asked for was short, or held by somebody, just now."""
        if now < self._all_until:
            return True
        until = self._until
        while until and until[oldest := next(iter(until))] <= now:
            del until[oldest]
        return bool(until) and any((asked.place, unit.sku) in until for unit in asked.units)

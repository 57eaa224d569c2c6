"""The twin of our own stock table in memory: the same answers for what tests ask of it."""

from __future__ import annotations

from collections.abc import Sequence

from actors.runtime.errors import Rejected
from actors.runtime.partner import Call
from actors.runtime.ports import RecordedEffect
from schemas.messages.effects import (
    Effect,
    ReserveStock,
    RestockReturn,
    Result,
    Seen,
    StockReserved,
    StockReturned,
    StockShort,
)

Shelf = tuple[str, str]
"""A place and a SKU."""

_UNTRACKED = -1


class MemoryStock:
    """Implements actors.runtime.local.LocalPartner for ReserveStock. `available` is what each shelf
    could promise; a SKU without any figure is not counted, one that has a figure at another place
    has nothing where it has none. `was_short` is set while nothing is to be
    hoped for."""

    name = "stock"
    can_look_up = True

    def __init__(self) -> None:
        self.available: dict[Shelf, int] = {}
        self.held: dict[tuple[str, str, str, str, str], int] = {}
        self.returned: set[tuple[str, str]] = set()
        self.was_short = False

    def expected(self, effect: Effect) -> Result | None:
        """Return what reserving comes to; see the port."""
        if not isinstance(effect, ReserveStock) or not effect.units or self.was_short:
            return None
        return StockReserved(place=effect.place)

    async def perform(self, call: Call) -> Result:
        """Reserve all or nothing, or enter what came back. Raises Rejected for anything else."""
        effect = call.effect
        if isinstance(effect, RestockReturn):
            return self._restock((call.order_id, call.key), effect)
        if not isinstance(effect, ReserveStock):
            raise Rejected(f"This stock can't do {type(effect).__name__}.")
        short = self._short(self._need(call.order_id, call.key, effect))
        if not short:
            self._take(call.order_id, call.key, effect)
            return StockReserved(place=effect.place)
        seen = [
            Seen(place, unit.sku, self._free((place, unit.sku), _UNTRACKED))
            for place in effect.places or (effect.place,)
            for unit in effect.units
        ]
        return StockShort(skus=short, seen=tuple(seen))

    def _restock(self, whose: tuple[str, str], effect: RestockReturn) -> Result:
        """Enter what came back, once for each return; what is counted nowhere stays so."""
        for unit in effect.units if whose not in self.returned else ():
            shelf = (effect.place, unit.sku)
            if any(sku == unit.sku for _, sku in self.available):
                self.available[shelf] = self.available.get(shelf, 0) + unit.quantity
        self.returned.add(whose)
        return StockReturned(place=effect.place)

    async def look_up(self, call: Call) -> Result | None:
        """Return what an earlier call did."""
        effect = call.effect
        if isinstance(effect, RestockReturn):
            done = (call.order_id, call.key) in self.returned
            return StockReturned(place=effect.place) if done else None
        if not isinstance(effect, ReserveStock):
            return None
        need = self._need(call.order_id, call.key, effect)
        return None if any(need.values()) else StockReserved(place=effect.place)

    def reserve(self, order_id: str, asked: Sequence[RecordedEffect]) -> bool:
        """Reserve what effects of one append ask for, all or nothing; False for nothing."""
        need: dict[Shelf, int] = {}
        for one in asked:
            for shelf, count in self._need(order_id, one.key, one.effect).items():
                need[shelf] = need.get(shelf, 0) + count
        if self._short(need):
            return False
        for one in asked:
            self._take(order_id, one.key, one.effect)
        return True

    def _need(self, order_id: str, key: str, effect: Effect) -> dict[Shelf, int]:
        assert isinstance(effect, ReserveStock), "nothing else is carried out inside an append"
        need: dict[Shelf, int] = {}
        for unit in effect.units:
            shelf = (effect.place, unit.sku)
            held = self.held.get((order_id, key, unit.line_id, unit.sku, effect.place), 0)
            need[shelf] = need.get(shelf, 0) + max(0, unit.quantity - held)
        return need

    def _short(self, need: dict[Shelf, int]) -> tuple[str, ...]:
        return tuple(
            sorted(shelf[1] for shelf, count in need.items() if self._free(shelf, count) < count)
        )

    def _free(self, shelf: Shelf, uncounted: int) -> int:
        """Return what a shelf could promise, `uncounted` of a SKU that is counted nowhere."""
        found = self.available.get(shelf)
        if found is None:
            return 0 if any(sku == shelf[1] for _, sku in self.available) else uncounted
        return found

    def _take(self, order_id: str, key: str, effect: Effect) -> None:
        assert isinstance(effect, ReserveStock), "nothing else is carried out inside an append"
        for shelf, count in self._need(order_id, key, effect).items():
            if shelf in self.available:
                self.available[shelf] -= count
        for unit in effect.units:
            name = (order_id, key, unit.line_id, unit.sku, effect.place)
            self.held[name] = max(self.held.get(name, 0), unit.quantity)

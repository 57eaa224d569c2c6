"""What effects ask of the stock, as the statements that reserve and release want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from actors.runtime.errors import Rejected
from schemas.messages.effects import Effect, ReleaseStock, ReserveStock, Units

Shelf = tuple[str, str]
"""A place and a SKU."""


class Wanted(Struct, frozen=True):
    """What one effect asks for one fulfilment."""

    order_id: str
    key: str
    number: int
    place: str
    units: tuple[Units, ...]
    places: tuple[str, ...] = ()

    @property
    def fulfilment(self) -> tuple[str, str]:
        """Whose it is."""
        return (self.order_id, self.key)


class Held(Struct, frozen=True):
    """What a fulfilment holds of a line."""

    quantity: int
    change: int
    number: int
    tracked: bool


Kept = Mapping[tuple[str, str, str, str, str], Held]
"""What fulfilments hold, by order, key, line, SKU and place."""

_NOTHING = Held(0, 0, -1, False)


def wanted_of(order_id: str, key: str, number: int, effect: Effect) -> Wanted:
    """Return what an effect asks. Raises Rejected for what does not concern stock."""
    if not isinstance(effect, ReserveStock | ReleaseStock):
        raise Rejected(f"Stock can't do {type(effect).__name__}; this effect isn't for it.")
    # A line may come to one SKU in several parts.
    sums: dict[tuple[str, str], int] = {}
    for unit in effect.units:
        sums[unit.line_id, unit.sku] = sums.get((unit.line_id, unit.sku), 0) + unit.quantity
    units = tuple([Units(line_id, sku, quantity) for (line_id, sku), quantity in sums.items()])
    places = effect.places if isinstance(effect, ReserveStock) else ()
    return Wanted(order_id, key, number, effect.place, units, places)


def held_of(kept: Kept, wanted: Wanted, unit: Units) -> Held:
    """Return what a fulfilment holds of a line at the place it is wanted at."""
    return kept.get((*wanted.fulfilment, unit.line_id, unit.sku, wanted.place), _NOTHING)


def take(wanted: Wanted, free: dict[Shelf, int], kept: Kept) -> tuple[str, ...]:
    """Take a fulfilment's need from `free`, or return what is short and take nothing."""
    need: dict[Shelf, int] = {}
    for unit in wanted.units:
        shelf, held = (wanted.place, unit.sku), held_of(kept, wanted, unit)
        uncounted = shelf not in free or (held.quantity > 0 and not held.tracked)
        if not uncounted and held.number < wanted.number:
            need[shelf] = need.get(shelf, 0) + max(0, unit.quantity - held.quantity)
    short = tuple(sorted(sku for (place, sku), count in need.items() if free[place, sku] < count))
    if not short:
        for shelf, count in need.items():
            free[shelf] -= count
    return short


def reservation_columns(batch: Sequence[Wanted]) -> tuple[Sequence[object], ...]:
    """One row a unit; one without line for a fulfilment of which all is meant."""
    rows: list[tuple[Wanted, str | None, str | None, int | None]] = [
        (wanted, unit.line_id, unit.sku, unit.quantity) for wanted in batch for unit in wanted.units
    ]
    rows += [(wanted, None, None, None) for wanted in batch if not wanted.units]
    return (
        [wanted.order_id for wanted, _, _, _ in rows],
        [wanted.key for wanted, _, _, _ in rows],
        [line_id for _, line_id, _, _ in rows],
        [sku for _, _, sku, _ in rows],
        [wanted.place for wanted, _, _, _ in rows],
        [quantity for _, _, _, quantity in rows],
        [wanted.number for wanted, _, _, _ in rows],
    )

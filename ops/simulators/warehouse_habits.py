"""How a simulated warehouse works: its usual habits, and others for single orders."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from ops.simulators.faults import BadKnob
from ops.simulators.shapes import JsonObject, JsonValue

CALLBACK_KINDS = ("picked", "packed", "handed_over")
MAX_ORDERS = 10_000
MAX_SECONDS = 86_400.0


@dataclass(slots=True, frozen=True)
class Habits:
    """What a warehouse does. A share is the part of all tasks to which something happens.

    `callbacks`: the reports it sends; short picks and cancellations are always reported.
    `pack_after_seconds`: from the task's creation. `hand_over_after_seconds`: from packing.
    `short_pick_share`: one piece of the last line is missing. `nothing_found_share`: all are.
    `two_parcels_share`: two parcels in one report. `split_share`: the second parcel follows after
    `split_seconds`. `over_ship_share`: one piece too many of the first line. `substitute_share`:
    another SKU instead of the first line's. `cancel_by_itself_share`: cancels instead of picking.
    `own_labels`: buys labels although the task says that we do. `fetch_labels`: hands nothing over
    before it has fetched all of our labels from the task's `label_url`. `no_codes`: scans no codes
    of single pieces.
    `cancel_confirm_seconds`: answers a cancellation with 202 and confirms it later.
    `cancel_fails`: after that 202 the parcels leave all the same.
    `hold`: reports are withheld until released. `pause`: so is the work itself.
    """

    callbacks: tuple[str, ...] = ("packed",)
    pack_after_seconds: float = 0.0
    hand_over_after_seconds: float = 3600.0
    short_pick_share: float = 0.0
    nothing_found_share: float = 0.0
    two_parcels_share: float = 0.0
    split_share: float = 0.0
    split_seconds: float = 0.0
    over_ship_share: float = 0.0
    substitute_share: float = 0.0
    cancel_by_itself_share: float = 0.0
    own_labels: bool = False
    fetch_labels: bool = False
    no_codes: bool = False
    cancel_confirm_seconds: float | None = None
    cancel_fails: bool = False
    hold: bool = False
    pause: bool = False


_NAMES = tuple(field.name for field in fields(Habits))
_FLAGS = ("own_labels", "fetch_labels", "no_codes", "cancel_fails", "hold", "pause")


def _read(name: str, value: JsonValue) -> JsonValue:
    """One habit's value. Raises BadKnob."""
    if name in _FLAGS:
        if isinstance(value, bool):
            return value
        raise BadKnob(f"`{name}` must be true or false, not {value!r}.")
    if name == "callbacks":
        if isinstance(value, list) and all(kind in CALLBACK_KINDS for kind in value):
            return tuple(kind for kind in CALLBACK_KINDS if kind in value)
        raise BadKnob(f"`callbacks` must be a list of {', '.join(CALLBACK_KINDS)}.")
    if name == "cancel_confirm_seconds" and value is None:
        return None
    high = 1.0 if name.endswith("_share") else MAX_SECONDS
    if name.endswith("_share") and isinstance(value, bool):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
        raise BadKnob(f"`{name}` must be a number from 0 to {high:g}, not {value!r}.")
    return float(value)


def read_habits(raw: JsonObject, base: Habits) -> Habits:
    """The base with what the object says instead. Raises BadKnob for anything unknown."""
    unknown = sorted(set(raw) - set(_NAMES))
    if unknown:
        raise BadKnob(
            f"There is no habit named {', '.join(unknown)}. Known are {', '.join(_NAMES)}."
        )
    changed = {name: _read(name, value) for name, value in raw.items()}
    return replace(base, **changed)  # type: ignore[arg-type]  # each was checked by its name


class HabitBook:
    """One warehouse's habits. An order's own lie over the usual ones of the moment; what is set
    for an order in every warehouse is in the book of all."""

    def __init__(self, base: Habits, of_all: HabitBook | None = None) -> None:
        self._base = base
        self._usual = base
        self._of_all = of_all
        self._by_order: dict[str, JsonObject] = {}

    def set(self, order: str, raw: JsonObject) -> None:
        """Changes the named habits: of one order, or the usual ones if `order` is empty."""
        changed = read_habits(raw, self._usual)
        if not order:
            self._usual = changed
            return
        if order not in self._by_order and len(self._by_order) >= MAX_ORDERS:
            raise BadKnob(f"{MAX_ORDERS} orders have habits of their own already.")
        self._by_order[order] = {**self._by_order.get(order, {}), **raw}

    def release(self, order: str) -> None:
        """Withholds and pauses no longer: one order's, or everything."""
        freed: JsonObject = {"hold": False, "pause": False}
        if order:
            self.set(order, freed)
            return
        self._usual = replace(self._usual, hold=False, pause=False)
        for name, raw in self._by_order.items():
            self._by_order[name] = {**raw, **freed}

    def clear(self) -> None:
        """As the command line said, for every order."""
        self._usual = self._base
        self._by_order.clear()

    def of(self, keys: tuple[str, ...]) -> Habits:
        """The habits of an order that is known by these names; the first that is set counts."""
        books = (
            [self._by_order] if self._of_all is None else [self._by_order, self._of_all._by_order]
        )
        for book in books:
            for key in keys if book else ():
                if (raw := book.get(key)) is not None:
                    return read_habits(raw, self._usual)
        return self._usual

    def shown(self) -> JsonObject:
        """What is set now."""
        usual = {name: getattr(self._usual, name) for name in _NAMES}
        return {"usual": usual, "orders": dict(self._by_order)}

"""All simulated warehouses: the default one and any number of named ones, and their controls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ops.simulators.callbacks import Callbacks, News
from ops.simulators.faults import BadKnob
from ops.simulators.partner import Partner, World, json_reply
from ops.simulators.shapes import JsonObject, NotUnderstood, number, objects, parse_object, text
from ops.simulators.warehouse_floor import BuyLabel, Floor, Later
from ops.simulators.warehouse_habits import HabitBook, Habits
from ops.simulators.warehouse_labels import Labels
from ops.simulators.warehouse_story import Step
from ops.simulators.warehouse_tasks import Parcel, Pieces, Task
from ops.simulators.warehouse_v2 import WarehouseV2
from ops.simulators.wire import Reply, Request

MAX_WAREHOUSES = 50
MAX_LISTED = 1000
EVERY = "*"
_NAME = re.compile("[a-z0-9-]{1,32}")
_KINDS = ("picked", "short_picked", "packed", "handed_over", "cancelled")


@dataclass(slots=True, frozen=True)
class _House:
    habits: HabitBook
    floor: Floor
    front: WarehouseV2


def _contents(raw: JsonObject) -> list[Pieces]:
    return [
        Pieces(text(line, "line_id"), int(number(line, "quantity")), text(line, "sku"))
        for line in objects(raw, "lines")
    ]


def read_step(raw: JsonObject) -> Step:
    """A step that is asked for by hand, in the words of a report. Raises BadKnob."""
    kind = text(raw, "type").removeprefix("task.")
    if kind not in _KINDS:
        raise BadKnob(f"`type` must be one of {', '.join(f'task.{one}' for one in _KINDS)}.")
    ids = raw.get("parcel_ids", [])
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise BadKnob("`parcel_ids` must be a list of texts.")
    return Step(
        kind,
        picked=[
            Pieces(text(line, "line_id"), int(number(line, "picked_quantity")))
            for line in objects(raw, "lines")
        ],
        parcels=[
            Parcel(
                text(one, "parcel_id"),
                _contents(one),
                text(one, "carrier"),
                text(one, "tracking_number"),
            )
            for one in objects(raw, "parcels")
        ],
        parcel_ids=ids,
        complete=raw.get("complete", True) is not False,
        reason=text(raw, "reason"),
    )


class Warehouses:
    """The default one at /warehouse, others at /warehouses/{name}, made when first asked."""

    def __init__(
        self,
        world: World,
        callbacks: Callbacks,
        habits: Habits,
        seed: int,
        later: Later,
        buy_label: BuyLabel,
    ) -> None:
        self._world = world
        self._callbacks = callbacks
        self._usual = habits
        self._seed = seed
        self._later = later
        self._buy_label = buy_label
        self._labels = Labels()
        self._of_all = HabitBook(habits)
        self._houses: dict[str, _House] = {}
        self._counted = 0

    def at(self, request: Request) -> Partner | None:
        """The warehouse that a request goes to, or None if there is none and none can be made."""
        match request.segments():
            case ["warehouse", *_]:
                return self._house("").front
            case ["warehouses", name, *_] if self._may_be(name):
                return self._house(name).front
        return None

    def _may_be(self, name: str) -> bool:
        room = name in self._houses or len(self._houses) < MAX_WAREHOUSES
        return room and _NAME.fullmatch(name) is not None

    def _house(self, name: str) -> _House:
        if (house := self._houses.get(name)) is None:
            partner = f"warehouse-{name}" if name else "warehouse"
            habits = HabitBook(self._usual, self._of_all)
            floor = Floor(
                partner,
                self._world,
                self._callbacks,
                habits,
                seed=f"{self._seed}:{partner}",
                later=self._later,
                buy_label=self._buy_label,
                labels=self._labels,
            )
            front = WarehouseV2(partner, self._world, floor, 2 if name else 1)
            house = self._houses[name] = _House(habits, floor, front)
        return house

    async def close(self) -> None:
        """Asks for no label any more."""
        await self._labels.close()

    def control(self, request: Request) -> Reply:
        """Answers /_sim/warehouse/…; which warehouse is `warehouse`, the default one if missing. An
        order's habits may be those of every warehouse, which is `*`."""
        try:
            given = parse_object(request.body) if request.body else dict(request.params())
            name = text(given, "warehouse")
            if name == EVERY and request.path.rstrip("/").endswith("/habits"):
                return self._everywhere(request, given)
            if name and not self._may_be(name):
                raise BadKnob(f"There can be no warehouse named {name!r}.")
            return self._controlled(request, given, self._house(name))
        except (BadKnob, NotUnderstood) as error:
            return json_reply(400, {"error": str(error)})

    def _everywhere(self, request: Request, given: JsonObject) -> Reply:
        order = text(given, "order")
        if request.method == "POST" and order:
            told = {k: v for k, v in given.items() if k not in ("warehouse", "order")}
            self._of_all.set(order, told)
        elif request.method == "DELETE":
            self._of_all.clear()
        else:
            raise BadKnob("In every warehouse only an order's own habits can be set, or deleted.")
        return json_reply(200, self._of_all.shown())

    def _controlled(self, request: Request, given: JsonObject, house: _House) -> Reply:
        order = text(given, "order")
        match request.method, request.path.rstrip("/"):
            case "GET", "/_sim/warehouse/habits":
                return json_reply(200, house.habits.shown())
            case "POST", "/_sim/warehouse/habits":
                told = {k: v for k, v in given.items() if k not in ("warehouse", "order")}
                house.habits.set(order, told)
            case "DELETE", "/_sim/warehouse/habits":
                house.habits.clear()
            case "POST", "/_sim/warehouse/release":
                house.habits.release(order)
            case "GET", "/_sim/warehouse/tasks":
                return json_reply(200, {"tasks": [_listed(task) for task in _found(house, order)]})
            case "POST", "/_sim/warehouse/stock":
                return self._count(given)
            case "POST", "/_sim/warehouse/act":
                return self._act(house, order, given)
            case _:
                return json_reply(404, {"error": f"Nothing is at {request.method} {request.path}."})
        house.floor.release()
        return json_reply(200, house.habits.shown())

    def _count(self, given: JsonObject) -> Reply:
        """Report what lies there, as it is given: also what no warehouse can have."""
        if not (url := text(given, "callback_url")):
            raise BadKnob("`callback_url` is where the report goes.")
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {name: given[name] for name in ("place", "counts") if name in given}
        body = {
            "type": "stock.counted",
            "counted_at": text(given, "counted_at") or now,
            **told,
        }
        self._counted += 1
        told_id = f"msg_stock_{self._counted}"
        self._callbacks.send(News(told_id, url, body, lambda: True, lambda: None))
        return json_reply(200, {"webhook_id": told_id})

    @staticmethod
    def _act(house: _House, order: str, given: JsonObject) -> Reply:
        if not (found := _found(house, order)):
            return json_reply(404, {"error": f"No task belongs to {order!r}."})
        house.floor.act(found[-1], read_step(given))
        return json_reply(200, _listed(found[-1]))


def _found(house: _House, order: str) -> list[Task]:
    return house.front.tasks_of(order)[-MAX_LISTED:]


def _listed(task: Task) -> JsonObject:
    return {
        **task.shown(),
        "fulfilment": task.fulfilment,
        "order_ref": task.order_ref,
        "order_number": task.order_number,
        "reports": task.sequence,
        "reports_waiting": len(task.outbox) + task.sending,
    }

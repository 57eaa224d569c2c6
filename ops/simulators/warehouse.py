"""A warehouse that keeps version 1 of our contract: one task and one hand-over for each order."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ops.simulators.callbacks import Callbacks, News
from ops.simulators.faults import Plan
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonObject, JsonValue, dig, number, objects, parse_object, text
from ops.simulators.warehouse_habits import CALLBACK_KINDS, Habits
from ops.simulators.wire import Reply, Request

MAX_LINES = 500


@dataclass(slots=True)
class Task:
    """One task. `status`: released, picked, packed, handed_over or cancelled."""

    id: str
    reference: str
    channel: str
    order_ref: str
    callback_url: str
    lines: list[tuple[str, int]]
    status: str = "released"
    packed_at: float = 0.0
    short: bool = False
    to_tell: list[str] = field(default_factory=list)


def _when(seconds: float) -> str:
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


class Warehouse:
    """One warehouse with a bearer token of any value."""

    name = "warehouse"

    def __init__(
        self,
        world: World,
        callbacks: Callbacks,
        habits: Habits,
        seed: int,
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._world = world
        self._callbacks = callbacks
        self._habits = habits
        self._rng = random.Random(f"{seed}:short-picks")
        self._later = later
        self._tasks: dict[str, Task] = {}
        self._by_key: dict[str, str] = {}
        self._by_reference: dict[str, list[str]] = {}
        self._next = 1

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[1:]
        if parts[:2] != ["v1", "tasks"]:
            return None
        if len(parts) == 2 and request.method == "POST":
            return Call("create_task", lambda plan: self._create(request, plan))
        if len(parts) == 2 and request.method == "GET":
            return Call("find_task", lambda plan: self._find(request))
        if len(parts) == 4 and parts[3] == "cancel" and request.method == "POST":
            return Call("cancel_task", lambda plan: self._cancel(parts[2], request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        return json_reply(status, {"error": {"code": code, "message": message}})

    def refusal(self, operation: str) -> Reply:
        if operation == "cancel_task":
            return json_reply(409, {"status": "handed_over"})
        return self.failure(422, "UnknownSku", "SKU-000 is not kept in this warehouse.")

    def throttled(self) -> Reply:
        return self.failure(429, "TooManyRequests", "Too many requests; wait as Retry-After says.")

    def _stranger(self, request: Request) -> Reply | None:
        if request.headers.get("authorization", "").startswith("Bearer "):
            return None
        return self.failure(401, "Unauthorized", "A bearer token is needed in Authorization.")

    @staticmethod
    def _shown(task: Task) -> JsonObject:
        return {"task_id": task.id, "status": task.status, "reference": task.reference}

    def _create(self, request: Request, plan: Plan) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        key = request.headers.get("idempotency-key", "")
        if not key:
            return self.failure(400, "NoIdempotencyKey", "The header Idempotency-Key is missing.")
        if key in self._by_key and not plan.ignore_idempotency:
            return json_reply(200, self._shown(self._tasks[self._by_key[key]]))
        sent = parse_object(request.body)
        if wrong := self._fault_in(sent):
            return self.failure(422, "InvalidTask", wrong)
        task = Task(
            id=f"WT-{self._world.run % 10**10:010d}-{self._next:06d}",
            reference=text(sent, "reference"),
            channel=text(sent, "channel"),
            order_ref=text(sent, "order_ref"),
            callback_url=text(sent, "callback_url"),
            lines=[
                (text(line, "line_id"), int(number(line, "quantity")))
                for line in objects(sent, "lines")
            ],
            short=self._rng.random() < self._habits.short_pick_share,
        )
        self._next += 1
        self._world.ledger.record("warehouse_task", self.name, task.reference, task.id)
        self._tasks[task.id] = task
        self._by_key[key] = task.id
        self._by_reference.setdefault(task.reference, []).append(task.id)
        if task.callback_url:
            task.to_tell = self._plot(task)
            # Even the fastest warehouse packs after it has answered.
            wait_seconds = self._habits.pack_after_seconds + plan.delay_seconds + 0.01
            self._later(wait_seconds, lambda: self._tell_next(task))
        return json_reply(201, self._shown(task))

    @staticmethod
    def _fault_in(sent: JsonObject) -> str:
        for name in ("reference", "channel", "order_ref", "order_number"):
            if not text(sent, name):
                return f"`{name}` is missing or empty."
        lines = objects(sent, "lines")
        if not 0 < len(lines) <= MAX_LINES:
            return f"`lines` must have 1 to {MAX_LINES} entries."
        for index, line in enumerate(lines):
            if not text(line, "line_id") or not text(line, "sku"):
                return f"`lines[{index}]` needs `line_id` and `sku`."
            quantity = dig(line, "quantity")
            if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
                return f"`lines[{index}].quantity` must be a whole number of at least 1."
        ship_to = dig(sent, "ship_to")
        if not text(ship_to, "name") or not text(ship_to, "country"):
            return "`ship_to` needs at least `name` and `country`."
        url = text(sent, "callback_url")
        if url and not url.startswith(("http://", "https://")):
            return "`callback_url` must be an http or https address."
        return ""

    def _find(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        reference = request.params().get("reference", "")
        if not reference:
            return self.failure(400, "NoReference", "The parameter `reference` is missing.")
        found: list[JsonValue] = [
            self._shown(self._tasks[task_id]) for task_id in self._by_reference.get(reference, [])
        ]
        return json_reply(200, {"tasks": found})

    def _cancel(self, task_id: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        task = self._tasks.get(task_id)
        if task is None:
            return self.failure(404, "NoSuchTask", f"There is not a task {task_id}.")
        if (
            task.packed_at
            and self._world.clock() >= task.packed_at + self._habits.hand_over_after_seconds
        ):
            task.status = "handed_over"
        if task.status == "handed_over":
            return json_reply(409, self._shown(task))
        if task.status != "cancelled":
            task.status = "cancelled"
            task.to_tell.clear()
            self._world.ledger.record("warehouse_task_cancel", self.name, task.reference, task.id)
        return json_reply(200, self._shown(task))

    def _plot(self, task: Task) -> list[str]:
        """The news this task will send, in order; short-picked comes before packed."""
        story = [kind for kind in CALLBACK_KINDS if kind in self._habits.callbacks]
        if task.short:
            at = story.index("packed") if "packed" in story else len(story)
            story.insert(at, "short_picked")
            if sum(quantity for _, quantity in task.lines) == 1:
                story = story[: at + 1]  # Nothing was found at all, so nothing will be packed.
        return story

    def _picked(self, task: Task) -> list[tuple[str, int, int]]:
        """Line, ordered, picked: a short pick lacks one piece of the last line."""
        last = len(task.lines) - 1
        return [
            (line_id, quantity, quantity - 1 if task.short and index == last else quantity)
            for index, (line_id, quantity) in enumerate(task.lines)
        ]

    def _tell_next(self, task: Task) -> None:
        if task.status == "cancelled" or not task.to_tell:
            return
        kind = task.to_tell.pop(0)
        now = self._world.clock()
        body: dict[str, JsonValue] = {
            "type": f"task.{kind}",
            "reference": task.reference,
            "channel": task.channel,
            "order_ref": task.order_ref,
            "task_id": task.id,
            "occurred_at": _when(now),
        }
        if kind == "short_picked":
            body["lines"] = [
                {"line_id": line_id, "ordered_quantity": ordered, "picked_quantity": picked}
                for line_id, ordered, picked in self._picked(task)
            ]
        else:
            task.status = kind
        if kind == "packed":
            task.packed_at = now
            body["parcels"] = [self._parcel(task)]
        self._callbacks.send(
            News(
                id=f"msg_{task.id}_{kind}",
                url=task.callback_url,
                body=body,
                wanted=lambda: task.status != "cancelled",
                done=lambda: self._tell_next(task),
            )
        )

    def _parcel(self, task: Task) -> JsonObject:
        packed = [(line_id, picked) for line_id, _, picked in self._picked(task) if picked > 0]
        pieces = sum(quantity for _, quantity in packed)
        return {
            "parcel_id": "1",
            "weight_grams": 180 + 350 * pieces,
            "length_mm": 300,
            "width_mm": 200,
            "height_mm": min(80 + 20 * pieces, 600),
            "lines": [{"line_id": line_id, "quantity": quantity} for line_id, quantity in packed],
        }

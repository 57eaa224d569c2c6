"""A warehouse that keeps version 2 of our contract: docs/warehouse-contract.md."""

from __future__ import annotations

from ops.simulators.faults import Plan
from ops.simulators.partner import Call, World, json_reply
from ops.simulators.shapes import JsonValue, parse_object, text
from ops.simulators.warehouse_floor import Floor
from ops.simulators.warehouse_tasks import Task, read_task, task_detail, task_fault
from ops.simulators.wire import Reply, Request

MAX_KEY = 255


class WarehouseV2:
    """One warehouse. `skip`: how many parts of the path stand before `v2`."""

    def __init__(self, name: str, world: World, floor: Floor, skip: int) -> None:
        self.name = name
        self._world = world
        self._floor = floor
        self._skip = skip
        self._tasks: dict[str, Task] = {}
        self._by_key: dict[str, Task] = {}
        self._by_reference: dict[str, list[Task]] = {}

    def recognise(self, request: Request) -> Call | None:
        parts = request.segments()[self._skip :]
        match request.method, parts:
            case "POST", ["v2", "tasks"]:
                return Call("create_task", lambda plan: self._create(request, plan))
            case "GET", ["v2", "tasks"]:
                return Call("find_task", lambda plan: self._find(request))
            case "POST", ["v2", "tasks", task_id, "cancel"]:
                return Call("cancel_task", lambda plan: self._cancel(task_id, request))
        return None

    def failure(self, status: int, code: str, message: str) -> Reply:
        return json_reply(status, {"error": {"code": code, "message": message}})

    def refusal(self, operation: str) -> Reply:
        if operation == "cancel_task":
            return json_reply(409, {"status": "handed_over"})
        return self.failure(422, "UnknownSku", "SKU-000 is not stocked in this warehouse.")

    def throttled(self) -> Reply:
        return self.failure(429, "TooManyRequests", "Too many requests; wait as Retry-After says.")

    def _stranger(self, request: Request) -> Reply | None:
        if self._world.credentials.admits(self.name, request.headers.get("authorization", "")):
            return None
        return self.failure(401, "Unauthorized", "Authorization needs the agreed bearer token.")

    def tasks_of(self, name: str) -> list[Task]:
        """The tasks of an order or fulfilment: by reference, order number or order reference."""
        if (found := self._by_reference.get(name.upper())) is not None:
            return found
        return [task for task in self._tasks.values() if name in task.names]

    def _create(self, request: Request, plan: Plan) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        key = request.headers.get("idempotency-key", "")
        if not 0 < len(key) <= MAX_KEY:
            return self.failure(
                400, "NoIdempotencyKey", f"Idempotency-Key needs 1 to {MAX_KEY} characters."
            )
        if (known := self._by_key.get(key)) is not None and not plan.ignore_idempotency:
            return json_reply(200, known.shown())
        sent = parse_object(request.body)
        if wrong := task_fault(sent):
            return self.failure(422, "InvalidTask", wrong)
        task_id = f"WT-{self._world.run % 10**10:010d}-{len(self._tasks) + 1:06d}"
        task = read_task(sent, task_id)
        self._world.ledger.record(
            "warehouse_task", self.name, task.reference, task.id, task_detail(sent)
        )
        self._tasks[task.id] = self._by_key[key] = task
        self._by_reference.setdefault(task.reference, []).append(task)
        # Even the fastest warehouse starts after it has answered.
        self._floor.start(task, plan.delay_seconds)
        return json_reply(201, task.shown())

    def _find(self, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        reference = text(request.params(), "reference")
        if not reference:
            return self.failure(400, "NoReference", "The parameter `reference` is missing.")
        found: list[JsonValue] = [
            task.shown() for task in self._by_reference.get(reference.upper(), [])
        ]
        return json_reply(200, {"tasks": found})

    def _cancel(self, task_id: str, request: Request) -> Reply:
        if stranger := self._stranger(request):
            return stranger
        task = self._tasks.get(task_id)
        if task is None:
            return self.failure(404, "NoSuchTask", f"There is not a task {task_id}.")
        return json_reply(self._floor.cancel(task), task.shown())

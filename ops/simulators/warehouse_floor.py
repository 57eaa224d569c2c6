"""The warehouse's floor: works tasks step by step, writes down what leaves, and reports it.

What happens in the house does not wait for anybody to take a report; reports of one task are sent
one after another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ops.simulators.callbacks import Callbacks, News
from ops.simulators.partner import World
from ops.simulators.shapes import JsonObject, JsonValue
from ops.simulators.warehouse_habits import HabitBook, Habits
from ops.simulators.warehouse_labels import Labels
from ops.simulators.warehouse_story import Step, plot
from ops.simulators.warehouse_tasks import Parcel, Task

Later = Callable[[float, Callable[[], None]], None]
# Buys a label from a carrier on the warehouse's account: (carrier's name, tracking number).
BuyLabel = Callable[[Task], tuple[str, str]]
# Reports that a warehouse cannot leave out.
_ALWAYS = ("short_picked", "cancelled", "collected")
MAX_LACKED = 100_000


def when(seconds: float) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


@dataclass(slots=True)
class _Work:
    """What is still to do for a task. `waiting`: the next step is due and paused."""

    task: Task
    steps: deque[Step]
    waiting: bool = False


class Floor:
    """All tasks that are worked on in one warehouse."""

    def __init__(
        self,
        name: str,
        world: World,
        callbacks: Callbacks,
        habits: HabitBook,
        *,
        seed: str,
        later: Later,
        buy_label: BuyLabel,
        labels: Labels,
    ) -> None:
        self._name = name
        self._world = world
        self._callbacks = callbacks
        self._habits = habits
        self._seed = seed
        self._later = later
        self._buy_label = buy_label
        self._labels = labels
        self._work: dict[str, _Work] = {}
        self._held: dict[str, Task] = {}
        # What was not found for an order once is there the next time.
        self._lacked: set[str] = set()

    def _of(self, task: Task) -> Habits:
        return self._habits.of(task.names)

    def start(self, task: Task, delay_seconds: float) -> None:
        """Begins to work on a task, after the answer to its request has left."""
        habits = self._of(task)
        if task.order_ref in self._lacked:
            habits = replace(habits, short_pick_share=0.0, nothing_found_share=0.0)
        steps = deque(plot(task, habits, self._seed))
        if any(step.kind == "short_picked" for step in steps) and len(self._lacked) < MAX_LACKED:
            self._lacked.add(task.order_ref)
        work = self._work[task.id] = _Work(task, steps)
        self._later(delay_seconds + 0.01 + steps[0].at, lambda: self._due(work))

    def _due(self, work: _Work) -> None:
        """The next step's time has come."""
        if not work.steps or self._work.get(work.task.id) is not work:
            return
        if self._of(work.task).pause:
            work.waiting = True
            return
        work.waiting = False
        if work.steps[0].kind == "handed_over" and self._lacks_labels(work):
            return
        step = work.steps.popleft()
        self._do(work.task, step)
        if not work.steps:
            self._work.pop(work.task.id, None)
            return
        self._later(work.steps[0].at - step.at, lambda: self._due(work))

    def _lacks_labels(self, work: _Work) -> bool:
        """Whether hand-over must wait for labels, which are asked for then."""
        task = work.task
        needed = task.delivery == "parcel" and task.labels == "ours" and task.label_url
        if task.labelled() or not needed or not self._of(task).fetch_labels:
            return False

        def take(labels: list[JsonObject]) -> bool:
            if not task.label_with(labels):
                return False
            self._due(work)
            return True

        return self._labels.fetch(task.label_url, take)

    def release(self) -> None:
        """Goes on with what habits no longer withhold or pause."""
        for work in list(self._work.values()):
            if work.waiting:
                self._due(work)
        for task in list(self._held.values()):
            if not self._of(task).hold:
                del self._held[task.id]
                self._pump(task)

    def cancel(self, task: Task) -> int:
        """The HTTP status that answers a request to cancel: 200, 202 or 409."""
        if task.status in ("cancelled", "cancelling", "handed_over"):
            return {"cancelled": 200, "cancelling": 202, "handed_over": 409}[task.status]
        habits = self._of(task)
        if habits.cancel_confirm_seconds is None:
            self._work.pop(task.id, None)
            task.silent = True
            task.outbox.clear()
            self._cancelled(task)
            return 200
        task.status = "cancelling"
        if not habits.cancel_fails:
            confirmed = Step("cancelled", reason="Cancelled as you asked.")
            work = self._work[task.id] = _Work(task, deque([confirmed]))
            self._later(habits.cancel_confirm_seconds, lambda: self._due(work))
        return 202

    def _cancelled(self, task: Task) -> None:
        if task.status != "cancelled":
            task.status = "cancelled"
            self._world.ledger.record("warehouse_task_cancel", self._name, task.reference, task.id)

    def act(self, task: Task, step: Step) -> None:
        """Lets a step happen that no one planned, even after a cancellation, and reports it."""
        task.silent = task.sending = False
        self._do(task, step, told=True)

    def _do(self, task: Task, step: Step, *, told: bool = False) -> None:
        kind, was = step.kind, task.status
        report: dict[str, JsonValue] = {}
        match kind:
            case "picked":
                self._advance(task, "picked")
            case "short_picked":
                report["lines"] = self._short_lines(task, step)
                if any(one.quantity for one in step.picked):
                    self._advance(task, "picked")
                else:
                    self._cancelled(task)
            case "packed":
                report = {"parcels": self._pack(task, step), "complete": step.complete}
                self._advance(task, "packed")
            case "handed_over":
                report = self._hand_over(task, step)
            case "cancelled":
                self._cancelled(task)
                report["reason"] = step.reason
        wanted = told or kind in _ALWAYS or kind in self._of(task).callbacks
        # Who was promised the result of a cancellation gets it.
        if wanted or (was == "cancelling" and kind == "handed_over"):
            self._report(task, kind, report)

    @staticmethod
    def _advance(task: Task, status: str) -> None:
        order = ("released", "picked", "packed", "handed_over")
        if task.status in order and order.index(task.status) < order.index(status):
            task.status = status

    @staticmethod
    def _short_lines(task: Task, step: Step) -> list[JsonValue]:
        picked = {one.line_id: one.quantity for one in step.picked}
        return [
            {
                "line_id": line.line_id,
                "ordered_quantity": line.quantity,
                "picked_quantity": picked.get(line.line_id, 0),
            }
            for line in task.lines
        ]

    def _pack(self, task: Task, step: Step) -> list[JsonValue]:
        own = task.labels == "yours" or self._of(task).own_labels
        packed: list[JsonValue] = []
        for planned in step.parcels:
            parcel = Parcel(planned.id, planned.contents, planned.carrier, planned.tracking_number)
            if own and task.delivery == "parcel" and not parcel.carrier:
                parcel.carrier, parcel.tracking_number = self._buy_label(task)
            task.parcels.append(parcel)
            packed.append(parcel.as_json())
            self._write("parcel", task, parcel)
        return packed

    def _hand_over(self, task: Task, step: Step) -> dict[str, JsonValue]:
        ids = set(step.parcel_ids)
        leaving = [
            parcel
            for parcel in task.parcels
            if not parcel.handed_over and (not ids or parcel.id in ids)
        ]
        for parcel in leaving:
            parcel.handed_over = True
            self._write("parcel_handed_over", task, parcel)
        if task.status != "cancelled":
            task.status = "handed_over"
        report: dict[str, JsonValue] = {"parcel_ids": list(step.parcel_ids)}
        if task.fetched:
            report["tracking"] = [
                {
                    "parcel_id": parcel.id,
                    "carrier": parcel.carrier,
                    "tracking_number": parcel.tracking_number,
                }
                for parcel in leaving
                if parcel.tracking_number
            ]
        return report

    def _write(self, kind: str, task: Task, parcel: Parcel) -> None:
        detail: dict[str, JsonValue] = {
            "parcel_id": parcel.id,
            "task_id": task.id,
            "channel": task.channel,
            "order_ref": task.order_ref,
            "fulfilment": task.fulfilment,
            "lines": [one.as_json() for one in parcel.contents],
        }
        if parcel.carrier:
            detail.update(carrier=parcel.carrier, tracking_number=parcel.tracking_number)
        name = f"{task.id}/{parcel.id}"
        self._world.ledger.record(kind, self._name, task.reference, name, detail)

    def _report(self, task: Task, kind: str, more: JsonObject) -> None:
        if not task.callback_url:
            return
        task.sequence += 1
        task.outbox.append(
            News(
                id=f"msg_{task.id}_{task.sequence}",
                url=task.callback_url,
                body={
                    "type": f"task.{kind}",
                    "reference": task.reference,
                    "task_id": task.id,
                    "channel": task.channel,
                    "order_ref": task.order_ref,
                    "occurred_at": when(self._world.clock()),
                    "sequence": task.sequence,
                    **more,
                },
                wanted=lambda: not task.silent,
                done=lambda: self._taken(task),
                partner=self._name,
            )
        )
        self._pump(task)

    def _taken(self, task: Task) -> None:
        task.sending = False
        self._pump(task)

    def _pump(self, task: Task) -> None:
        if task.sending or not task.outbox:
            return
        if self._of(task).hold:
            self._held[task.id] = task
            return
        task.sending = True
        self._callbacks.send(task.outbox.popleft())

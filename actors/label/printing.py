"""Labels that a person prints: their carrier gives an image once, and its answer was lost."""

from __future__ import annotations

from actors.label.thing import BOUGHT
from actors.order.differs import MAX_NAMED
from actors.order.evolve import BY_ITSELF
from actors.order.joint_row import Joint
from actors.order.signs import Sign
from actors.order.work import Work
from actors.parcel.thing import PACKED
from schemas.messages import effects as f
from schemas.messages import events as e
from schemas.order.things import Key

PRINT = "print-"
"""How the id of such a task begins; the label's key follows."""


def leave_to_print(work: Work, key: Key, found: f.LabelBought) -> None:
    """Have a person print a label that was found without its images."""
    if not _is_awaited(work, key):
        return
    numbers = ", ".join(one.tracking_number for one in found.labels[:MAX_NAMED])
    words = (
        f"{found.carrier} has sold {key} and gives its image only once, in an answer that was "
        f"lost: print {numbers} at {found.reprint_at} and hand it to the warehouse"
    )
    work.say(e.TaskOpened(rule="task", key=key, task_id=f"{PRINT}{key}", words=words))


def printed(work: Work) -> e.OrderEvent | None:
    """A label that no parcel waits for is printed by no one: its parcels have left, which they did
    under the lost image after a restore, or it is not to be used."""
    for task in work.state.tasks:
        if task.task_id.startswith(PRINT) and not _is_awaited(work, task.key):
            return e.TaskClosed(rule="task-done", task_id=task.task_id, person=BY_ITSELF)
    return None


def _is_awaited(work: Work, key: Key) -> bool:
    state = work.state
    label = state.labels.get(key)
    return (
        label is not None
        and label.stage == BOUGHT
        and not label.stop
        and any(k in state.parcels and state.parcels[k].stage == PACKED for k in label.parcels)
    )


ROWS = (
    Joint(
        "print-task-done",
        ("labels", "parcels", "tasks"),
        printed,
        (e.TaskClosed,),
        "a label that no parcel waits for is printed by no one",
        needs=(Sign.TASKS,),
    ),
)
"""The rule about them."""

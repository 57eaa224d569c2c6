"""Joint rules about holds at places that send what they pack under labels of their own, or under
none: no label of ours waits there, so the task is called off, and given again after the hold."""

from __future__ import annotations

from actors.fulfilment.thing import Fulfilment
from actors.order import normalise as n
from actors.order.evolve import BY_ITSELF, DECLINED
from actors.order.holding import REQUESTS_BEYOND, SAID_TWICE, UNREAD
from actors.order.joint_row import Joint
from actors.order.reading import is_labelled_by_us, is_open
from actors.order.signs import AT_WORK, Sign
from actors.order.state import Hold, State
from actors.order.table import ACCEPTED
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.things import ORDER

HELD = "held-"
"""How the ids of tasks begin about goods that a warehouse does not stop; the fulfilment's key
follows."""


_BRIEF = (f"{SAID_TWICE}-", f"{UNREAD}-")
"""How holds begin that end by themselves with what the channel states next: a warehouse that is
stopped and told again for each would not get on."""
_RIGHT = (
    DECLINED,
    REQUESTS_BEYOND,
    *(n.hold_id_of(x) for x in (n.SKU, n.TAX_CODE, n.SHIPPING_METHOD, n.ITEM_NUMBER, n.ACCOUNT)),
)
"""How holds begin that say nothing against what a warehouse was told: units that no place has, or a
name that a table lacks."""


def is_called_off(state: State) -> bool:
    """Whether what a warehouse sends by itself is to be stopped for now: it waits for no label of
    ours, so that nothing else keeps the goods in the house."""
    if not state.holds or state.stage != ACCEPTED or state.cancel is not None:
        return False
    return any(x.key == ORDER and _calls_off(state, x) for x in state.holds)


def _calls_off(state: State, hold: Hold) -> bool:
    """Whether a hold asks if goods may leave at all. What the channel asked by its units not to
    send is stopped by itself."""
    if hold.since or hold.hold_id.startswith((*_BRIEF, *_RIGHT)):
        return False
    return all(one.hold_id != hold.hold_id for one in state.stops)


def call_off(work: Work) -> e.OrderEvent | None:
    """What would leave without a label of ours is called off while its order is held. Its units are
    planned again, and their task waits for the hold."""
    state = work.state
    if not is_called_off(state):
        return None
    for key, thing in state.fulfilments.items():
        if _sends(work, thing) and not (thing.fixed or is_open(state, key)):
            return e.Stopped(rule="stop", key=key, why="held")
    return None


def not_called_off(work: Work) -> e.OrderEvent | None:
    """What the warehouse does not stop, a person has stopped there. It is said when it becomes so,
    and not again to one who has dealt with it."""
    state, before = work.state, work.before
    if not is_called_off(state):
        return None
    for key, thing in state.fulfilments.items():
        former = before.fulfilments.get(key)
        is_news = not is_called_off(before) or former is None or not former.fixed
        if not (thing.fixed and is_news and _sends(work, thing)):
            continue
        task_id = f"{HELD}{key}"
        if not any(one.task_id == task_id for one in state.tasks):
            name = f" (task {thing.task})" if thing.task else ""
            words = (
                f"{key}{name} is held, and the warehouse sends it by itself and does not stop it: "
                "have it stopped there, or release the hold to let it go"
            )
            return e.TaskOpened(rule="task", key=key, task_id=task_id, words=words)
    return None


def held_over(work: Work) -> e.OrderEvent | None:
    """Nothing is to be stopped any more once the hold has ended, or the goods have left."""
    state = work.state
    for task in state.tasks:
        if not task.task_id.startswith(HELD):
            continue
        thing = state.fulfilments.get(task.key)
        if thing is None or not is_called_off(state) or not _sends(work, thing):
            return e.TaskClosed(rule="task-done", task_id=task.task_id, person=BY_ITSELF)
    return None


def _sends(work: Work, thing: Fulfilment) -> bool:
    if not thing.is_begun or thing.stop or not thing.left or thing.untold:
        return False
    return not is_labelled_by_us(thing, work.context.setup)


ROWS = (
    Joint(
        "call-off",
        ("holds", "stops", "stage", "cancel", "fulfilments", "open"),
        call_off,
        (e.Stopped,),
        "a held order's task is called off where no label of ours waits, and given again later",
        needs=(Sign.ORDER_ACCEPTED, AT_WORK),
    ),
    Joint(
        "not-called-off",
        ("holds", "stops", "stage", "cancel", "fulfilments", "tasks"),
        not_called_off,
        (e.TaskOpened,),
        "where the warehouse does not stop it, a person has it stopped",
        needs=(Sign.ORDER_ACCEPTED, AT_WORK),
    ),
    Joint(
        "held-over",
        ("holds", "stops", "stage", "cancel", "fulfilments", "tasks"),
        held_over,
        (e.TaskClosed,),
        "and is not asked to any more once the hold has ended, or it has left",
        needs=(Sign.TASKS,),
    ),
)

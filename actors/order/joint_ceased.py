"""The joint rule about tasks that were cancelled after something had left of which no one had told
what it holds: once that is known, what is still here is taken back."""

from __future__ import annotations

from actors.fulfilment.table import INSIDE as STAGES
from actors.order.joint_row import Joint
from actors.order.joint_things import recalled
from actors.order.reading import is_open
from actors.order.signs import INSIDE, Sign
from actors.order.work import Work
from schemas.messages import events as e

THE_WAREHOUSE = "the warehouse"
"""Who cancelled a task when no one asked for it."""


def ceased(work: Work) -> e.OrderEvent | None:
    """The rest of a cancelled task is taken back once it is known what has left of it."""
    state = work.state
    for key, thing in state.fulfilments.items():
        if thing.ceased and thing.stage in STAGES and not thing.untold and not is_open(state, key):
            return recalled(state, key, by="" if thing.stop else THE_WAREHOUSE)
    return None


ROWS = (
    Joint(
        "ceased",
        ("fulfilments", "open"),
        ceased,
        (e.TaskCancelled,),
        "the rest of a task that was cancelled is taken back once it is known what has left of it",
        needs=(Sign.CEASED, INSIDE),
    ),
)

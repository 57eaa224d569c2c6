"""What had left when the channel cancelled an order: a person stops it, or has it sent back."""

from __future__ import annotations

from collections.abc import Iterable

from actors.fulfilment.tombstone import box_id
from actors.kernel import ledger
from actors.order.differs import STOP, WITHDRAW, leave, some
from actors.order.state import State
from actors.order.work import Work
from actors.parcel.thing import LOST, PACKED, RETURNED, UNPACKED
from schemas.order.things import PARCEL, Key, kind_of


def left_before_cancel(work: Work, keys: Iterable[Key]) -> None:
    """Leave to a person what is on its way of an order that its channel cancelled."""
    state = work.state
    gone = []
    for key in keys:
        if _is_back(state, key):
            continue
        numbers = [x.number for x in state.parcels.values() if x.fulfilment == key and x.number]
        gone.append(f"{key} ({', '.join(numbers)})" if numbers else key)
    if gone:
        out = {x.delivery for x in state.lines if ledger.out(x.counts)}
        what = f"the channel cancelled the order after {some(gone)} had left"
        leave(work, f"{what}: {WITHDRAW if out == {'digital'} else STOP}")


def _is_back(state: State, key: Key) -> bool:
    """Whether every parcel of a fulfilment that has left was returned to its sender or lost."""
    stages = {x.stage for x in state.parcels.values() if x.fulfilment == key}
    begin = box_id(key, "")
    for k, x in state.ended.items():
        if kind_of(k) == PARCEL and any(one.startswith(begin) for one in x.ids):
            stages.add(x.stage)
    return bool(stages & {RETURNED, LOST}) and stages <= {RETURNED, LOST, PACKED, UNPACKED}

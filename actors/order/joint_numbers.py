"""Joint rules about parcels that have left: by which number, and whether a carrier can tell where
they are."""

from __future__ import annotations

from actors.fulfilment.numbers import is_being_told, missing, named, numbered
from actors.kernel import ledger
from actors.order import joint_things
from actors.order.differs import left
from actors.order.joint_row import Joint
from actors.order.reading import tracking_lane
from actors.order.signs import LIVE, Sign
from actors.order.work import Work
from actors.parcel.table import TABLE
from actors.parcel.thing import UNTRACKED
from schemas.messages import events as e
from schemas.messages.base import Move


def late(work: Work) -> e.OrderEvent | None:
    """A number that came while the channel was being told of its parcel counts once it is known
    how that ended. Where it was told without, a person enters the number there."""
    state = work.state
    for key, parcel in state.parcels.items():
        if not parcel.late or not (parcel.shown or not is_being_told(state, key, parcel)):
            continue
        carrier, number = parcel.late
        if parcel.shown and (event := left(state, missing(key, named(carrier, number)))):
            return event
        if TABLE.allows(parcel.stage, e.Numbered):
            return numbered(e.ParcelNumber(key, carrier, number), parcel.numbered)
    return None


def followed(work: Work) -> e.OrderEvent | None:
    """A parcel that left without a number, and whose number has just come, is on its way again
    where a carrier of ours can be asked."""
    state = work.state
    for event in work.events:
        if not isinstance(event, e.Numbered) or event.waits:
            continue
        parcel = state.parcels.get(event.key)
        if parcel is None or parcel.stage != UNTRACKED:
            continue
        if tracking_lane(state, parcel, work.context.setup):
            moves = tuple(
                Move(at, quantity, ledger.FULFILLED, ledger.TRAVELLING)
                for at, quantity in parcel.units
            )
            return e.Followed(rule="follow", key=event.key, moves=moves)
    return None


ROWS = (
    Joint(
        "late-number",
        ("parcels", "open", "lost", "tasks"),
        late,
        (e.Numbered, e.TaskOpened),
        "a number that came while the channel was told of its parcel counts once that has ended",
        needs=(LIVE,),
    ),
    Joint(
        "follow",
        ("parcels",),
        followed,
        (e.Followed,),
        "a parcel that has left, and whose number came later, is followed where a carrier can tell",
        needs=(LIVE,),
    ),
    Joint(
        "untracked",
        ("fulfilments", "parcels", "labels"),
        joint_things.untracked,
        (e.Untracked,),
        "a parcel of which no carrier can tell is as good as there once it has left",
        needs=(Sign.PARCEL_ON_ITS_WAY,),
    ),
)

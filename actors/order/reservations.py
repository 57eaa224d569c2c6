"""How long the reservation of an order that waits for a person is kept.

A hold that opens or is decided meanwhile begins the time again (`actors.order.timers`). What
expired is given back to whoever comes next, and reserved again, where it still is, when the order
goes on.
"""

from __future__ import annotations

from actors.fulfilment.thing import RESERVED
from actors.order.joint_row import Joint
from actors.order.places import places_for
from actors.order.reading import is_held, is_open
from actors.order.signs import Sign
from actors.order.state import State
from actors.order.work import Work
from schemas.messages import events as e
from schemas.order.things import Key


def is_idle(state: State, key: Key) -> bool:
    """Whether units are reserved for a fulfilment that waits for a person."""
    thing = state.fulfilments[key]
    reserved = thing.stage == RESERVED and thing.stock and not (thing.lapsed or thing.stop)
    return reserved and is_held(state, key)


def expire(work: Work, key: Key) -> None:
    """Give back what a fulfilment has reserved, if its order still waits and no one works on it."""
    if is_idle(work.state, key) and not is_open(work.state, key):
        work.say(e.ReservationExpired(rule="expire", key=key))


def reserve_again(work: Work) -> e.OrderEvent | None:
    """A fulfilment whose reservation expired is reserved again when no hold keeps it."""
    state = work.state
    for key, thing in state.fulfilments.items():
        if not thing.is_lapsed or thing.stock or thing.stop:
            continue
        if not is_held(state, key) and not is_open(state, key):
            places = places_for(state, work.context.setup, work.order, thing.delivery)
            place = places[0] if places else thing.place
            return e.StockTriedAgain(rule="reserve-again", key=key, place=place)
    return None


ROWS = (
    Joint(
        "reserve-again",
        ("holds", "fulfilments", "open"),
        reserve_again,
        (e.StockTriedAgain,),
        "a fulfilment whose reservation expired is reserved again when no hold keeps it",
        needs=(Sign.RESERVED,),
    ),
)

"""From which places an order's goods may leave. Pure."""

from __future__ import annotations

from actors.fulfilment.thing import PLANNED, RESERVED, SHORT, Fulfilment
from actors.kernel import ledger
from actors.kernel.setup import Setup
from actors.order.reading import is_open, parcels_of
from actors.order.ruling import insisted
from actors.order.state import State
from actors.order.unfit import refusing
from actors.order.work import Work
from schemas.messages import events as e
from schemas.messages.base import Move
from schemas.order.canonical import Order
from schemas.order.things import Key

FREE = (SHORT, PLANNED, RESERVED)
"""Stages in which no warehouse works on a fulfilment."""
AT_WORK = ("released", "picked", "packed")


def places_for(state: State, setup: Setup, order: Order | None, delivery: str) -> list[str]:
    """Return the places that may send, as preferred: none that cancelled a task by itself, and for
    parcels none whose carrier does not deliver to the order's address or has no service for it,
    unless a person released the hold for that."""
    names = [one.name for one in setup.places if one.name not in state.declined]
    if state.ruled is not None and (only := insisted(state.ruled.rulings)):
        names = [one for one in names if one == only]
    if delivery != "parcel":
        return names
    refused = refusing(order, setup, state.waived)
    return [one for one in names if one not in refused] if refused else names


def staying(work: Work, order: Order) -> frozenset[str]:
    """Return the places that send parcels to an order's new address, or hold it: a fulfilment that
    can go from another place leaves its place (`moved`)."""
    state = work.state
    refused = refusing(order, work.context.setup)
    return frozenset(
        thing.place
        for key, thing in state.fulfilments.items()
        if thing.place in refused and _sends(thing) and not _may_move(work, key, thing, order)
    )


def moved(work: Work, order: Order) -> None:
    """Take from their places what these can't send to a new address and others can."""
    refused = refusing(order, work.context.setup)
    for key, thing in work.state.fulfilments.items():
        if thing.place not in refused or not _may_move(work, key, thing, order):
            continue
        if thing.stage in FREE:
            moves = tuple(
                Move(at, count, ledger.ALLOCATED, ledger.OPEN) for at, count in thing.left
            )
            work.say(e.Shrunk(rule="shrink", key=key, units=thing.left, moves=moves))
        else:
            work.say(e.Stopped(rule="stop", key=key, why="changed"))


def _sends(thing: Fulfilment) -> bool:
    return thing.delivery == "parcel" and thing.stage in (*FREE, *AT_WORK) and not thing.stop


def _may_move(work: Work, key: Key, thing: Fulfilment, order: Order) -> bool:
    state = work.state
    if not _sends(thing) or thing.fixed or is_open(state, key) or work.is_doubtful(key):
        return False
    if any(x.stage not in ("packed", "unpacked") for _, x in parcels_of(state, key)):
        return False
    setup = work.context.setup
    if thing.place not in refusing(order, setup, state.waived):  # a person has it sent from here
        return False
    return bool(places_for(state, setup, order, thing.delivery))

"""What a fulfilment asks partners for next: the wish compared with what was told."""

from __future__ import annotations

from collections.abc import Iterator

from actors.fulfilment.collect import amount_for
from actors.fulfilment.parts import plus
from actors.fulfilment.thing import PACKED, Fulfilment
from actors.order.decision import Context
from actors.order.places import places_for
from actors.order.reading import (
    is_reserved,
    may_exist,
    parcels_of,
    place_of,
    sent_parcel,
    units,
)
from actors.order.state import State
from actors.order.work import Ask
from actors.parcel.table import ON_ITS_WAY
from schemas.messages import effects as f
from schemas.messages.base import Parts
from schemas.order.canonical import Order
from schemas.order.things import Key

SENT = frozenset({*ON_ITS_WAY, "delivered", "collected", "lost", "returned", "untracked"})
"""Stages of parcels that a storefront is told of."""

NO_STOCK = frozenset({"digital", "elsewhere"})
"""Deliveries for which nothing is reserved."""

ALL = "all"
"""The note of a release of everything that is reserved, not only of what is not wanted any more."""


def wanted(
    state: State, context: Context, order: Order | None, busy: frozenset[Key]
) -> Iterator[Ask]:
    """Yield at most one effect for each fulfilment that waits for nothing."""
    for key, thing in state.fulfilments.items():
        if key not in busy:
            ask = _next(state, key, thing, context, order)
            if ask is not None:
                yield ask


def _next(
    state: State, key: Key, thing: Fulfilment, context: Context, order: Order | None
) -> Ask | None:
    if thing.stage == "cancelled":
        return None
    if thing.stop:
        return _undo(state, key, thing) or _publish(state, key, thing, context)
    if thing.is_lapsed:
        effect = f.ReleaseStock(place=thing.place, units=())
        return Ask(key, "stock", effect, note=ALL) if thing.stock else None
    if thing.gives_back:
        effect = f.ReleaseStock(place=thing.place, units=units(state, thing.free))
        return Ask(key, "stock", effect, note=",".join(f"{at}:{q}" for at, q in thing.free))
    setup = context.setup
    if thing.stage == "planned" and setup.stock and thing.delivery not in NO_STOCK:
        return Ask(
            key,
            "stock",
            f.ReserveStock(
                place=thing.place,
                units=units(state, thing.left),
                places=tuple(places_for(state, setup, order, thing.delivery)),
            ),
        )
    if thing.stage in ("planned", "reserved") and is_reserved(thing, setup):
        return task(state, key, thing, context, order)
    if thing.stage == PACKED and thing.delivery == "pickup" and not thing.ready:
        return _publish(state, key, thing, context) or _ready(state, key, thing, context)
    return _publish(state, key, thing, context)


def task(
    state: State, key: Key, thing: Fulfilment, context: Context, order: Order | None
) -> Ask | None:
    """Return the warehouse's task, None where no warehouse takes it."""
    place = place_of(context.setup, thing.place)
    if not place.warehouse or thing.delivery in NO_STOCK:
        return None
    amount, currency = amount_for(state, key, thing, order, context)
    if may_exist(state, key, f.tag_of(f.CreateTask)):
        amount = thing.tasked  # as it was asked for before, so that it is known what it says
    return Ask(
        key,
        place.warehouse,
        f.CreateTask(
            place=thing.place,
            units=units(state, thing.left),
            delivery=thing.delivery,
            labels=place.labels if thing.delivery == "parcel" else "none",
            collect_minor=amount,
            collect_currency=currency,
        ),
        note=str(amount) if amount else "",
    )


def _undo(state: State, key: Key, thing: Fulfilment) -> Ask | None:
    """The task, then the stock; the prerequisites put the answer and the label between them."""
    if thing.is_tasked and not thing.asked:
        return Ask(key, thing.lane, f.CancelTask(task_id=thing.task))
    if not thing.stock or thing.untold:
        return None  # of what has left without being named nothing is given back
    parted = any(x.stage in SENT for _, x in parcels_of(state, key))
    rest = units(state, plus(thing.left, thing.free)) if parted else ()
    return Ask(key, "stock", f.ReleaseStock(place=thing.place, units=rest), note=ALL)


def _ready(state: State, key: Key, thing: Fulfilment, context: Context) -> Ask | None:
    """Tell the storefront that all of it waits for its customer, where it can be told."""
    setup = context.setup
    if not setup.storefront or "ready" not in setup.hears or thing.more or thing.missing:
        return None
    place = thing.place if "place" in setup.hears else ""
    waiting: Parts = ()
    for x in state.fulfilments.values():
        is_ready = x.stage == PACKED and not (x.stop or x.more or x.missing)
        if is_ready and x.delivery == "pickup" and place in ("", x.place):
            waiting = plus(waiting, x.left)
    effect = f.TellStanding(what="ready", units=units(state, waiting), place=place)
    return Ask(key, setup.storefront, effect)


def _publish(state: State, key: Key, thing: Fulfilment, context: Context) -> Ask | None:
    """Tell the storefront exactly what left and is not shown yet."""
    lane = context.setup.storefront
    if not lane or not thing.parcels:
        return None
    notify = context.setup.notify_customer
    ours = [(k, x) for k, x in parcels_of(state, key) if x.stage in SENT]
    fresh = tuple(sent_parcel(state, k) for k, x in ours if not x.shown)
    if fresh:
        earlier = tuple(sent_parcel(state, k) for k, x in ours if x.shown)
        effect = f.PublishFulfilment(
            fulfilment=key,
            parcels=fresh,
            earlier=earlier,
            notify_customer=notify,
            place=thing.place if "place" in context.setup.hears else "",
        )
        return Ask(key, lane, effect, note=",".join(x.parcel for x in fresh))
    return None

"""Whether what a warehouse sends goes where the order says, or a person knows better, and whether
what comes back comes to its end.

What a label of ours says is judged with the labels (`tests.model.ends`); here it is what the
warehouse's own task says.
"""

from __future__ import annotations

from actors.order.reading import is_labelled_by_us
from actors.returns.thing import restocked
from schemas.messages import events as e
from schemas.order.things import Key
from tests.model.checks import that
from tests.model.world import World

AT_WORK = ("released", "picked", "packed")


def said(world: World) -> list[str]:
    """Everything that people were told in tasks and holds."""
    tasks = [x.words for x in world.events if isinstance(x, e.TaskOpened)]
    return [*tasks, *(x.reason for x in world.events if isinstance(x, e.Held))]


def _knows(world: World, key: Key, words: list[str]) -> bool:
    """Whether a person has a fulfilment, or was told of it that an address is not the order's."""
    if key in world.touched:
        return True
    for text in words:
        parts = text.split("; ")
        for one, after in zip(parts, [*parts[1:], ""], strict=True):
            if key in one and ("address" in one or "address" in after):
                return True
    return False


def at_work(world: World) -> None:
    """A warehouse whose task says another address than the order is being stopped, or a person has
    heard of it: at once, not when the goods have left."""
    state, body = world.state, world.body
    if world.is_wild or body is None or state.cancel is not None or state is world.before:
        return
    waiting = {x.key for x in state.open} | {x.key for x in state.stuck}
    for key, thing in state.fulfilments.items():
        task = world.partners.tasks.get(key)
        if task is None or thing.stage not in AT_WORK or thing.stop or key in waiting:
            continue
        if not thing.left or not thing.told or thing.told == state.task:
            continue
        if thing.stage == "packed" and is_labelled_by_us(thing, world.context().setup):
            continue
        if task.order.ship_to != body.ship_to:
            words = said(world)
            that(_knows(world, key, words), "a warehouse packs for an old address", key, words)


def left(world: World) -> None:
    """What a warehouse sent without a label of ours went where the order says while it is on its
    way, or a person knows of it."""
    ours = {k for one in world.partners.shipments.values() for k in one.numbers}
    given = {x.key for x in world.events if isinstance(x, e.GivenToPerson)}
    words = said(world)
    for k, parcel in world.parcels.items():
        task = world.partners.tasks.get(parcel.fulfilment)
        if task is None or k in ours or parcel.fulfilment in given:
            continue
        goes = world.sent_to.get(k, task.order.ship_to)
        if parcel.stage not in ("packed", "unpacked") and task.order.ship_to != goes:
            stop = (f"{parcel.fulfilment} left", f"left with {parcel.fulfilment}", k)
            known = any(one in text for one in stop for text in words)
            known = known or _knows(world, parcel.fulfilment, words)
            that(known, "a warehouse sends it to an old address", k, parcel, words)


def returned(world: World) -> None:
    """Every return is at its end, and what of it can be sold again is on the shelf, once."""
    state = world.state
    for key, one in state.returns.items():
        that(one.stage in ("closed", "declined", "cancelled"), "a return has ended", key, one)
        lines = [(state.lines[at].line_id, quantity) for at, quantity in restocked(one)]
        back = [(x.line_id, x.quantity) for x in world.partners.back.get(key, ())]
        asked = bool(world.setup.stock and one.place and lines) and key not in world.touched
        that(not asked or back == lines, "what came back is in stock", key, one, back)
        that(not back or back == lines, "the stock has what did not come back", key, one, back)

"""Once everyone answers and people close their tasks, every order reaches its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from actors.fulfilment.thing import Fulfilment
from actors.order.table import FINAL
from actors.parcel.table import ON_ITS_WAY
from actors.returns.table import AWAITED
from actors.returns.table import ENDS as RETURNED
from actors.returns.thing import RECEIVED
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.things import Key
from tests.given import REF
from tests.model import back, goods, people
from tests.model.asking import asked_well
from tests.model.checks import Broken, check
from tests.model.partners import Task
from tests.model.replies import tell_late
from tests.model.world import World

AT_WORK = ("released", "picked", "packed")
MOST = 900
"""Answers within which an order of a walk must end: some ten for each of its things."""


def drain(world: World) -> int:
    """Let everyone do what they can until the order has ended; return how many steps that took.
    Raises Broken when it does not end."""
    told: Counter[tuple[str, str]] = Counter()
    for count in range(MOST):
        if _has_ended(world):
            return count
        if not _next(world, told):
            raise Broken(f"no one can do anything and the order is not at its end: {world.state}")
        check(world)
        asked_well(world)
    raise Broken(f"the order does not end: {world.state} {world.timers}")


def _has_ended(world: World) -> bool:
    state = world.state
    quiet = not (state.open or state.tasks or state.stuck or world.queue or world.late)
    back = all(one.stage in RETURNED for one in state.returns.values())
    return state.stage in FINAL and quiet and back and not any(t.is_live for t in _tasks(world))


def _tasks(world: World) -> list[Task]:
    return list(world.partners.tasks.values())


def _next(world: World, told: Counter[tuple[str, str]]) -> bool:
    acts = (_message, _answer, _person, _warehouse, _by_hand, _carrier, _back, _money, _timer)
    return any(act(world, told) for act in (*acts, _place))


def _message(world: World, told: Counter[tuple[str, str]]) -> bool:
    if not world.queue:
        return False
    world.deliver(0)
    return True


def _answer(world: World, told: Counter[tuple[str, str]]) -> bool:
    if world.late:
        tell_late(world, min(world.late))
        return True
    if not world.pending:
        return False
    number = min(world.pending)
    effect = world.effects[number].effect
    if isinstance(effect, f.ReserveStock):
        stock = world.partners.stock
        for unit in effect.units:
            if (effect.place, unit.sku) in stock.on_hand:
                stock.on_hand[effect.place, unit.sku] += unit.quantity
    world.answer(number, world.perform(number))
    return True


def _person(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Try what is stuck once more, then go on without it; release holds; do tasks."""
    state = world.state
    if state.stuck:
        one = state.stuck[0]
        name = ("" if one.key[0] in "CR" else one.key, one.kind)  # each is a new one
        told[name] += 1
        people.act(world, "skip" if told[name] > 1 else "retry", str(one.number))
        return True
    if state.holds and state.twin is None:
        hold = state.holds[0]
        short = hold.hold_id.startswith("short-pick")
        told[hold.hold_id, "hold"] += 1
        if told[hold.hold_id, "hold"] > 2:
            raise Broken(f"a hold can't be released: {hold}")
        people.act(world, *(("ship-short", hold.key) if short else ("release", hold.hold_id)))
        return True
    for task in state.tasks:
        if not people.is_so(world, task.task_id):
            continue  # the warehouse will say what it packed
        if not task.task_id.startswith("changed") or not world.pending:
            people.act(world, "done", task.task_id)
            return True
    return False


def _warehouse(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let warehouses finish: cancel where they were asked to, else pack and hand over."""
    for key, task in world.partners.tasks.items():
        thing = world.state.fulfilments.get(key)
        if not task.is_live:
            continue
        stops = thing is None or (thing.stop and (thing.asked or thing.stage not in AT_WORK))
        if task.wishes_cancel or stops:
            goods.cancel(world, key, task)
            return True
        if thing is not None and (thing.missing or thing.stop):
            continue
        if task.rest():
            boxes = [goods.box_of(task, key, task.rest())]
            goods.report_packed(world, key, task, boxes, complete=True)
            return True
        if any(x.fulfilment == key and x.stage == "wanted" for x in world.state.labels.values()):
            continue
        goods.leave(world, key, task, [b for b in task.boxes.values() if not b.left], by_name=False)
        return True
    return False


def _by_hand(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Report for fulfilments of which a warehouse told something that it knows nothing of, and of
    what only a customer's visit ends."""
    for key, thing in world.state.fulfilments.items():
        names = {"ref": REF, "fulfilment": key, "task_id": thing.task}
        task = world.partners.tasks.get(key)
        mine = [x for x in world.state.parcels.values() if x.fulfilment == key]
        if thing.delivery in ("pickup", "local_delivery") and any(
            x.stage in (*ON_ITS_WAY, "packed") for x in mine
        ):
            world.give(i.ReportCollected(**names))  # type: ignore[arg-type]  # names are checked there
            return True
        if task is not None and task.is_live:
            continue
        if thing.untold and (thing.stop or not thing.left):
            _tell_contents(world, key, thing, names)
            return True
        if thing.stop and thing.asked:
            world.give(i.ReportTaskCancelled(**names))  # type: ignore[arg-type]  # as above
            return True
        if _report(world, key, thing, names):
            return True
    return False


def _tell_contents(world: World, key: Key, thing: Fulfilment, names: Mapping[str, object]) -> None:
    """Tell at last what has left: all that was still here, or one that no one asked for."""
    lines = world.state.lines
    held = tuple(f.Units(lines[at].line_id, lines[at].sku, q) for at, q in thing.left or ((0, 1),))
    box = i.ReportedParcel(parcel_id=thing.untold[0].parcel_id or f"{key}-end", units=held)
    world.give(i.ReportPacked(**names, parcels=(box,)))  # type: ignore[arg-type]  # as above


def _report(world: World, key: Key, thing: Fulfilment, names: Mapping[str, object]) -> bool:
    if thing.stop or thing.stage not in AT_WORK:
        return False
    if thing.missing:
        people.act(world, "ship-short", key)
        return True
    task = world.partners.tasks.get(key)
    if task is not None and task.stage == "cancelled" and not world.is_wild:
        raise Broken(f"what no one works on is waited for: {thing}")
    here = any(x.fulfilment == key and x.stage == "packed" for x in world.state.parcels.values())
    if thing.stage != "packed" or thing.more or not here:
        box = i.ReportedParcel(parcel_id=f"{key}-end")
        world.give(i.ReportPacked(**names, parcels=(box,)))  # type: ignore[arg-type]  # as above
        return True
    waiting = [x for x in world.state.labels.values() if x.fulfilment == key]
    if not any(x.stage == "wanted" for x in waiting):
        if task is not None:
            for one in task.boxes.values():
                one.left = True
        world.give(i.ReportHandedOver(**names))  # type: ignore[arg-type]  # as above
        return True
    return False


def _carrier(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let everything that is on its way arrive, and be asked for."""
    numbers = goods.can_move(world)
    for number in numbers:
        if world.partners.ways.get(number) not in ("delivered", "returned", "lost"):
            world.partners.ways[number] = "delivered"
    for key, name in world.timers:
        if name == "track" and world.state.parcels[key].number in world.partners.ways:
            world.fire(key, name)
            return True
    return False


def _back(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let what is to come back come, and be inspected."""
    for key, one in world.state.returns.items():
        if one.stage in AWAITED:
            back.receive(world, key)
            return True
        if one.stage == RECEIVED:
            back.inspect(world, None, key)
            return True
    return False


def _money(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let a person accept what no money has come for, and the shop show what it was told."""
    state = world.state
    told["money", ""] += 1
    waits = state.stage in ("placed", "accepted") and not state.accepted_by
    unpaid = state.payment not in ("paid", "authorized") and state.cancel is None
    if waits and unpaid and told["money", ""] < 9:
        people.act(world, "accept")
        return world.state is not state
    return False


def _timer(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let time pass: what is asked again by a timer first, alarms last."""
    asking = [named for named in world.timers if named[1] in ("stock", "close", "track", "later")]
    named = min(asking or world.timers, key=lambda one: (world.timers[one], one), default=None)
    if named is None or world.state.stage in FINAL or world.state.stage == "expected":
        return False
    told["timers", ""] += 1
    world.fire(*named)
    return told["timers", ""] < 100


def _place(world: World, told: Counter[tuple[str, str]]) -> bool:
    """Let an order come of which there was only news."""
    if world.state.lines or world.state.stage == "cancelled":
        return False
    world.is_placed = True
    world.give(i.PlaceOrder(order=world.shop, fulfilled=world.statement().fulfilled))
    return True

"""What warehouses and carriers do by themselves, and what they report of it."""

from __future__ import annotations

from collections.abc import Callable

from actors.parcel.table import ON_ITS_WAY
from schemas.messages import effects as f
from schemas.messages import inputs as i
from schemas.order.things import Key
from tests.given import REF
from tests.model.choices import Choices
from tests.model.partners import Box, Task
from tests.model.world import World

NEXT_STATUS: dict[str, tuple[str, ...]] = {
    "": ("in_transit", "in_transit", "in_transit", "delivered", "exception"),
    "in_transit": ("delivered", "delivered", "delivered", "exception", "returned", "lost"),
    "exception": ("in_transit", "delivered", "returned", "lost"),
    "lost": ("delivered", "returned"),
    "returned": ("delivered",),
}
"""How a parcel goes on, by the carrier's last status."""


def named(key: Key, task: Task) -> dict[str, object]:
    """Return what every report names, and count the report."""
    task.reports += 1
    return {"ref": REF, "fulfilment": key, "task_id": task.task_id}


# --- the warehouse --------------------------------------------------------------------------------


def work(world: World, choices: Choices) -> None:
    """Let a warehouse do something, or go on although it was stopped."""
    tasks = world.partners.tasks.items()
    bare = [(key, task) for key, task in tasks if _unnumbered(task)]
    if bare and choices.chance(30):
        return _number(world, choices, *choices.pick(bare))
    live = [key for key, task in tasks if task.is_live]
    if not live or choices.chance(2):
        live = list(world.partners.tasks)
    key = choices.pick(live)
    task = world.partners.tasks[key]
    if task.wishes_cancel and choices.chance(50):
        return cancel(world, key, task)
    if task.asked.delivery != "parcel" and task.packed and choices.chance(50):
        return collect(world, key, task)
    return choices.pick(_WORK)(world, choices, key, task)


def collect(world: World, key: Key, task: Task) -> None:
    """Let the customer take what is packed; the report may overtake those before it. A cancellation
    is known before: what is dissolved can't be told from what is taken."""
    if any(isinstance(one, i.ReportTaskCancelled) and one.fulfilment == key for one in world.queue):
        return
    boxes = list(task.boxes.values())
    if task.stage == "cancelled" and any(box.left for box in boxes):
        boxes = []  # what was here was dissolved when the rest was cancelled
    for box in boxes:
        box.left = box.told = True
    if task.is_live and not task.rest():
        task.stage = "done"
    names = named(key, task)
    world.send(i.ReportCollected(**names, sequence=task.reports))  # type: ignore[arg-type]  # names are checked there


def _pick(world: World, choices: Choices, key: Key, task: Task) -> None:
    names = named(key, task)
    world.send(i.ReportPicked(**names, sequence=task.reports))  # type: ignore[arg-type]  # names are checked there


def _find_too_little(world: World, choices: Choices, key: Key, task: Task) -> None:
    found = tuple(
        f.Units(u.line_id, u.sku, max(0, u.quantity - choices.whole(0, 1)))
        for u in task.asked.units
    )
    names = named(key, task)
    world.send(i.ReportShortPicked(**names, found=found, sequence=task.reports))  # type: ignore[arg-type]  # as above


def box_of(task: Task, key: Key, units: dict[str, int], instead: str = "") -> Box:
    """Return a new box of a task."""
    skus = {unit.line_id: unit.sku for unit in task.asked.units}
    if instead and units:
        skus[next(iter(units))] = instead
    box = Box(f"{key}-{len(task.boxes) + 1}", units, skus)
    task.boxes[box.box_id] = box
    return box


def _pack(world: World, choices: Choices, key: Key, task: Task) -> None:
    """Pack all of it, a part, or too much; in one box or two."""
    rest = task.rest()
    if not rest:
        return
    how = choices.whole(0, 11)
    if how <= 2:
        rest = {line_id: choices.whole(0, q) for line_id, q in rest.items()}
    elif how == 3:
        first = next(iter(rest))
        rest = {**rest, first: rest[first] + 1}
    elif how == 4:
        rest = {**rest, "unheard-of": 1}
    split = len(rest) > 1 and choices.chance(30)
    parts = [dict([one]) for one in rest.items()] if split else [rest]
    instead = "SKU-else" if choices.chance(4) else ""
    boxes = [box_of(task, key, part, instead) for part in parts if any(part.values())]
    if not boxes:
        return
    complete = bool(not task.rest() or choices.chance(30))
    task.packed = task.packed or complete
    report_packed(world, key, task, boxes, complete=complete, numbered=choices.chance(50))


def report_packed(
    world: World, key: Key, task: Task, boxes: list[Box], *, complete: bool, numbered: bool = False
) -> None:
    """Report boxes; a 3PL may know their numbers already."""
    for box in boxes:
        if task.asked.labels == "them" and numbered:
            box.carrier, box.number, box.told_number = "DHL", f"JJ{box.box_id}", True
        box.told = True
    told = tuple(_told(box) for box in boxes)
    names = named(key, task)
    world.send(
        i.ReportPacked(**names, parcels=told, complete=complete, sequence=task.reports)  # type: ignore[arg-type]  # as above
    )


def _told(box: Box, *, bare: bool = False) -> i.ReportedParcel:
    units = tuple(
        f.Units(line_id, box.skus.get(line_id, "SKU-unheard-of"), q)
        for line_id, q in box.units.items()
        if not bare
    )
    return i.ReportedParcel(
        parcel_id=box.box_id, units=units, weight_grams=100, carrier=box.carrier,
        tracking_number=box.number,
    )  # fmt: skip


def _hand_over(world: World, choices: Choices, key: Key, task: Task) -> None:
    """Let boxes leave: some of them, all, or what was never reported as packed."""
    here = [box for box in task.boxes.values() if not box.left]
    if not here and task.rest() and choices.chance(30):
        here = [box_of(task, key, task.rest())]
    if len(here) > 1 and choices.chance(40):
        here = here[:1]
    if here:
        by_name, numbered = choices.chance(60), choices.chance(50)
        leave(world, key, task, here, by_name=by_name, numbered=numbered)


def _unnumbered(task: Task) -> list[Box]:
    """Return boxes of a 3PL that were told of, and whose numbers may still be told."""
    if task.asked.labels != "them":
        return []
    return [x for x in task.boxes.values() if x.told and (not x.number or not x.left)]


def _number(world: World, choices: Choices, key: Key, task: Task) -> None:
    """Tell the numbers of boxes that were told of without; sometimes others than were told."""
    box = choices.pick(_unnumbered(task))
    if not box.number or choices.chance(20):
        box.carrier, box.number = "DHL", f"JJ{len(world.events)}"
    box.told_number = True
    names = named(key, task)
    told = (_told(box, bare=box.left),)
    if box.left:
        world.send(i.ReportHandedOver(**names, parcels=told, sequence=task.reports))  # type: ignore[arg-type]  # as above
    else:
        world.send(
            i.ReportPacked(**names, parcels=told, complete=False, sequence=task.reports)  # type: ignore[arg-type]  # as above
        )


def leave(
    world: World,
    key: Key,
    task: Task,
    boxes: list[Box],
    *,
    by_name: bool,
    numbered: bool = True,
) -> None:
    """Let boxes leave, and report it: each by name, or simply all that are packed. `numbered`: its
    own numbers are told with it, not later."""
    # A warehouse at work does not tell again what it packed; that report may still be on its way.
    at_work = task.is_live and not task.wishes_cancel
    for box in boxes:
        box.left = True
        if task.asked.labels == "them" and not box.number and numbered:
            box.carrier, box.number = "DHL", f"JJ{box.box_id}"
    if not task.rest() and all(box.left for box in task.boxes.values()):
        task.stage = "done"
    numbers_are_news = any(box.number and not box.told_number for box in boxes)
    whole = all(box.left and box.told for box in task.boxes.values())
    whole = whole and not any(getattr(one, "fulfilment", "") == key for one in world.queue)
    parcels = tuple(_told(box, bare=box.told and at_work) for box in boxes)
    for box in boxes:
        box.told, box.told_number = True, bool(box.number)
    if not by_name and not numbers_are_news and whole:
        parcels = ()
    names = named(key, task)
    world.send(i.ReportHandedOver(**names, parcels=parcels, sequence=task.reports))  # type: ignore[arg-type]  # as above


def cancel(world: World, key: Key, task: Task) -> None:
    """Let a warehouse cancel a task, as it was asked or by itself."""
    if task.stage == "open":
        task.stage = "cancelled"
        task.wishes_cancel = False
        world.send(i.ReportTaskCancelled(**named(key, task)))  # type: ignore[arg-type]  # as above


def _cancel_by_itself(world: World, choices: Choices, key: Key, task: Task) -> None:
    has_left = any(box.left for box in task.boxes.values())
    if choices.chance(10 if has_left else 25):
        cancel(world, key, task)


_WORK: tuple[Callable[[World, Choices, Key, Task], None], ...] = (
    _pick, _find_too_little, _pack, _pack, _pack, _pack, _hand_over, _hand_over, _hand_over,
    _cancel_by_itself,
)  # fmt: skip


# --- the carrier ----------------------------------------------------------------------------------


def can_move(world: World) -> list[str]:
    """Return the numbers of parcels that have left, or that no one but us knows."""
    found = []
    for key, parcel in world.parcels.items():
        number = parcel.number
        if not number or _is_void(world, key, number):
            continue
        box = box_behind(world, key)
        if box is None or box.left or (world.is_wild and parcel.stage in ON_ITS_WAY):
            found.append(number)
    return found


def box_behind(world: World, key: Key) -> Box | None:
    """Return the box that a parcel is, None for one that a person packed."""
    parcel = world.parcels[key]
    task = world.partners.tasks.get(parcel.fulfilment)
    return task.boxes.get(parcel.parcel_id) if task is not None else None


def _is_void(world: World, key: Key, number: str) -> bool:
    return any(
        one.voided and one.numbers.get(key) == number for one in world.partners.shipments.values()
    )


def move(world: World, choices: Choices) -> None:
    """Let a carrier move a parcel on; sometimes the scan comes before the warehouse's word."""
    if choices.chance(15):
        for key, parcel in world.parcels.items():
            box = box_behind(world, key)
            task = world.partners.tasks.get(parcel.fulfilment)
            if box is None or task is None or box.left or not parcel.number:
                continue
            if task.is_live and not _is_void(world, key, parcel.number):
                leave(world, parcel.fulfilment, task, [box], by_name=True)
                break
    numbers = can_move(world)
    if not numbers:
        return
    number = choices.pick(numbers)
    ways = world.partners.ways
    options = NEXT_STATUS.get(ways.get(number, ""))
    if options:
        ways[number] = choices.pick(options)

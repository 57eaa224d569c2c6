"""What will happen to a task, drawn when it comes: steps, times, and what each parcel contains."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ops.simulators.warehouse_habits import Habits
from ops.simulators.warehouse_tasks import Parcel, Pieces, Task


@dataclass(slots=True, frozen=True)
class Step:
    """One thing that happens; `at` counts in seconds from the task's creation.

    `kind`: picked, short_picked, packed, handed_over, collected or cancelled. `picked` has what was
    found of each line. `parcel_ids` empty means all parcels packed so far.
    """

    kind: str
    at: float = 0.0
    picked: Sequence[Pieces] = ()
    parcels: Sequence[Parcel] = ()
    parcel_ids: Sequence[str] = ()
    complete: bool = True
    reason: str = ""


def _picked(task: Task, *, short: bool, nothing: bool) -> list[Pieces]:
    found = [replace(line, quantity=0) if nothing else line for line in task.lines]
    if short and not nothing:
        found[-1] = replace(found[-1], quantity=found[-1].quantity - 1)
    return found


def _halves(contents: Sequence[Pieces]) -> list[list[Pieces]]:
    """The pieces in two parcels, or in one if there is only one piece."""
    room = (sum(one.quantity for one in contents) + 1) // 2
    first: list[Pieces] = []
    second: list[Pieces] = []
    for one in contents:
        here = min(one.quantity, room)
        room -= here
        if here:
            first.append(replace(one, quantity=here))
        if one.quantity > here:
            second.append(replace(one, quantity=one.quantity - here))
    return [first, second] if second else [first]


def plot(task: Task, habits: Habits, seed: str) -> list[Step]:
    """The task's steps in order of time. The same task meets the same luck under one seed."""
    luck = random.Random(f"{seed}:{task.reference}:{len(task.lines)}")

    def happens(share: float) -> bool:
        return share > 0 and luck.random() < share

    start = habits.pack_after_seconds
    if happens(habits.cancel_by_itself_share):
        return [Step("cancelled", start, reason="The goods were damaged in the warehouse.")]
    nothing = happens(habits.nothing_found_share)
    short = nothing or happens(habits.short_pick_share)
    picked = _picked(task, short=short, nothing=nothing)
    steps = [Step("short_picked" if short else "picked", start, picked=picked)]
    contents = [one for one in picked if one.quantity]
    if habits.no_codes:
        contents = [replace(one, coded=False) for one in contents]
    if not contents:
        return steps
    if happens(habits.over_ship_share):
        contents[0] = replace(contents[0], quantity=contents[0].quantity + 1)
    if happens(habits.substitute_share):
        contents[0] = replace(contents[0], sku="SUBSTITUTE-1")
    later = happens(habits.split_share)
    split = later or happens(habits.two_parcels_share)
    parcels = [
        Parcel(str(number), half)
        for number, half in enumerate(_halves(contents) if split else [contents], 1)
    ]
    away = habits.hand_over_after_seconds
    if not later or len(parcels) == 1:
        steps += [Step("packed", start, parcels=parcels), Step("handed_over", start + away)]
        if task.delivery == "local_delivery":
            steps.append(Step("collected", start + 2 * away))
        return steps
    for index, parcel in enumerate(parcels):
        at, last = start + index * habits.split_seconds, index == len(parcels) - 1
        steps.append(Step("packed", at, parcels=[parcel], complete=last))
        steps.append(Step("handed_over", at + away, parcel_ids=[parcel.id]))
    # Sorting keeps the order of what happens at one time.
    return sorted(steps, key=lambda step: step.at)

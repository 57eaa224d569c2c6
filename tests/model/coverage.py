"""Which rows of the tables a run has taken, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import actors.order.joint
import actors.order.prerequisites
import tests.model.world
from actors.kernel.tables import Table, event_name
from actors.order import stream
from actors.order.family import FAMILY
from actors.order.joint import JOINT
from actors.order.prerequisites import PREREQUISITES, Prerequisite

Counts = Counter[str]


def row_name(table: Table, stage: str, event: type) -> str:
    """Return how a row of a table is counted."""
    return f"{table.name}: {stage or 'new'} + {event_name(event)}"


def every_row() -> list[str]:
    """Return every row of every table, joint rule and prerequisite."""
    names = [
        row_name(machine.table, row.stage, row.event)
        for machine in FAMILY.values()
        for row in machine.table.rows
    ]
    names += [f"joint: {row.rule}" for row in JOINT]
    return names + [f"prerequisite: {row.rule}" for row in PREREQUISITES]


@contextmanager
def counting() -> Iterator[Counts]:
    """Count the rows that decisions take, and nothing that checks ask afterwards."""
    counts: Counts = Counter()
    depth = 0
    real_to, real_decide = Table.to, stream.decide

    # Any: wrappers take what they are given.
    def decide(*given: Any) -> Any:
        nonlocal depth
        depth += 1
        try:
            return real_decide(*given)
        finally:
            depth -= 1

    def to(table: Table, stage: str, event: type) -> str:
        if depth:
            counts[row_name(table, stage, event)] += 1
        return real_to(table, stage, event)

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def when(*given: Any) -> Any:
            found = real(*given)
            if found and depth:
                counts[name] += 1
            return found

        return when

    joint = tuple(counted(f"joint: {row.rule}", row.when) for row in JOINT)
    prerequisites: dict[type, tuple[Prerequisite, ...]] = {}
    for one in PREREQUISITES:
        row = replace(one, unmet=counted(f"prerequisite: {one.rule}", one.unmet))
        prerequisites[one.effect] = (*prerequisites.get(one.effect, ()), row)
    with (
        patch.object(Table, "to", to),
        patch.object(tests.model.world, "decide", decide),
        patch.object(actors.order.joint, "_WHEN", joint),
        patch.object(actors.order.prerequisites, "_BY_EFFECT", prerequisites),
    ):
        yield counts


def told(counts: Counts, least: int) -> str:
    """Return in words how much was covered, and what was not."""
    rows = every_row()
    never = [name for name in rows if not counts[name]]
    rarely = sorted((counts[name], name) for name in rows if 0 < counts[name] < least)
    taken = len(rows) - len(never)
    lines = [
        f"{taken} of {len(rows)} rows taken, {taken - len(rarely)} {least} times or more",
        *(f"  never: {name}" for name in never),
        *(f"  {count:5d}: {name}" for count, name in rarely),
    ]
    return "\n".join(lines)

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
from actors.kernel.tables import Table, event_name
from actors.order.family import FAMILY
from actors.order.joint import JOINT
from actors.order.prerequisites import PREREQUISITES, Prerequisite
from actors.order.stream import decide as real_decide
from tests.model import world
from tests.model.plan import Plan

EXAMPLES = 4
"""Ways to a row that are remembered, so that other walks can go on from there."""


class Coverage:
    """How often each row was taken, and on which walks it was reached first. `here` is where the
    walk is: its plan, and its step."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[Plan, int]]] = {}
        self.here: tuple[Plan, int] | None = None

    def take(self, name: str) -> None:
        """Count a row."""
        self.counts[name] += 1
        if self.counts[name] <= EXAMPLES and self.here is not None:
            self.examples.setdefault(name, []).append(self.here)

    def near(self, name: str) -> list[tuple[Plan, int]]:
        """Return walks to just before the same event of the same machine in other stages."""
        machine, _, rest = name.partition(": ")
        event = rest.partition(" + ")[2]
        return [
            (walked, at - 1)
            for other, ways in self.examples.items()
            if event and other.startswith(f"{machine}: ") and other.endswith(f" + {event}")
            for walked, at in ways
        ]

    def rare(self, least: int) -> list[str]:
        """Return the rows that were taken less often, the rarest first."""
        return sorted(
            (name for name in every_row() if self.counts[name] < least),
            key=lambda name: self.counts[name],
        )


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
def counting() -> Iterator[Coverage]:
    """Count the rows that decisions take, and nothing that checks ask afterwards."""
    coverage = Coverage()
    depth = 0
    real_to = Table.to

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
            coverage.take(row_name(table, stage, event))
        return real_to(table, stage, event)

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def when(*given: Any) -> Any:
            found = real(*given)
            if found and depth:
                coverage.take(name)
            return found

        return when

    joint = tuple(counted(f"joint: {row.rule}", row.when) for row in JOINT)
    prerequisites: dict[type, tuple[Prerequisite, ...]] = {}
    for one in PREREQUISITES:
        row = replace(one, unmet=counted(f"prerequisite: {one.rule}", one.unmet))
        prerequisites[one.effect] = (*prerequisites.get(one.effect, ()), row)
    with (
        patch.object(Table, "to", to),
        patch.object(world, "decide", decide),
        patch.object(actors.order.joint, "_WHEN", joint),
        patch.object(actors.order.prerequisites, "_BY_EFFECT", prerequisites),
    ):
        yield coverage


def told(coverage: Coverage, least: int) -> str:
    """Return in words how much was covered, and what was not."""
    rows, rare = every_row(), coverage.rare(least)
    lines = [f"{len(rows) - len(rare)} of {len(rows)} rows taken {least} times or more"]
    lines += [f"{coverage.counts[name]:7d} × {name}" for name in rare]
    return "\n".join(lines)

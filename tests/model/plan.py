"""What a walk is made of: a seller, a bias, an order, and a seed for each step."""

from __future__ import annotations

import random

from msgspec import Struct

from tests.model.setups import SETUPS
from tests.model.steps import PROFILES


class Plan(Struct, frozen=True):
    """What a walk is made of."""

    setup: str
    profile: str
    order: int
    seeds: tuple[int, ...]


def plan(number: int, steps: int) -> Plan:
    """Return the walk of a number."""
    dice = random.Random(number)
    names, profiles = list(SETUPS), list(PROFILES)
    return Plan(
        setup=names[number % len(names)],
        profile=profiles[number // len(names) % len(profiles)],
        order=dice.randrange(1 << 30),
        seeds=tuple(dice.randrange(1 << 30) for _ in range(dice.randrange(steps // 3, steps))),
    )

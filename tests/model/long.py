"""The long form: walks by the thousand, then more of those that take what is rarely taken."""

from __future__ import annotations

import random

from msgspec import Struct

from tests.model.coverage import Coverage
from tests.model.plan import Plan, plan
from tests.model.walk import failing

TAIL = 40
"""Steps at most that a walk goes on after a rare row."""


ROUNDS = 4
"""How often rows are looked for that other walks may have found meanwhile."""
TRIES = 6
"""Walks at most for each time that a row is to be taken."""


class Ran(Struct):
    """What a run came to. `failed` are the walks that broke something, and how."""

    steps: int = 0
    walks: int = 0
    failed: list[tuple[Plan, str]] = []


def wide(coverage: Coverage, numbers: range, steps: int) -> Ran:
    """Walk many walks, each of another number."""
    ran = Ran(failed=[])
    for number in numbers:
        _one(coverage, plan(number, steps), ran)
    return ran


def scout(coverage: Coverage, numbers: range, steps: int) -> Ran:
    """Walk on until every row was taken once: one is found in five thousand walks at the rarest."""
    ran = Ran(failed=[])
    for number in numbers:
        if not coverage.rare(1):
            break
        _one(coverage, plan(number, steps), ran)
    return ran


def deep(coverage: Coverage, least: int, seed: int) -> Ran:
    """Go on from where a rare row was taken, each time in another way, until each row was taken so
    often. Walks to one rare row may be the first to find another; to one that none has found they
    go on from just before the same event in another stage."""
    dice, ran = random.Random(seed), Ran(failed=[])
    for _ in range(ROUNDS):
        for name in coverage.rare(least):
            near = coverage.near(name)
            for at in range(least * TRIES):
                ways = coverage.examples.get(name) or near
                if coverage.counts[name] >= least or not ways:
                    break
                known, reached = ways[at % len(ways)]
                seeds = _varied(list(known.seeds[: reached + 1]), dice)
                _one(coverage, Plan(known.setup, known.profile, known.order, seeds), ran)
    return ran


def _varied(seeds: list[int], dice: random.Random) -> tuple[int, ...]:
    """Return the same way with another end: a longer one, nearly none, or one step left out."""
    how = dice.randrange(3)
    if how == 2 and len(seeds) > 1:
        del seeds[-1 - dice.randrange(min(8, len(seeds)))]
    else:
        tail = dice.randrange(TAIL if how else 3)
        seeds += [dice.randrange(1 << 30) for _ in range(tail)]
    return tuple(seeds)


def _one(coverage: Coverage, one: Plan, ran: Ran) -> None:
    def seen(walked: Plan, at: int) -> None:
        coverage.here = (walked, at)

    error = failing(one, seen)
    ran.walks += 1
    ran.steps += len(one.seeds)
    if error is not None:
        ran.failed.append((one, str(error)))

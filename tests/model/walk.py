"""A walk at random: a list of seeds, one for each step, so that a failing one can be made shorter.

`python -m tests.model.walk SEED` walks one again and prints its shortest failing form.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from actors.order.normalise import NO_TABLES
from actors.order.policy import Policy
from actors.rules.compiled import NO_RULES
from tests.model.asking import asked_well
from tests.model.checks import check
from tests.model.choices import Dice
from tests.model.drain import drain
from tests.model.ends import judge
from tests.model.going import at_work
from tests.model.plan import Plan, plan
from tests.model.setups import RULES, SETUPS, of_marketplace, some_order, tables
from tests.model.steps import PROFILES, step
from tests.model.world import World

EVERY = 12
"""Each so many steps everything is checked, also what costs much."""


def world_of(one: Plan) -> World:
    """Return the world in which a walk begins."""
    dice = Dice(one.order)
    captures = SETUPS[one.setup].capture != "none"
    order = some_order(dice, captures=captures)
    if SETUPS[one.setup].claims:
        order = of_marketplace(order)
        if dice.chance(40):
            order = replace(order, payment="pending")
    if one.setup == "COD" and dice.chance(70):
        order = replace(order, payment="pending", payment_method="cod")
    policy = Policy(
        close_after_seconds=dice.pick((0.0, 0.0, 0.0, 3600.0)), accept_test_orders=dice.chance(20)
    )
    skus = [line.sku for line in order.lines if dice.chance(70)]
    known = tables(1, *skus) if dice.chance(8) else NO_TABLES
    world = World(SETUPS[one.setup], order, policy=policy, tables=known)
    world.brain.rules = RULES.get(one.setup, NO_RULES)
    world.slow, world.lossy = PROFILES[one.profile].slow, PROFILES[one.profile].lossy
    world.partners.frees_rest = captures and dice.chance(40)
    world.partners.loses_images = dice.chance(20)
    for place in world.setup.places:
        for line in order.lines:
            if dice.chance(70):
                there = dice.whole(1, 6) if dice.chance(PROFILES[one.profile].stocked) else 0
                world.partners.stock.on_hand[place.name, line.sku] = there
    world.policy = replace(policy, reservation_seconds=dice.pick((0.0, 0.0, 3_600.0)))
    return world


def walk(one: Plan, seen: Callable[[Plan, int], None] | None = None) -> World:
    """Walk, check after every step, and let the order reach its end. `seen` is told where the walk
    is."""
    world = world_of(one)
    profile = PROFILES[one.profile]
    for at, seed in enumerate(one.seeds):
        if seen is not None:
            seen(one, at)
        told_before = len(world.trail)
        step(world, Dice(seed), profile)
        check(world, sampled=at % EVERY == 0)
        at_work(world)
        if len(world.trail) > told_before:
            asked_well(world)
    drain(world)
    check(world, sampled=True)
    judge(world)
    return world


def failing(one: Plan, seen: Callable[[Plan, int], None] | None = None) -> BaseException | None:
    """Return what a walk fails with."""
    try:
        walk(one, seen)
    except Exception as error:  # noqa: BLE001 - whatever a walk fails with is the finding
        return error
    return None


def kind_of_failure(error: BaseException) -> str:
    """Return what two failures have in common when they are the same fault."""
    return f"{type(error).__name__} {str(error).split(':')[0][:60]}"


def shortest(one: Plan, error: BaseException) -> Plan:
    """Return a walk with as few steps as fail in the same way."""
    kind = kind_of_failure(error)
    seeds, size = list(one.seeds), max(1, len(one.seeds) // 2)
    while size:
        at = 0
        while at < len(seeds):
            fewer = Plan(one.setup, one.profile, one.order, tuple(seeds[:at] + seeds[at + size :]))
            found = failing(fewer)
            if found is not None and kind_of_failure(found) == kind:
                seeds = list(fewer.seeds)
            else:
                at += size
        size //= 2
    return Plan(one.setup, one.profile, one.order, tuple(seeds))


def told(one: Plan) -> str:
    """Return a walk in words: every input, and what it led to."""
    world = world_of(one)
    lines = [f"setup {one.setup!r}: {world.setup}", f"order: {world.shop}", ""]
    profile = PROFILES[one.profile]
    seen = 0

    def show() -> None:
        nonlocal seen
        for at, _, given in world.trail[seen:]:
            lines.append(f"{at:%H:%M:%S} {given}")
        seen = len(world.trail)
        if world.last is not None:
            lines.extend(f"      -> {event}" for event in world.last.events)
            lines.extend(f"      => {x.number} {x.key} {x.effect}" for x in world.last.effects)

    try:
        for seed in one.seeds:
            name = step(world, Dice(seed), profile)
            lines.append(f"   [{name}]")
            show()
            check(world, sampled=True)
        lines.append("   [drain]")
        give = world.give

        def shown(given):  # type: ignore[no-untyped-def]  # a tool for people
            try:
                return give(given)
            finally:
                show()

        world.give = shown  # type: ignore[method-assign]  # as above
        drain(world)
        judge(world)
    except Exception as error:  # noqa: BLE001 - as above
        show()
        lines.append(f"{type(error).__name__}: {error}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Walk one again."""
    one = plan(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 80)
    error = failing(one)
    if error is None:
        sys.stdout.write("It holds.\n")
        return
    sys.stdout.write(f"{told(shortest(one, error))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

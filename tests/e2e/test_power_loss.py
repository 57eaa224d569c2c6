"""The whole service through a power failure: what it had answered 2xx is an order afterwards.

What each server keeps by itself is tried in `tests/integration/test_power_loss.py`, with the proof
that such a trial can fail.
"""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from tests.conftest import Say
from tests.e2e.audit import audit
from tests.e2e.processes import Process, passes
from tests.e2e.world import World, seed_of_run, world_in
from tests.integration.power import Disk, why_impossible
from tests.integration.servers import temporary_home
from tests.waiting import eventually

ENOUGH = 40
"""Orders that were accepted before the power went."""

ONLY_CREATES = "--paid-later 0 --cancel 0 --update 0 --duplicate 0".split()


async def test_what_was_answered_outlives_the_power(say: Say) -> None:
    """Every webhook answered 2xx before the power went is an order, done once, afterwards."""
    if reason := why_impossible():
        pytest.skip(f"Power loss can't be tried on this machine: {reason}.")
    seed = seed_of_run()
    say(f"Power loss test with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners(seed=seed)
            disk = Disk(home)
            with disk.mounted() as place:
                try:
                    shop, report = await _loaded(world, place / "data", seed)
                    await passes(world.service, random.Random(seed).uniform(0.5, 2.5))
                    after = await _cut(world, disk, shop)
                finally:
                    await world.kill_all()  # they never go on: who lost his power sends no more
            accepted = json.loads(report.read_text())["accepted"]
            assert accepted >= ENOUGH
            with after.mounted() as place:
                world.configure(place / "data")
                try:
                    world.start_service()
                    await world.ready()
                    await world.until_final()
                    found = await audit(world, [report])
                    assert await world.service.terminated() == 0
                finally:
                    await world.kill_all()
            say(
                f"  {accepted} orders accepted before the power went, {found.orders} afterwards:"
                f" {found.closed} closed, {len(found.wrong)} lost, doubled or wrong;"
                f" {found.mails_unknown} mails of unknown fate, for a person."
            )
            assert not found.wrong, "\n".join(found.wrong[:30])


async def _loaded(world: World, data: Path, seed: int) -> tuple[Process, Path]:
    """Start the service there, and a shop that has begun to send."""
    world.configure(data)
    world.start_service()
    await world.ready()
    await world.seed_stock()
    shop, report = world.start_shop(
        *ONLY_CREATES, orders=1_000, rate=50.0, seed=seed, first_number=1001
    )

    async def begun() -> bool:
        return len(await world.rows("SELECT FROM orders LIMIT $1", ENOUGH)) == ENOUGH

    await eventually(begun, 25)
    return shop, report


async def _cut(world: World, disk: Disk, shop: Process) -> Disk:
    """Stop the service and its servers in their tracks; the disk as it is then.

    The shop ends in between: what it was answered until then is in its report, and no one answers
    it any more.
    """
    for writer in world.writers():
        writer.send_signal(signal.SIGSTOP)
    assert await shop.terminated() == 0
    return disk.cut_power([])

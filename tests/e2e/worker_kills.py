"""Kills of a service with several workers under load: workers, the parent, the servers; and workers
that stand still long enough to lose what they hold."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

import psutil
from msgspec import Struct

from tests.conftest import Say
from tests.e2e.audit import audit
from tests.e2e.processes import Process, passes
from tests.e2e.test_kill import FAILED, SILENT, WRITES, Load, Plan
from tests.e2e.world import World, made_in
from tests.integration.servers import temporary_home
from tests.waiting import eventually

WORKER, STOPPED, PARENT, NATS, POSTGRES = "worker", "stopped", "parent", "nats-server", "postgres"

STOPPED_SECONDS = (1.0, 8.0)
"""From less than a lease to twice as long as it takes to lose one."""


class Kills(Struct, frozen=True, kw_only=True):
    """How often each happens, and the load meanwhile: `orders` at least, `batch` by each shop."""

    worker: int
    stopped: int
    parent: int
    nats: int
    postgres: int
    orders: int
    batch: int
    rate: float


class Workers(World):
    """A world whose service has three workers."""

    def start_service(self) -> Process:
        """Start the parent, without waiting for it."""
        words = ["serve", "--config", str(self.config), "--workers", "3"]
        self._service = self.process("the service", "service.cli", words)
        return self._service

    def workers(self) -> list[psutil.Process]:
        """Those that run now."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.service.pid).children()
            return [one for one in children if one.cmdline()[-1:] == ["worker"]]
        return []


async def strike(world: Workers, what: str, rng: random.Random) -> bool:
    """Kill or stop one; False when it was not there."""
    if what == PARENT:
        world.service.kill()
        world.start_service()
        return True
    try:
        found = rng.choice(world.workers()) if what in {WORKER, STOPPED} else world.server(what)
        if found is None:
            return False
        if what != STOPPED:
            found.kill()
            return True
        found.suspend()
        try:
            await passes(world.service, rng.uniform(*STOPPED_SECONDS))
        finally:
            with suppress(psutil.NoSuchProcess):
                found.resume()
    except (psutil.NoSuchProcess, IndexError):
        return False
    return True


async def rampage(kills: Kills, seed: int, say: Say) -> None:
    """A world, its faults, the kills, the end of every order, the count."""
    rng = random.Random(seed)
    say(f"Kills of workers with ORDERWRIGHT_TEST_SEED={seed}:")
    left = Counter({
        WORKER: kills.worker, STOPPED: kills.stopped, PARENT: kills.parent,
        NATS: kills.nats, POSTGRES: kills.postgres,
    })  # fmt: skip
    done: Counter[str] = Counter()
    plan = Plan(
        service=0, nats=0, postgres=0, frozen=0, orders=kills.orders, rate=kills.rate,
        batch=kills.batch, each=0, pause_seconds=1.0,
    )  # fmt: skip
    with temporary_home() as home:
        async with made_in(Workers, home) as world:
            await world.start_partners(seed=seed)
            for partner in ("erp", "warehouse-east", "warehouse-west", "carrier", "storefront"):
                for operation in WRITES[partner]:
                    await world.fault(
                        partner, operation, ignore_idempotency=True,
                        act_no_answer_rate=SILENT, error_after_acting_rate=FAILED,
                    )  # fmt: skip
            world.start_service()
            await world.ready()
            await world.seed_stock()
            load = Load(world, plan, seed)
            load.go_on()
            await eventually(load.under_way, 30)
            while waiting := list((left - done).elements()):
                load.go_on()
                await world.ready()
                await passes(world.service, rng.uniform(0.2, 3.0))
                what = rng.choice(waiting)
                if await load.under_way() and await strike(world, what, rng):
                    done[what] += 1
            await world.ready()
            await load.sent(120 + kills.batch / kills.rate)
            await world.until_final()
            found = await audit(world, load.reports)
            say(
                f"  killed or stopped: {dict(done)}; {found.orders} orders ({found.webhooks}"
                f" webhooks): {found.closed} closed, {found.cancelled} cancelled;"
                f" {found.consequences} consequences; {len(found.wrong)} lost, doubled or wrong."
            )
            assert not found.wrong, "\n".join(found.wrong[:30])
            assert found.orders >= kills.orders
            assert await world.service.terminated() == 0

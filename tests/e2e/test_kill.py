"""kill -9 of everything at random instants, under load, with partners that act and never answer.

The partners write down every real-world consequence in processes of their own, which survive; what
they say counts. ORDERWRIGHT_TEST_SEED repeats a run's draws (not its timing).
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from msgspec import Struct

from tests.conftest import Say
from tests.e2e import markets as m
from tests.e2e.audit import Audit, audit
from tests.e2e.market_audit import MarketAudit, audit_markets
from tests.e2e.processes import Process, passes
from tests.e2e.world import QUIET_SECONDS, World, seed_of_run, world_in
from tests.integration.servers import temporary_home
from tests.waiting import eventually

SERVICE, NATS, POSTGRES, FROZEN = "service", "nats-server", "postgres", "frozen"

WRITES = {
    "erp": (
        "create_order", "update_order", "delete_order", "add_line", "update_line", "delete_line",
    ),
    "warehouse-east": ("create_task", "cancel_task"),
    "warehouse-west": ("create_task", "cancel_task"),
    "carrier": ("ship", "void"),
    "fedex": ("ship", "cancel"),
    "storefront": ("fulfillment_create", "order_cancel"),
    **m.WRITES,
}  # fmt: skip
SILENT, FAILED = 0.04, 0.02
"""Share of writing calls that are done and never answered, or answered with an error."""
SICK = {"rate_limited_rate": 0.02, "error_rate": 0.01, "rubbish_rate": 0.01}
"""Shares of them that are told to come later, fail without being done, or are answered with
rubbish, half of it torn off an answer to what was done. Refusals alone are left out: they are a
person's."""
CONFIRMED_LATER = '{"cancel_confirm_seconds": 0.3}'
"""Warehouses answer a cancellation with 202, and report a moment later that they stopped."""

FROZEN_SECONDS = 3.0
"""The longest that a server stands still; the service gives up waiting after about as long."""

HABITS = (
    "--cancel 0.05 --cancel-late 0.03 --cancel-after-seconds 0-6 --edit-address 0.05"
    " --edit-add-line 0.05 --edit-remove-line 0.05 --edit-after-seconds 0-6 --cod 0.05 --terms 0.05"
    " --split 0.1 --multi-parcel 0.15 --split-later 0.05 --echo-ms 20-200 --give-up-seconds 600"
).split()
"""How the shop's orders change, and are shipped in parts."""

KILLED_EARLY = 0.15
"""Share of the service's kills that come while it still starts; they count for nothing."""


class Plan(Struct, frozen=True, kw_only=True):
    """How often each is killed under load, and a server frozen; and the load meanwhile: `orders`
    at least of Shopify shops, and `each` of every other channel, one every `pause_seconds`."""

    service: int
    nats: int
    postgres: int
    frozen: int
    orders: int
    rate: float
    batch: int
    each: int
    pause_seconds: float


class Load:
    """Shops one after the other, so that orders come until all is killed; `orders` at least."""

    def __init__(self, world: World, plan: Plan, seed: int) -> None:
        self._world = world
        self._plan = plan
        self._seed = seed
        self._shops: list[tuple[Process, Path]] = []
        self._requests = 0

    @property
    def orders(self) -> int:
        return len(self._shops) * self._plan.batch

    @property
    def reports(self) -> list[Path]:
        return [report for _, report in self._shops]

    def go_on(self) -> None:
        """Start the next shop when the last has sent everything."""
        if self._shops and self._shops[-1][0].running:
            return
        shop = self._world.start_shop(
            *HABITS,
            orders=self._plan.batch,
            rate=self._plan.rate,
            seed=self._seed,
            first_number=1001 + self.orders,
        )
        self._shops.append(shop)

    async def under_way(self) -> bool:
        """Whether partners were called since this was asked last, and orders still come."""
        requests = int((await self._world.ask("GET", "/_sim/health"))["requests"])
        # The question itself is one of the requests.
        moved, self._requests = requests - self._requests > 1, requests
        return moved and self._shops[-1][0].running

    async def sent(self, seconds: float) -> None:
        """Wait until every shop has sent everything, `orders` in all."""
        while self.orders < self._plan.orders or self._shops[-1][0].running:
            self.go_on()
            assert await self._shops[-1][0].ended(seconds) == 0


class Killer:
    """Kills until each was killed under load as often as planned; `killed` counts."""

    def __init__(self, world: World, load: Load, plan: Plan, rng: random.Random) -> None:
        self._world = world
        self._load = load
        self._rng = rng
        self._wanted = Counter(
            {SERVICE: plan.service, NATS: plan.nats, POSTGRES: plan.postgres, FROZEN: plan.frozen}
        )
        self.killed: Counter[str] = Counter()
        self.moments: list[str] = []

    async def run(self) -> None:
        """Kill one after the other."""
        while left := list((self._wanted - self.killed).elements()):
            self._load.go_on()
            victim = self._rng.choice(left)
            if victim == SERVICE:
                await self._kill_service()
            elif await self._loaded():
                await self._hit_server(victim)

    async def _kill_service(self) -> None:
        early = self._rng.random() < KILLED_EARLY and not self._world.is_ready()
        if early:
            await passes(self._world.service, self._rng.uniform(0.0, 2.0))
        elif not await self._loaded():
            return
        self._count("early" if early else SERVICE)
        self._world.service.kill()
        self._world.start_service()

    async def _loaded(self) -> bool:
        """Wait for a random instant; whether there is load then."""
        await self._world.ready()
        await passes(self._world.service, self._rng.uniform(0.05, 1.5))
        return await self._load.under_way()

    async def _hit_server(self, victim: str) -> None:
        server = self._world.server(
            self._rng.choice((NATS, POSTGRES)) if victim == FROZEN else victim
        )
        if server is None:
            return  # it starts again just now
        try:
            if victim == FROZEN:
                await self._freeze([server, *server.children()])
            else:
                server.kill()
        except psutil.NoSuchProcess:
            return
        self._count(victim)

    async def _freeze(self, processes: list[psutil.Process]) -> None:
        try:
            for process in processes:
                process.suspend()
            await passes(self._world.service, self._rng.uniform(0.2, FROZEN_SECONDS))
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def _count(self, victim: str) -> None:
        self.killed[victim] += 1
        self.moments.append(f"{datetime.now(UTC):%H:%M:%S.%f} {victim}")


async def rampage(plan: Plan, seed: int, say: Say) -> None:
    """The whole test: a world, its faults, the kills, the end of every order, the count."""
    rng = random.Random(seed)
    say(f"Kill test with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        async with world_in(home) as world:
            await world.start_partners("--warehouse-habits", CONFIRMED_LATER, seed=seed)
            for partner, operations in WRITES.items():
                for operation in operations:
                    await world.fault(
                        partner, operation, ignore_idempotency=True,
                        act_no_answer_rate=SILENT, error_after_acting_rate=FAILED, **SICK,
                    )  # fmt: skip
            # A mail server that sends what it declines (4xx after the message) breaks RFC 5321: the
            # message may come once more, and no more than that.
            await world.fault(
                "mail", "message", ignore_idempotency=True,
                act_no_answer_rate=SILENT, error_after_acting_rate=FAILED, **SICK,
            )  # fmt: skip
            m.configure(world)
            world.start_service()
            await world.ready()
            await world.seed_stock()
            markets = m.Markets(world, each=plan.each, pause_seconds=plan.pause_seconds, seed=seed)
            await markets.prepare()
            load = Load(world, plan, seed)
            load.go_on()
            await eventually(load.under_way, 20)
            killer = Killer(world, load, plan, rng)
            try:
                async with asyncio.TaskGroup() as together:
                    together.create_task(markets.run())
                    together.create_task(killer.run())
            finally:
                await markets.close()
            await world.ready()
            await load.sent(120 + plan.batch / plan.rate)
            given_up = sum(json.loads(one.read_text())["given_up"] for one in load.reports)
            say(f"All is sent, {given_up} webhooks were given up by the shops.")
            # The last calls to a partner that is sick now and then wait for its next probe, half a
            # minute away each time; several in a row may fail.
            await world.until_final(4 * QUIET_SECONDS)
            found, others = await audit(world, load.reports), await audit_markets(world, markets)
            say(_summary(killer.killed, found))
            say(_others(others))
            wrong = [*found.wrong, *others.wrong]
            assert not wrong, "\n".join([*wrong[:30], "Killed:", *killer.moments])
            assert found.orders >= plan.orders
            assert set(others.orders.values()) == {plan.each}
            assert await world.service.terminated() == 0


def _summary(killed: Counter[str], found: Audit) -> str:
    return (
        f"  killed under load: service {killed[SERVICE]} (and {killed['early']} while starting),"
        f" NATS {killed[NATS]}, Postgres {killed[POSTGRES]}; frozen for a while: {killed[FROZEN]};"
        f" {found.orders} orders ({found.webhooks} webhooks): {found.closed} closed,"
        f" {found.cancelled} cancelled; {found.fulfilments} fulfilments, {found.parcels} parcels,"
        f" {found.amended} amendments;"
        f" {found.consequences} consequences; {len(found.wrong)} lost, doubled or wrong;"
        f" {found.mails_unknown} mails of unknown fate; orders for a person: {dict(found.persons)}."
    )


def _others(found: MarketAudit) -> str:
    orders = ", ".join(f"{channel} {count}" for channel, count in found.orders.items())
    return (
        f"  the other channels' orders: {orders}; {found.closed} closed, {found.cancelled}"
        f" cancelled, {found.duplicates} recorded as duplicates, {found.persons} for a person;"
        f" {found.fulfilments} fulfilments;"
        f" {found.mails} mails of all channels, {found.mails_repeated} of them once more after"
        " their server had declined them;"
        f" {len(found.wrong)} lost, doubled or wrong."
    )


@pytest.mark.timeout(900)
async def test_nothing_is_lost_or_doubled_whatever_is_killed(say: Say) -> None:
    """20 kills of the service and 5 of each server under load: every order ends, all once."""
    plan = Plan(
        service=20, nats=5, postgres=5, frozen=3, orders=500, rate=8.0, batch=100,
        each=40, pause_seconds=1.0,
    )  # fmt: skip
    await rampage(plan, seed_of_run(), say)


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_over_500_kills(say: Say) -> None:
    """The same for half an hour and more: 500 kills, and orders all the while."""
    plan = Plan(
        service=400, nats=50, postgres=50, frozen=30, orders=10_000, rate=8.0, batch=1_000,
        each=400, pause_seconds=2.0,
    )  # fmt: skip
    await rampage(plan, seed_of_run(), say)

"""Three services share one Postgres and one NATS: whoever dies or stands still, nothing is lost and
nothing is done twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Say
from tests.e2e.audit import audit
from tests.e2e.fleet import Fleet, fleet_in
from tests.e2e.processes import ROOT, Process
from tests.e2e.worker_kills import Kills, rampage
from tests.e2e.world import seed_of_run
from tests.integration.servers import temporary_home
from tests.waiting import eventually

SIZE = 3
ORDERS_EACH, RATE = 60, 8.0

HABITS = (
    "--cancel 0.05 --cancel-after-seconds 0-4 --edit-address 0.05 --edit-after-seconds 0-4"
    " --split 0.1 --give-up-seconds 300"
).split()

LEASE_ENDS_SECONDS = 60.0
"""By then a lease has ended that no one renews, however busy the machine is."""


async def begin(fleet: Fleet, seed: int, size: int = SIZE, *, code: Path = ROOT) -> None:
    """Start all, the first one alone: it makes the secrets. `code` is the checkout they run."""
    await fleet.start_partners(seed=seed)
    fleet.start(0, code=code)
    await fleet.started(0)
    for number in range(1, size):
        fleet.start(number, code=code)
    for number in range(1, size):
        await fleet.started(number)
    await fleet.seed_stock()


def shops(
    fleet: Fleet, orders: int, rate: float, seed: int, *, first: int = 1001
) -> list[tuple[Process, Path]]:
    """One shop for each service, which sends its orders to that one alone; `first` is the number of
    the first order."""
    started = []
    for number, url in enumerate(fleet.urls):
        fleet.url = url
        begins = first + number * orders
        started.append(
            fleet.start_shop(*HABITS, orders=orders, rate=rate, seed=seed, first_number=begins)
        )
    fleet.url = fleet.urls[0]
    return started


async def known(fleet: Fleet) -> int:
    """How many orders there are."""
    return int((await fleet.rows("SELECT count(*) AS n FROM orders"))[0]["n"])


async def orders_flow(fleet: Fleet, more: int) -> None:
    """Wait until so many more orders are known."""
    before = await known(fleet)

    async def came() -> bool:
        return await known(fleet) >= before + more

    await eventually(came, 120.0)


async def count_up(fleet: Fleet, sent: Sequence[tuple[Process, Path]], say: Say) -> None:
    """Wait for the end of every order, and compare with what the shops and partners know."""
    for shop, _ in sent:
        assert await shop.ended(300.0) == 0, shop.last_words()
    await fleet.until_final()
    reports = [report for _, report in sent]
    found = await audit(fleet, reports)
    say(
        f"  {found.orders} orders ({found.webhooks} webhooks): {found.closed} closed,"
        f" {found.cancelled} cancelled; {found.consequences} consequences;"
        f" {len(found.wrong)} lost, doubled or wrong; for a person: {dict(found.persons)}."
    )
    assert not found.wrong, "\n".join(found.wrong[:30])
    placed = sum(len(json.loads(report.read_text())["refs"]) for report in reports)
    assert found.orders == placed


@pytest.mark.timeout(600)
async def test_three_services_share_the_orders_whoever_dies_or_stands_still(say: Say) -> None:
    """Each holds its share of the partitions. One is killed, one stopped until others have taken
    its orders over, and goes on: all orders end, and the partners did everything once."""
    seed = seed_of_run()
    say(f"Three services with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        async with fleet_in(home, SIZE) as fleet:
            await begin(fleet, seed)
            await fleet.balanced(SIZE)
            sent = shops(fleet, ORDERS_EACH, RATE, seed)
            await orders_flow(fleet, 20)
            fleet.members[1].kill()
            await fleet.balanced(SIZE - 1)
            fleet.start(1)
            await fleet.started(1)
            held = await fleet.balanced(SIZE)
            stopped = (fleet.folder(2) / "instance-id").read_text().strip()
            fleet.stop_for_now(2)
            try:
                assert stopped in held

                async def taken_over() -> bool:
                    return stopped not in await fleet.shares()

                await eventually(taken_over, LEASE_ENDS_SECONDS)
                await fleet.balanced(SIZE - 1)
            finally:
                fleet.go_on(2)
            await fleet.balanced(SIZE)
            await count_up(fleet, sent, say)
            for number in range(SIZE):
                assert await fleet.members[number].terminated() == 0


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_doubled_over_a_few_kills_of_workers(say: Say) -> None:
    """The short form of the 200 kills: each of what is killed once at least, and workers that stand
    still."""
    kills = Kills(worker=4, stopped=3, parent=1, nats=1, postgres=1, orders=150, batch=75, rate=8.0)
    await rampage(kills, seed_of_run(), say)


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_over_200_kills_of_workers(say: Say) -> None:
    """One service with three workers on its own servers: 200 times a worker, the parent or a server
    is killed, or a worker stands still for a while, under load."""
    kills = Kills(
        worker=100, stopped=50, parent=20, nats=15, postgres=15, orders=3_000, batch=500, rate=8.0
    )
    await rampage(kills, seed_of_run(), say)

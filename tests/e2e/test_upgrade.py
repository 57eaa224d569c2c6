"""Services are replaced one after the other by a newer version while orders are in flight."""

from __future__ import annotations

import pytest

from tests.conftest import Say
from tests.e2e.fleet import Fleet, fleet_in
from tests.e2e.older_code import names, older_code
from tests.e2e.processes import ROOT
from tests.e2e.test_workers import begin, count_up, orders_flow, shops
from tests.e2e.world import seed_of_run
from tests.integration.servers import temporary_home

SIZE = 2
ORDERS_EACH, RATE = 30, 4.0


async def applied(fleet: Fleet) -> set[str]:
    """The migrations that the database has had."""
    return {row["name"] for row in await fleet.rows("SELECT name FROM schema_migrations")}


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_services_are_replaced_one_by_one_under_orders(say: Say) -> None:
    """Two of the version before the newest migration; one is drained and replaced by today's, which
    changes the tables under the other. Today's dies, so that the older one goes on with its orders;
    it comes back, and the older one is replaced, too. All orders end, and the partners did
    everything once."""
    seed = seed_of_run()
    say(f"Two services are upgraded with ORDERWRIGHT_TEST_SEED={seed}:")
    with temporary_home() as home:
        older = older_code(home / "older")
        new = names(ROOT) - names(older)
        assert new
        async with fleet_in(home, SIZE) as fleet:
            await begin(fleet, seed, SIZE, code=older)
            await fleet.balanced(SIZE)
            assert await applied(fleet) == names(older)
            sent = shops(fleet, ORDERS_EACH, RATE, seed)
            await orders_flow(fleet, 10)
            assert await fleet.members[1].terminated() == 0
            fleet.start(1)
            await fleet.started(1)
            assert await applied(fleet) == names(ROOT)
            await fleet.balanced(SIZE)
            sent += shops(fleet, ORDERS_EACH, RATE, seed, first=2001)
            await orders_flow(fleet, 10)
            fleet.members[1].kill()
            await fleet.balanced(1)
            fleet.start(1)
            await fleet.started(1)
            await fleet.balanced(SIZE)
            sent += shops(fleet, ORDERS_EACH, RATE, seed, first=3001)
            await orders_flow(fleet, 10)
            assert await fleet.members[0].terminated() == 0
            fleet.start(0)
            await fleet.started(0)
            await fleet.balanced(SIZE)
            say(f"  migrations that came with the upgrade: {', '.join(sorted(new))}.")
            await count_up(fleet, sent, say)
            for number in range(SIZE):
                assert await fleet.members[number].terminated() == 0

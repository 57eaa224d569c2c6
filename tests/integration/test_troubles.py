"""A partner that is not called is told of while something waits for it, and no longer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.shared_leases import SharedLeases
from adapters.postgres.troubles import Troubles
from service.embedded.supervisor import EmbeddedServers
from tests.appends import NOON, RESERVE, append
from tests.integration.journals import Bench, empty, journal_on, migrated_database
from tests.integration.servers import servers

__all__ = ["servers"]


@pytest.fixture(scope="module")
def tables(servers: EmbeddedServers) -> str:
    """A database with our tables."""
    return migrated_database(servers)


@pytest.fixture
async def bench(tables: str) -> AsyncIterator[Bench]:
    """An order that waits for the lane of its one effect."""
    await empty(tables)
    async with journal_on(tables) as made:
        await made.journal.append(append("1", record={1: RESERVE}))
        yield made


async def test_what_nothing_waits_for_any_more_is_not_told(bench: Bench) -> None:
    """The trouble of a partner ends with the last that waits for it: no one would call it, so that
    no one knows whether it is over. The partner of which nothing waits is not told of at all."""
    (row,) = await bench.pool.fetch("SELECT lane FROM effects")
    troubles = Troubles(bench.pool)
    await troubles.replace({row["lane"]: "It is down.", "idle": "It is down."}, NOON)
    assert [one.lane for one in await troubles.all()] == [row["lane"]]
    await bench.journal.append(append("1", 1, settled=((1, "done"),)))
    assert await troubles.all() == []


async def test_each_process_takes_back_its_own_alone(bench: Bench) -> None:
    """Of processes that share the orders one that has no trouble leaves what another one says, and
    what a dead one had said goes with the next that anyone writes."""
    (row,) = await bench.pool.fetch("SELECT lane FROM effects")
    words = {row["lane"]: "It is down."}
    living = SharedLeases(bench.pool, "living", ttl_seconds=600.0)
    await living.beat()
    of_living = Troubles(bench.pool, "living", shared=True)
    of_other = Troubles(bench.pool, "other", shared=True)
    await of_living.replace(words, NOON)
    await of_other.replace({}, NOON)
    assert len(await of_other.all()) == 1
    await living.release()
    await of_other.replace({}, NOON)
    assert await of_other.all() == []
    await of_living.replace(words, NOON)
    await Troubles(bench.pool, "alone").replace({}, NOON)
    assert await of_living.all() == [], "who has all orders knows of all partners"

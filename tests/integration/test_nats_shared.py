"""Processes that share the orders read the streams by partition, on a real server: whoever takes
one over gets all of it in its order, and who lost it gets nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.nats.connection import Connection
from adapters.nats.intake_source import IntakeSource, Taken
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from schemas.order.ids import PARTITIONS, partition_of
from service.embedded.supervisor import EmbeddedServers
from tests.integration.test_nats_adapter import connected
from tests.waiting import eventually

CHANNEL = "acme-us"
REF = "shared-1"
PARTITION = partition_of(REF)
ALL_AT_ONCE = dict.fromkeys(range(PARTITIONS), 1)


@asynccontextmanager
async def opened(connection: Connection, *, shared: bool = True) -> AsyncIterator[IntakeSource]:
    """A reader of the channel's stream."""
    source = IntakeSource(connection, channels=(CHANNEL,), shared=shared)
    await source.start()
    yield source
    await source.stop()


async def publish(connection: Connection, *names: str, ref: str = REF) -> None:
    """Put messages of one order into the stream, one after the other."""
    publisher = Publisher(connection, Seal({}), channels=(CHANNEL,))
    await publisher.start()
    for name in names:
        await publisher.publish(
            CHANNEL, "place", ref, b"{}", delivery_id=name, source="canonical", topic=""
        )


async def read(source: IntakeSource, count: int) -> list[Taken]:
    """So many deliveries."""
    found: list[Taken] = []

    async def all_there() -> bool:
        found.extend(await source.next_batch(64))
        return len(found) >= count

    await eventually(all_there, 30.0)
    return found


def names_of(deliveries: list[Taken]) -> list[str]:
    """Their ids, without the scope."""
    return [one.message.delivery_id.rpartition("/")[2] for one in deliveries]


async def test_each_reads_its_own_partitions_alone(servers: EmbeddedServers) -> None:
    """Of two readers each gets the orders of its partitions, and together they get all."""
    refs = [f"each-{number}" for number in range(40)]
    low = dict.fromkeys(range(PARTITIONS // 2), 1)
    high = dict.fromkeys(range(PARTITIONS // 2, PARTITIONS), 1)
    async with (
        connected(servers.nats_url) as connection,
        opened(connection) as first,
        opened(connection) as second,
    ):
        await first.hold(low)
        await second.hold(high)
        for ref in refs:
            await publish(connection, ref, ref=ref)
        of_first = {ref for ref in refs if partition_of(ref) in low}
        mine = await read(first, len(of_first))
        theirs = await read(second, len(refs) - len(of_first))
        assert set(names_of(mine)) == of_first
        assert set(names_of(theirs)) == set(refs) - of_first
        for one in (*mine, *theirs):
            await one.ack()


async def test_a_partition_that_moves_keeps_its_order(servers: EmbeddedServers) -> None:
    """What was delivered and not acknowledged comes to the next owner first, in the stream's order,
    without waiting; what was acknowledged does not come again."""
    async with (
        connected(servers.nats_url) as connection,
        opened(connection) as first,
        opened(connection) as second,
    ):
        await first.hold({PARTITION: 1})
        await publish(connection, "a", "b", "c", "d")
        taken = await read(first, 4)
        assert names_of(taken) == ["a", "b", "c", "d"]
        await taken[0].ack()
        await connection.client.flush()
        await publish(connection, "e")
        await second.hold({PARTITION: 2})
        assert names_of(await read(second, 4)) == ["b", "c", "d", "e"]


async def test_who_lost_a_partition_gets_nothing_more(servers: EmbeddedServers) -> None:
    """A reader that does not know that it lost a partition, because it was stopped, neither gets
    its messages nor takes it back, and reads on what is still its own."""
    other = next(f"o{n}" for n in range(99) if partition_of(f"o{n}") != PARTITION)
    async with (
        connected(servers.nats_url) as connection,
        opened(connection) as stopped,
        opened(connection) as owner,
    ):
        await stopped.hold({PARTITION: 1, partition_of(other): 1})
        assert await stopped.next_batch(8) == []
        await owner.hold({PARTITION: 2})
        await publish(connection, "a", "b")
        await publish(connection, "own", ref=other)
        assert names_of(await read(stopped, 1)) == ["own"]
        assert await stopped.next_batch(8) == []
        assert names_of(await read(owner, 2)) == ["a", "b"]


async def test_the_way_to_shared_orders_and_back_loses_nothing(servers: EmbeddedServers) -> None:
    """A process that read all alone is followed by ones that share, and those by one alone: each
    time the next one gets what was not acknowledged."""
    async with connected(servers.nats_url) as connection:
        async with opened(connection, shared=False) as alone:
            await publish(connection, "a", "b")
            assert names_of(await read(alone, 2)) == ["a", "b"]
        async with opened(connection) as shared:
            await shared.hold(ALL_AT_ONCE)
            assert names_of(await read(shared, 2)) == ["a", "b"]
            await shared.hold({})
            assert await shared.next_batch(8) == []
        async with opened(connection, shared=False) as alone:
            assert names_of(await read(alone, 2)) == ["a", "b"]


@pytest.mark.parametrize("epoch", [1, 7])
async def test_holding_the_same_again_changes_nothing(servers: EmbeddedServers, epoch: int) -> None:
    """A round without a change makes no consumer again, so what is in flight stays in flight."""
    async with connected(servers.nats_url) as connection, opened(connection) as source:
        await source.hold({PARTITION: epoch})
        await publish(connection, "a")
        assert names_of(await read(source, 1)) == ["a"]
        await source.hold({PARTITION: epoch})
        assert await source.next_batch(8) == []

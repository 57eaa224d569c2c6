"""Members share partitions on a real Postgres."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime.errors import JournalUnavailable, LeaseLost
from adapters.postgres.leases import JOBS, Leases
from adapters.postgres.shared_leases import TTL_SECONDS, SharedLeases
from schemas.order.ids import PARTITIONS
from tests.integration.journals import Bench
from tests.waiting import eventually

LONG_SECONDS = 600.0
"""A lease that does not end while a test runs, however slow the machine is."""


@pytest.fixture
async def free(bench: Bench) -> Bench:
    """A database in which no one holds anything."""
    await bench.leases.release()
    return bench


def member(bench: Bench, name: str, ttl_seconds: float = LONG_SECONDS) -> SharedLeases:
    """A member that holds nothing yet."""
    return SharedLeases(bench.pool, name, ttl_seconds=ttl_seconds)


async def test_members_see_each_other_and_what_is_free(free: Bench) -> None:
    """Each sees the others with how much they hold, and what no one else holds."""
    one, two = member(free, "one"), member(free, "two")
    alone = await one.beat()
    assert (alone.others, alone.free) == ({}, tuple(range(PARTITIONS)))
    assert await one.take_free(range(20)) == list(range(20))
    seen = await two.beat()
    assert (seen.others, seen.free) == ({"one": 20}, tuple(range(20, PARTITIONS)))
    assert await two.take_free(range(18, 24)) == [20, 21, 22, 23]
    assert (await one.beat()).others == {"two": 4}
    await two.release()
    assert (await one.beat()).others == {}


async def test_what_is_given_up_is_free_at_once(free: Bench) -> None:
    """Another takes it with a later epoch, and who gave it up can't write under the earlier one."""
    one, two = member(free, "one"), member(free, "two")
    await one.beat()
    await one.take_free([3, 4])
    before = one.epochs[3]
    await one.release([3])
    assert sorted(one.epochs) == [4]
    await two.beat()
    assert await two.take_free([3, 4]) == [3]
    assert two.epochs == {3: before + 1}
    with pytest.raises(LeaseLost):
        one.epoch_of(3)


async def test_a_member_without_a_sign_of_life_is_gone(free: Bench) -> None:
    """What it held is free, and it learns with its next sign of life what it has lost."""
    lost: list[int] = []
    brief = SharedLeases(free.pool, "brief", ttl_seconds=0.3, on_lost=lost.extend)
    other = member(free, "other")
    await brief.beat()
    await brief.take_free([1, 2])

    async def gone() -> bool:
        seen = await other.beat()
        return seen.others == {} and 1 in seen.free

    await eventually(gone, 30.0)
    assert await other.take_free([1]) == [1]
    assert not brief.sure
    await brief.beat()
    assert lost == [1]
    assert sorted(brief.epochs) == [2], "no one took it meanwhile, so it is held on"


async def test_who_stood_still_is_not_sure(free: Bench) -> None:
    """However long a process or its machine stood still, it knows before its next step that it
    can't be sure; the next sign of life makes it sure again."""
    passed = [0.0]
    one = SharedLeases(free.pool, "one", seconds=lambda: passed[0])
    await one.beat()
    await one.take_free([3])
    assert one.epoch_of(3)
    passed[0] += TTL_SECONDS
    with pytest.raises(JournalUnavailable):
        one.epoch_of(3)
    await one.beat()
    assert one.epoch_of(3)


async def test_one_member_does_the_jobs(free: Bench) -> None:
    """The lease of what must be done once is any member's, and does not count as a partition."""
    one, two = member(free, "one"), member(free, "two")
    await one.beat()
    await two.beat()
    assert await one.take([JOBS])
    assert not await two.take([JOBS])
    assert (await two.beat()).others == {"one": 0}
    await one.release()
    assert await two.take([JOBS])


async def test_who_does_not_share_keeps_all(free: Bench) -> None:
    """Beside a process that holds everything members hold nothing, and wait; it can't start while
    they hold something."""
    await free.leases.acquire()
    one = member(free, "one")
    assert (await one.beat()).free == ()
    assert await one.take_free(range(PARTITIONS)) == []
    await free.leases.release()
    assert len(await one.take_free(range(PARTITIONS))) == PARTITIONS
    with pytest.raises(LeaseLost, match="one holds"):
        await Leases(free.pool, "alone").acquire(wait_seconds=0)


async def test_many_that_take_at_once_take_each_partition_once(free: Bench) -> None:
    """Eight members that ask for everything at the same time share it out without a deadlock."""
    members = [member(free, f"m{number}") for number in range(8)]
    await asyncio.gather(*[one.beat() for one in members])
    taken = await asyncio.gather(*[one.take_free(range(PARTITIONS)) for one in members])
    assert sorted(partition for some in taken for partition in some) == list(range(PARTITIONS))

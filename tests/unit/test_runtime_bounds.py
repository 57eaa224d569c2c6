"""What is let through at a time: to one partner, and of timers that are all due at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from actors.runtime import call_policy
from actors.runtime import lane as lanes
from actors.runtime.call_policy import CallPolicy
from actors.runtime.item import Item
from actors.runtime.lane import LOOK_SECONDS, Lane
from actors.runtime.timers import TimerRunner
from schemas.messages.effects import PostSalesOrder
from schemas.order.ids import Reference, order_id_for
from schemas.order.things import Key
from tests.counter import ERP, Begin, SetTimer
from tests.fakes import ScriptedPartner
from tests.house import POLICY, House, at_work
from tests.waiting import eventually


@asynccontextmanager
async def working(policy: CallPolicy) -> AsyncIterator[House]:
    """A house that treats its partners so."""
    house = await at_work(House(policy=policy))
    try:
        yield house
    finally:
        await house.close()


async def test_a_partner_gets_so_many_calls_at_once_and_no_more() -> None:
    """The third call waits until one of the two under way has ended; the others follow."""
    async with working(replace(POLICY, backlog=100)) as house:
        house.erp.gate.clear()
        refs = [str(n) for n in range(5)]
        for ref in refs:
            house.post(Begin(), f"w-{ref}", ref, fresh=True)
        await eventually(lambda: len(house.mail.did) == len(refs))
        assert house.lane().under_way == POLICY.concurrency
        assert house.erp.did == []
        house.erp.gate.set()
        await house.while_time_passes(lambda: len(house.erp.did) == len(refs))


async def test_a_partner_is_called_no_faster_than_its_rate() -> None:
    """A tenth of a second's worth goes at once, the rest in the rate's own time."""
    rate, count = 50.0, 12
    async with working(replace(POLICY, rate_per_second=rate, backlog=count)) as house:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for n in range(count):
            house.post(Begin(), f"w-{n}", str(n), fresh=True)
        await eventually(lambda: len(house.erp.did) == count)
        assert loop.time() - began >= 0.9 * (count - rate / 10) / rate


async def test_a_partner_that_never_answers_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call ends at its limit as one of unknown outcome: it is looked up, then repeated."""
    monkeypatch.setattr(call_policy, "BACKSTOP_SECONDS", 0.0)
    async with working(replace(POLICY, timeout_seconds=0.05)) as house:
        house.erp.gate.clear()
        house.post(Begin(), "w-1", fresh=True)
        await eventually(lambda: house.store.attempts_of(ERP) == [1])
        house.erp.gate.set()
        await house.while_time_passes(lambda: house.state().is_done(ERP))
        assert len(house.erp.looked_up) == 1
        assert len(house.erp.did) == 1


async def test_timers_due_all_at_once_come_as_a_ramp() -> None:
    """After a long outage no more than the bound are under way, and all fire in the end."""
    house = House()
    refs = [str(n) for n in range(10)]
    for ref in refs:
        house.post(Begin(lanes=()), f"w-{ref}", ref, fresh=True)
        house.post(SetTimer(seconds=60.0), f"t-{ref}", ref)
    await eventually(lambda: len(house.ends) == 2 * len(refs))
    await house.move(30 * 86_400.0)
    timers = TimerRunner(house.runtime, house.registry, house.store, house.store, in_flight=4)
    assert await timers.fire() == 4
    assert sum(bool(house.state(ref).fired) for ref in refs) <= 4

    async def all_fired() -> bool:
        await timers.fire()
        assert timers.under_way <= 4
        return all(house.state(ref).fired for ref in refs)

    await eventually(all_fired)


async def test_failed_tries_are_counted_for_a_bounded_number_of_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through an endless outage memory stays bounded: the longest unseen effect is forgotten."""
    monkeypatch.setattr(lanes, "MAX_COUNTED", 2)
    lane = Lane("erp", ScriptedPartner("erp"), POLICY)
    first, second, third = (an_item(number) for number in (1, 2, 3))
    assert [lane.count_try(item) for item in (first, second, first)] == [1, 1, 2]
    lane.count_try(third)
    assert [lane.count_try(item) for item in (first, third, second)] == [3, 2, 1]


async def test_what_is_left_to_the_store_is_looked_for_before_the_next_sweep() -> None:
    """A burst beyond the bound must not wait for seconds once the partner is free again."""
    lane = Lane("erp", ScriptedPartner("erp"), POLICY)
    assert lane.begin_look(100.0) is not None
    lane.end_look([], more=False, now=100.0)
    assert lane.next_look_at > 100.0 + LOOK_SECONDS
    for number in range(POLICY.backlog + 1):
        lane.offer(an_item(number))
    assert lane.waiting == POLICY.backlog
    assert lane.more_in_store
    assert lane.next_look_at == 100.0 + LOOK_SECONDS


async def test_one_channel_s_flood_of_effects_delays_its_own() -> None:
    """Calls are started for the channels in turn, oldest first within each; a backlog that one
    channel has filled still takes a little of others, and no more of the one."""
    lane = Lane("erp", ScriptedPartner("erp"), replace(POLICY, backlog=16, concurrency=100))
    for number in range(20):
        lane.offer(an_item(number, channel="loud"))
    assert (lane.waiting, lane.more_in_store) == (16, True)
    for number in range(100, 110):
        lane.offer(an_item(number, channel="quiet"))
        lane.offer(an_item(number + 100, channel="calm"))
        lane.offer(an_item(number + 200, channel="loud"))
    assert lane.waiting == 18
    started = [lane.start_call().number for _ in range(18) if lane.may_start(0.0)]
    assert started == [0, 100, 200, *range(1, 16)]
    assert not lane.may_start(0.0)


async def test_a_replaced_partner_s_calls_are_waited_for() -> None:
    """It is told when the calls under way at that moment have ended; later calls are not its."""
    lane = Lane("erp", ScriptedPartner("erp"), POLICY)
    assert lane.use(ScriptedPartner("erp"), POLICY).is_set()
    for number in (1, 2, 3):
        lane.offer(an_item(number))
    before = [lane.start_call(), lane.start_call()]
    ended = lane.use(ScriptedPartner("erp"), POLICY)
    after = lane.start_call()
    lane.finish_call(before[0], 0.0)
    lane.finish_call(after, 0.0)
    assert not ended.is_set()
    lane.finish_call(before[1], 0.0)
    assert ended.is_set()
    assert lane.under_way == 0


async def test_what_is_lost_is_dropped_from_a_lane_alone() -> None:
    """Effects of a partition that another process owns wait no more; the others stay."""
    lane = Lane("erp", ScriptedPartner("erp"), POLICY)
    lane.offer(an_item(1, partition=1))
    lane.offer(an_item(2, partition=2))
    lane.drop({1})
    assert (lane.waiting, lane.held) == (1, 1)
    assert lane.may_start(0.0)
    assert lane.start_call().number == 2


def an_item(number: int, *, partition: int = 0, channel: str = "acme-us") -> Item:
    """An effect on its way to a partner."""
    return Item(
        order_id=order_id_for(channel, "1042"),
        number=number,
        key=Key("D1"),
        channel=channel,
        ref="1042",
        partition=partition,
        epoch=1,
        reference=Reference("1"),
        effect=PostSalesOrder(units=()),
        attempts=0,
        maybe_done=False,
    )

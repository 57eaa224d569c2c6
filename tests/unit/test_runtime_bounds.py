"""What is let through at a time: to one partner, and of timers that are all due at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from actors.runtime import lane as lanes
from actors.runtime.lane import CallPolicy, Item, Lane
from actors.runtime.timers import Alarms
from adapters.memory.journal import MemoryJournal
from schemas.messages.effects import PostSalesOrder
from schemas.order.ids import CorrelationId, order_id_for
from tests.fakes import ScriptedPartner
from tests.house import CALL_POLICY, House, place
from tests.waiting import eventually


@asynccontextmanager
async def at_work(call_policy: CallPolicy) -> AsyncIterator[House]:
    """A house that treats its partners so."""
    house = House(MemoryJournal(epoch=1), call_policy=call_policy)
    house.dispatcher.start()
    await house.move(call_policy.settle_seconds)
    try:
        yield house
    finally:
        await house.dispatcher.drain(1.0)
        await house.registry.drain(1.0)


async def test_a_partner_gets_so_many_calls_at_once_and_no_more() -> None:
    """The third call waits until one of the two under way has ended; the others follow."""
    async with at_work(replace(CALL_POLICY, backlog=100)) as house:
        erp, lane = house.partners["erp"], house.dispatcher.lanes["erp"]
        erp.gate.clear()
        refs = [str(n) for n in range(5)]
        for ref in refs:
            house.post(place(ref), f"w-{ref}", ref, fresh=True)
        await eventually(lambda: all(house.state(ref).task_id for ref in refs))
        assert lane.under_way == CALL_POLICY.concurrency
        assert erp.did == []
        erp.gate.set()
        await house.while_time_passes(lambda: len(erp.did) == len(refs))


async def test_a_partner_is_called_no_faster_than_its_rate() -> None:
    """A tenth of a second's worth goes at once, the rest in the rate's own time."""
    rate, count = 50.0, 12
    call_policy = replace(CALL_POLICY, rate_per_second=rate, backlog=count)
    async with at_work(call_policy) as house:
        erp, loop = house.partners["erp"], asyncio.get_running_loop()
        began = loop.time()
        for n in range(count):
            house.post(place(str(n)), f"w-{n}", str(n), fresh=True)
        await eventually(lambda: len(erp.did) == count)
        assert loop.time() - began >= 0.9 * (count - rate / 10) / rate


async def test_a_partner_that_never_answers_is_given_up_in_time() -> None:
    """The call ends at its limit as one of unknown outcome: it is looked up, then repeated."""
    async with at_work(replace(CALL_POLICY, timeout_seconds=0.05)) as house:
        erp = house.partners["erp"]
        erp.gate.clear()
        house.post(place(), "w-1", fresh=True)
        await eventually(lambda: house.journal.attempts_of("erp") == [1])
        erp.gate.set()
        await house.while_time_passes(lambda: bool(house.state().erp_id))
        assert len(erp.looked_up) == 1
        assert len(erp.did) == 1


async def test_timers_due_all_at_once_come_as_a_ramp() -> None:
    """After a long outage no more than the bound are under way, and all fire in the end."""
    async with at_work(replace(CALL_POLICY, backlog=100)) as house:
        refs = [str(n) for n in range(10)]
        for ref in refs:
            house.post(place(ref), f"w-{ref}", ref, fresh=True)
        await eventually(lambda: all(house.state(ref).task_id for ref in refs))
        await house.move(30 * 86_400.0)
        alarms = Alarms(house.runtime, house.registry, house.journal, in_flight=4)
        assert await alarms._fire() == 4
        assert sum(house.state(ref).overdue for ref in refs) <= 4

        async def all_told() -> bool:
            await alarms._fire()
            assert len(alarms._fired) <= 4
            return all(house.state(ref).overdue for ref in refs)

        await eventually(all_told)


async def test_failed_tries_are_counted_for_a_bounded_number_of_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through an endless outage memory stays bounded: the longest unseen effect is forgotten."""
    monkeypatch.setattr(lanes, "MAX_COUNTED", 2)
    lane = Lane("erp", ScriptedPartner("erp"), CALL_POLICY)
    first, second, third = (an_item(number) for number in (1, 2, 3))
    assert [lane.count_try(item) for item in (first, second, first)] == [1, 1, 2]
    lane.count_try(third)
    assert list(lane.tries) == [first.key, third.key]


def an_item(number: int) -> Item:
    """An effect on its way to a partner."""
    return Item(
        order_id=order_id_for("acme-us", "1042"),
        number=number,
        channel="acme-us",
        ref="1042",
        correlation_id=CorrelationId("k1"),
        effect=PostSalesOrder(),
        attempts=0,
        maybe_done=False,
        order=None,
    )

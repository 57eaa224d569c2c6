"""The runtime where things are in doubt: lost answers, dead processes, a store that is away."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime.errors import (
    JournalUnavailable,
    Retryable,
    Unknown,
)
from actors.runtime.lane import LOOK_SECONDS, Item, Lane
from actors.runtime.mailbox import COMMITTED
from actors.runtime.ports import Append, EffectNote, Outcome
from schemas.messages.effects import PostSalesOrder
from schemas.order.ids import CorrelationId, OrderId, partition_of
from tests.house import CALL_POLICY, House, place
from tests.waiting import eventually


async def test_a_lost_race_is_decided_again_from_the_store(house: House) -> None:
    """A second writer that believes the order new loses, reloads, and finds the order placed."""
    house.post(place(), "w-1", fresh=True)
    await house.until("reserved")
    other = House(house.journal)
    other.post(place(), "w-2", fresh=True)
    await eventually(lambda: other.ends == [COMMITTED])
    assert house.state().stage == "reserved"


async def test_inputs_wait_while_the_journal_is_away(house: House) -> None:
    """Nothing is acknowledged before it is on disk."""
    house.journal.available = False
    house.post(place(), "w-1", fresh=True)
    await asyncio.sleep(0)
    assert house.ends == []
    house.journal.available = True
    await house.until("reserved")


async def test_an_unknown_outcome_is_looked_up_and_adopted(house: House) -> None:
    """A time-out after acting: the label is found by our reference, not bought again."""
    house.partners["erp"].raises = [(Unknown("No answer."), True)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.partners["erp"].did))
    await eventually(lambda: not house.dispatcher.lanes["erp"].held)
    await house.move(CALL_POLICY.settle_seconds)
    await eventually(lambda: house.state().erp_id == "e-1")
    assert len(house.partners["erp"].did) == 1
    assert len(house.partners["erp"].looked_up) == 1


async def test_an_unknown_outcome_that_did_nothing_is_repeated(house: House) -> None:
    """Looked up and not found: then it is safe to call again."""
    house.partners["erp"].raises = [(Unknown("No answer."), False)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: not house.partners["erp"].raises)
    await eventually(lambda: not house.dispatcher.lanes["erp"].held)
    await house.move(CALL_POLICY.settle_seconds)
    await eventually(lambda: len(house.partners["erp"].did) == 1)


async def test_every_repeat_bears_the_same_key(house: House) -> None:
    """A partner that honours keys must know the repeat: after a failure, and after a doubt."""
    erp = house.partners["erp"]
    erp.raises = [(Retryable("Busy.", sick=False), False), (Unknown("Silence."), False)]
    house.post(place(), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().erp_id))
    number = int(erp.keys[0].rpartition("-")[2])
    assert erp.keys == [f"{house.state().correlation_id}-{number}"] * 3
    assert len(erp.keys[0]) <= 45


async def test_a_mail_of_unknown_fate_is_given_to_a_person(house: House) -> None:
    """Where nothing can be looked up, nothing is repeated."""
    house.partners["mail"].raises = [(Unknown("No answer."), True)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert not house.state().stuck[0].outcome_known
    assert len(house.partners["mail"].did) == 1


async def test_a_mail_that_a_dead_process_may_have_sent_is_not_sent_again(house: House) -> None:
    """The attempt was counted before it was made; the next process sees the count."""
    house.partners["mail"].gate.clear()
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: house.journal.attempts_of("mail") == [1])
    await house.dispatcher.drain(0.0)
    house.journal.epoch = 2
    other = House(house.journal)
    other.dispatcher.start()
    await other.move(CALL_POLICY.settle_seconds)
    await eventually(lambda: bool(other.state().stuck))
    assert other.partners["mail"].did == []
    await other.dispatcher.drain(1.0)


async def test_a_mail_that_could_not_be_counted_is_sent_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store took the count and died before it said so: nothing was sent, so no one is asked."""
    note = house.journal.note

    async def written_but_not_said(given: EffectNote) -> None:
        await note(given)
        if given.attempts:
            monkeypatch.undo()
            raise JournalUnavailable("The connection was lost.")

    monkeypatch.setattr(house.journal, "note", written_but_not_said)
    house.post(place(), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().told))
    assert len(house.partners["mail"].did) == 1
    assert house.state().stuck == ()


async def test_what_a_dead_process_recorded_is_looked_up_first(house: House) -> None:
    """After a restart every open effect may have acted."""
    house.partners["erp"].gate.clear()
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: house.dispatcher.lanes["erp"].under_way == 1)
    await house.dispatcher.drain(0.0)
    house.journal.epoch = 2
    other = House(house.journal)
    other.dispatcher.start()
    await other.move(CALL_POLICY.settle_seconds)
    await eventually(lambda: other.state().erp_id == "e-1")
    assert len(other.partners["erp"].looked_up) == 1
    await other.dispatcher.drain(1.0)


async def test_what_a_dead_process_had_under_way_may_settle_first(house: House) -> None:
    """Whatever is due sooner, nothing is looked up while a dead process's call may still act."""
    house.partners["erp"].gate.clear()
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: house.dispatcher.lanes["erp"].under_way == 1)
    await house.dispatcher.drain(0.0)
    house.journal.epoch = 2
    other = House(house.journal)
    await other.move(house.clock.seconds)
    other.dispatcher.start()
    lane, erp = other.dispatcher.lanes["erp"], other.partners["erp"]
    lane.wake_at(other.clock.monotonic() + 0.5)
    await other.move(CALL_POLICY.settle_seconds - 0.5)
    for _ in range(20):
        await asyncio.sleep(0)
    assert erp.looked_up == []
    await other.while_time_passes(lambda: len(erp.looked_up) == 1)
    await other.dispatcher.drain(1.0)


async def test_a_look_into_the_store_does_not_bring_back_what_ended_meanwhile(
    house: House,
) -> None:
    """A page of open effects may be older than their end; taking it up would act twice."""
    lane = house.dispatcher.lanes["erp"]
    exclude = lane.begin_look()
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: house.state().erp_id == "e-1" and not lane.held)
    stale = house.journal.effects_as_recorded("erp")
    assert exclude == []
    assert len(stale) == 1
    lane.end_look([house.dispatcher._from_store(lane, effect) for effect in stale])
    assert not lane.backlog


async def test_a_look_that_is_quicker_than_the_commits_answer_adds_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An effect may be found in the store before its own order hears that it is on disk."""
    append = house.journal.append

    async def seen_before_it_is_said(given: Append) -> Outcome:
        outcome = await append(given)
        lane = house.dispatcher.lanes["erp"]
        await house.dispatcher._look_into_store(lane)
        lane.wake.set()  # the pump, which looks otherwise, would go on by itself
        return outcome

    monkeypatch.setattr(house.journal, "append", seen_before_it_is_said)
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().erp_id) and bool(house.state().told))
    await eventually(lambda: house.registry.busy == 0)
    assert len(house.partners["erp"].did) == 1


async def test_more_effects_than_the_backlog_holds_wait_in_the_store(house: House) -> None:
    """Beyond the bound nothing is lost: the store gives it back when there is room."""
    erp, lane = house.partners["erp"], house.dispatcher.lanes["erp"]
    erp.gate.clear()
    for n in range(10):
        house.post(place(str(n)), f"w-{n}", str(n), fresh=True)
    await house.while_time_passes(lambda: len(lane.backlog) == CALL_POLICY.backlog)
    await house.while_time_passes(lambda: house.journal.attempts_of("erp") == [0] * 10)
    assert len(lane.backlog) == CALL_POLICY.backlog
    erp.gate.set()
    await house.while_time_passes(lambda: len(erp.did) == 10)
    assert len(set(erp.did)) == 10


async def test_what_was_left_to_the_store_is_looked_for_before_the_next_sweep(
    house: House,
) -> None:
    """A burst beyond the bound must not wait for seconds once the partner is free again."""
    lane = Lane("erp", house.partners["erp"], CALL_POLICY)
    lane.looked_at, lane.next_look_at, lane.more_in_store = 100.0, 105.0, False
    for number in range(CALL_POLICY.backlog + 1):
        lane.offer(
            Item(
                order_id=OrderId("o-1"), number=number, channel="acme-us", ref="1",
                correlation_id=CorrelationId("k1"), effect=PostSalesOrder(), attempts=0,
                maybe_done=False, order=None,
            )
        )  # fmt: skip
    assert len(lane.backlog) == CALL_POLICY.backlog
    assert lane.more_in_store
    assert lane.next_look_at == 100.0 + LOOK_SECONDS


async def test_who_has_lost_an_order_calls_no_one_for_it(house: House) -> None:
    """Between the commit and the call another process took over: the call is not made."""
    erp, lane, told = house.partners["erp"], house.dispatcher.lanes["erp"], list[str]()
    house.runtime.lost = told.append
    lane.paused_until = 1e9
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(lane.backlog))
    house.journal.lost.add(partition_of("1042"))
    lane.paused_until = 0.0
    lane.wake.set()
    await eventually(lambda: bool(told) and not lane.under_way)
    assert erp.did == []
    assert erp.looked_up == []

"""The runtime over the journal's twin in memory: inputs, effects and timers of live orders."""

from __future__ import annotations

import pytest

from actors.runtime.errors import (
    MailboxFull,
    NeedsPerson,
    Rejected,
    Retryable,
    Unauthorised,
)
from actors.runtime.mailbox import COMMITTED, DUPLICATE, POISON, UNMATCHED
from adapters.memory.journal import MemoryJournal
from schemas.messages import inputs as i
from tests.given import an_order
from tests.house import CALL_POLICY, House, place
from tests.waiting import eventually


async def test_a_placed_order_goes_to_its_partners(house: House) -> None:
    """One input leads to stock, and then to ERP, warehouse and mail."""
    house.post(place(), "w-1", fresh=True)
    await house.until("reserved")
    await eventually(lambda: len(house.state().done) == 3 and bool(house.state().told))
    assert house.ends[0] == COMMITTED
    assert [len(house.partners[r].did) for r in ("stock", "erp", "warehouse", "mail")] == [1] * 4


async def test_the_same_input_again_is_a_duplicate(house: House) -> None:
    """By memory while the order is live, and by the inbox when it is not."""
    house.post(place(), "w-1", fresh=True)
    await house.until("reserved")
    house.post(place(), "w-1")
    await eventually(lambda: DUPLICATE in house.ends)
    other = House(house.journal)
    other.post(place(), "w-1", fresh=True)
    await eventually(lambda: other.ends == [DUPLICATE])


async def test_a_report_about_an_unknown_order_is_told_as_unmatched(house: House) -> None:
    """No one is made up: the input goes to quarantine."""
    house.post(i.ReportPicked(ref="1042", task_id="t"), "w-1")
    await eventually(lambda: house.ends == [UNMATCHED])


async def test_a_poisonous_input_does_not_stop_the_next(house: House) -> None:
    """An input that can't be decided is told, and the order goes on."""
    house.post(place(), "w-1", fresh=True)
    await house.until("reserved")
    house.post(i.PlaceOrder(order=an_order(updated_at="no moment")), "w-2")
    house.post(i.CancelOrder(ref="1042"), "w-3")
    await house.until("cancelled")
    assert POISON in house.ends


async def test_a_full_mailbox_refuses(house: House) -> None:
    """One hot order can't fill the memory."""
    house.journal.available = False
    for n in range(4):
        house.post(i.CancelOrder(ref="1042"), f"w-{n}")
    with pytest.raises(MailboxFull):
        house.post(i.CancelOrder(ref="1042"), "w-5")
    house.journal.available = True


async def test_a_refusal_goes_to_a_person_at_once(house: House) -> None:
    """No retry is spent on what repeating won't fix."""
    house.partners["erp"].raises = [(Rejected("No such item."), False)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert house.state().stuck[0].reason == "No such item."


async def test_what_needs_a_person_says_whether_it_may_have_been_done(house: House) -> None:
    """The person sees that the outcome is open."""
    house.partners["erp"].raises = [(NeedsPerson("Two were found.", outcome_known=False), False)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().stuck))
    assert not house.state().stuck[0].outcome_known


async def test_failures_open_the_breaker_and_effects_wait_in_the_store(house: House) -> None:
    """A dead partner gets no more calls; a probe finds it alive and what waited is released."""
    erp, lane = house.partners["erp"], house.dispatcher.lanes["erp"]
    erp.raises = [(Retryable("Down."), False)] * 2
    for ref in ("1", "2", "3", "4"):
        house.post(place(ref), f"w-{ref}", ref, fresh=True)
    await eventually(lambda: lane.breaker.state == "open" and not lane.held)
    assert erp.did == []
    await house.while_time_passes(lambda: len(erp.did) == 4)
    assert lane.breaker.state == "closed"


async def test_a_partner_that_asks_for_patience_is_left_alone_by_everybody(house: House) -> None:
    """429 with Retry-After pauses the whole lane."""
    erp, lane = house.partners["erp"], house.dispatcher.lanes["erp"]
    erp.raises = [(Retryable("Slow down.", retry_after_seconds=30.0, throttled=True), False)]
    house.post(place("1"), "w-1", "1", fresh=True)
    await eventually(lambda: lane.paused_until > 0)
    house.post(place("2"), "w-2", "2", fresh=True)
    await eventually(lambda: bool(house.state("2").task_id))
    assert erp.did == []
    await house.move(31.0)
    await eventually(lambda: len(erp.did) == 2)


async def test_a_limit_of_one_operation_leaves_the_others_alone(house: House) -> None:
    """Only the effect that met the limit waits for its moment; the lane goes on, and no try is
    burnt."""
    erp, lane = house.partners["erp"], house.dispatcher.lanes["erp"]
    full = Retryable("Later.", retry_after_seconds=30.0, throttled=True, alone=True)
    erp.raises = [(full, False)]
    house.post(place("1"), "w-1", "1", fresh=True)
    await eventually(lambda: not erp.raises and not lane.held)
    house.post(place("2"), "w-2", "2", fresh=True)
    await eventually(lambda: len(erp.did) == 1)
    assert (lane.paused_until, lane.tries) == (0.0, {})
    await house.move(31.0)
    await eventually(lambda: len(erp.did) == 2)


async def test_a_refused_credential_burns_no_retries(house: House) -> None:
    """The partner rests; afterwards everything goes on."""
    house.partners["erp"].raises = [(Unauthorised("Expired."), False)]
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: house.dispatcher.lanes["erp"].paused_until > 0)
    await house.move(CALL_POLICY.rest_seconds + 1)
    await eventually(lambda: house.state().erp_id == "e-1")


async def test_retries_are_bounded_and_end_at_a_person(house: House) -> None:
    """After the last try a person gets it, with the last error in words."""
    policy_tries = CALL_POLICY.retry_attempts
    house.partners["erp"].raises = [(Retryable("Down.", sick=False), False)] * policy_tries
    house.post(place(), "w-1", fresh=True)
    await house.while_time_passes(lambda: bool(house.state().stuck))
    assert "Down." in house.state().stuck[0].reason


async def test_a_timer_fires_once_and_moves_its_order(house: House) -> None:
    """The tracking timer asks the carrier, and the order ends closed."""
    house.post(place(), "w-1", fresh=True)
    await eventually(lambda: bool(house.state().task_id))
    house.post(i.ReportPacked(ref="1042", task_id="t-1", parcels=()), "w-2")
    await house.until("labelled")
    await house.move(6.0)
    assert await house.alarms._fire() == 1
    await house.until("closed")
    assert await house.alarms._fire() == 0


async def test_idle_orders_are_dropped_and_come_back_from_the_store() -> None:
    """Memory holds a bounded number of orders that wait for the world."""
    house = House(MemoryJournal(epoch=1), live_orders=2)
    for n in range(6):
        house.post(place(str(n)), f"w-{n}", str(n), fresh=True)
        await house.until("accepted", str(n))
    await eventually(lambda: house.registry.busy == 0)
    assert house.registry.live == 2
    house.post(i.CancelOrder(ref="0"), "c-0", "0")
    await house.until("cancelling", "0")

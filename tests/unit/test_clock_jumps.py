"""The wall clock is set, by a person or a bad time server: waits are measured without it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from actors.runtime.errors import Retryable
from tests.counter import Begin
from tests.fakes import JumpingClock
from tests.house import House, at_work
from tests.waiting import eventually

FORWARD = (timedelta(hours=2), timedelta(days=400))


class WrongClock(JumpingClock):
    """Its wall clock is off by what a test says; its seconds go on as they do."""

    off = timedelta()

    def now(self) -> datetime:
        """Return the time that the machine believes in."""
        return super().now() + self.off


@pytest.fixture
async def wrong() -> AsyncIterator[tuple[House, WrongClock]]:
    """A house at work on such a clock."""
    made, clock = House(), WrongClock()
    made.clock = made.runtime.clock = clock
    made = await at_work(made)
    yield made, clock
    await made.close()


@pytest.mark.parametrize("jump", FORWARD, ids=str)
async def test_a_pause_that_a_partner_asked_for_is_as_long_as_it_said(
    wrong: tuple[House, WrongClock], jump: timedelta
) -> None:
    """It is not over at once when the clock is set forward."""
    house, clock = wrong
    slow = Retryable("Slow down.", retry_after_seconds=30.0, throttled=True)
    house.erp.raises = [(slow, False)]
    house.post(Begin(), "w-1", "1", fresh=True)
    await eventually(lambda: house.lane().paused_until > 0)
    clock.off = jump
    await house.move(25.0)
    await eventually(lambda: len(house.mail.did) == 1)
    assert house.erp.did == []
    await house.while_time_passes(lambda: len(house.erp.did) == 1)
    assert clock.seconds < 60.0


@pytest.mark.parametrize("jump", FORWARD, ids=str)
async def test_a_breaker_opens_and_closes_by_seconds_that_passed(
    wrong: tuple[House, WrongClock], jump: timedelta
) -> None:
    """A dead partner is probed after the same wait, whatever the clock shows meanwhile."""
    house, clock = wrong
    house.erp.raises = [(Retryable("Down."), False)] * 2
    for ref in ("1", "2", "3"):
        house.post(Begin(), f"w-{ref}", ref, fresh=True)
    await eventually(lambda: house.lane().breaker_state == "open" and not house.lane().held)
    clock.off = jump
    await house.while_time_passes(lambda: len(house.erp.did) == 3)
    assert house.lane().breaker_state == "closed"
    assert clock.seconds < 120.0
    assert len(set(house.erp.did)) == 3


async def test_a_clock_that_is_set_back_delays_and_loses_nothing(
    wrong: tuple[House, WrongClock],
) -> None:
    """What is to be tried again at a time of day is tried when it comes again, once, and new work
    is done at once."""
    house, clock = wrong
    house.erp.raises = [(Retryable("Down."), False)]
    house.post(Begin(), "w-1", "1", fresh=True)
    await eventually(lambda: not house.erp.raises and not house.lane().held)
    clock.off = timedelta(minutes=-5)
    house.post(Begin(), "w-2", "2", fresh=True)
    await eventually(lambda: len(house.erp.did) == 1)
    await house.while_time_passes(lambda: len(house.erp.did) == 2)
    assert clock.seconds < 330.0
    assert len(set(house.erp.did)) == 2

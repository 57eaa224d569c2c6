"""Time limits on one tick: they end waits as asyncio's own do."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime.deadlines import Deadlines


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_wait_ends() -> None:
    """What waits longer is interrupted, and the task is not left cancelled."""
    with pytest.raises(TimeoutError), Deadlines().start(0.01):
        await _forever()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_inner_limit_is_over_first() -> None:
    """Only the limit that is over raises; the one around it still runs."""
    deadlines, seen = Deadlines(), []

    async def work() -> None:
        with deadlines.start(0.2):
            with pytest.raises(TimeoutError), deadlines.start(0.01):
                await _forever()
            seen.append("inner")
            await _forever()

    with pytest.raises(TimeoutError):
        await work()
    assert seen == ["inner"]


async def test_the_outer_limit_is_over_first() -> None:
    """An inner limit takes nothing that another one caused."""
    deadlines, seen = Deadlines(), []

    async def work() -> None:
        with deadlines.start(0.01):
            try:
                with deadlines.start(60):
                    await _forever()
            except TimeoutError:
                seen.append("the inner limit spoke for the outer one")

    with pytest.raises(TimeoutError):
        await work()
    assert seen == []


async def test_an_interruption_that_became_another_error_is_taken_back() -> None:
    """What the body makes of it is raised, and the task is not left cancelled."""

    async def work() -> None:
        with Deadlines().start(0.01):
            try:
                await _forever()
            except asyncio.CancelledError:
                raise KeyError("its own") from None

    with pytest.raises(KeyError):
        await work()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_stays_one() -> None:
    """A task that somebody else cancels is cancelled."""
    deadlines, began = Deadlines(), asyncio.Event()

    async def work() -> None:
        with deadlines.start(60):
            began.set()
            await _forever()

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_in_time_is_not_touched() -> None:
    """A limit that is not over leaves the result and every other error alone."""
    deadlines = Deadlines()
    with pytest.raises(KeyError), deadlines.start(60):
        raise KeyError("its own")
    with deadlines.start(60):
        await asyncio.sleep(0)

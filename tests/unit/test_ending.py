"""Tasks end when they are asked to, also one that misses it."""

from __future__ import annotations

import asyncio

from actors.runtime.ending import end_all


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    """Given a library that answers a cancellation with its time limit, when the service ends, then
    the task that went on is asked once more, and the wait ends."""
    missed: list[str] = []

    async def works() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if missed:
                    raise
                missed.append("as wait_for does")

    tasks = [asyncio.create_task(works())]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end_all(tasks, again_seconds=0.01)
    assert tasks[0].cancelled()
    assert len(missed) == 1


async def test_tasks_that_ended_or_fail_are_passed_over() -> None:
    """What a task raises while it ends keeps no other one from being ended, and none is left."""

    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("at the end")

    async def has_ended() -> None:
        return

    tasks = [asyncio.create_task(has_ended()), asyncio.create_task(fails())]
    await asyncio.sleep(0)
    await end_all(tasks)
    assert all(task.done() for task in tasks)
    await end_all([])

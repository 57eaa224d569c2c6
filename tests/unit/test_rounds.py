"""Background works that begin again with each change of the configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack

import pytest

from service.app.rounds import until_changed


async def test_works_begin_again_with_each_change_and_what_they_opened_is_closed() -> None:
    """Each change ends what runs, closes what it opened, and makes it again."""
    changed, ran, closed = asyncio.Event(), asyncio.Queue[int](), list[int]()
    made = 0

    async def work(number: int) -> None:
        ran.put_nowait(number)
        await asyncio.Event().wait()

    def works(stack: AsyncExitStack) -> list[Coroutine[None, None, None]]:
        nonlocal made
        made += 1
        stack.callback(closed.append, made)
        return [work(made)]

    running = asyncio.create_task(until_changed(changed, works))
    assert await ran.get() == 1
    changed.set()
    assert await ran.get() == 2
    assert closed == [1]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed == [1, 2]


async def test_a_work_that_fails_is_not_lost_unseen() -> None:
    """One that ends has nothing to do; one that fails ends all, with its reason."""

    async def ends() -> None:
        """Nothing is to be done."""

    async def fails() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await until_changed(asyncio.Event(), lambda stack: [ends(), fails()])

"""Waiting for a condition with a bound: what tests do instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

_POLL_SECONDS = 0.01


@overload
async def eventually(predicate: Callable[[], Awaitable[T]], timeout_seconds: float = 20.0) -> T: ...


@overload
async def eventually(predicate: Callable[[], T], timeout_seconds: float = 20.0) -> T: ...


async def eventually(predicate: Callable[[], T | Awaitable[T]], timeout_seconds: float = 20.0) -> T:
    """The predicate's first true answer; fails the test when there is none in time.

    The predicate may be asynchronous. What it raises ends the waiting: suppress what you expect.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    while True:
        answer = predicate()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if loop.time() > deadline:
            name = getattr(predicate, "__name__", repr(predicate))
            raise AssertionError(f"{name} did not become true within {timeout_seconds} seconds.")
        tick = loop.create_future()
        loop.call_later(_POLL_SECONDS, tick.set_result, None)
        await tick

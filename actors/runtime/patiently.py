"""Reads from a journal that may be away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.runtime.errors import JournalUnavailable
from actors.runtime.runtime import Runtime

T = TypeVar("T")

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 2.0
"""Pauses while the journal is away."""


class Stopped(Exception):
    """The service stops while the journal is away; the inputs come again."""


async def patiently(read: Callable[[], Awaitable[T]], runtime: Runtime) -> T:
    """Read, waiting for a journal that is away. Raises Stopped where the service stops
    meanwhile."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await read()
        except JournalUnavailable as error:
            if runtime.stopping:
                raise Stopped from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

"""Ends tasks that work until they are cancelled, also those that miss it.

`asyncio.wait_for` of Python 3.11, which client libraries use, loses a cancellation that comes in
the same turn as its answer or its time limit: the task goes on as if no one had asked. After a
pause of the whole process many limits end at once, and who waits for such a task waits in vain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

AGAIN_SECONDS = 6.0
"""How long a task may take to end before it is cancelled once more: what it writes at its end has a
deadline of five seconds."""


async def end_all(
    tasks: Collection[asyncio.Task[None]] | Collection[asyncio.Task[object]],
    *,
    again_seconds: float = AGAIN_SECONDS,
) -> None:
    """Cancel tasks until each has ended. What they raise is passed over."""
    pending: set[asyncio.Task[None] | asyncio.Task[object]] = {x for x in tasks if not x.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_seconds)
    await asyncio.gather(*tasks, return_exceptions=True)

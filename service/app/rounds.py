"""Background work of a feature that one process does at a time, round after round."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from typing import Any

from actors.runtime.ending import end_all
from actors.runtime.errors import JournalUnavailable


async def until_changed(
    changed: asyncio.Event,
    works: Callable[[AsyncExitStack], Iterable[Coroutine[Any, Any, object]]],
) -> None:
    """Do side by side what `works` makes, and make it again whenever `changed` is set; until
    cancelled. What it opens on the stack is closed with each change.

    A work may have nothing to do, and end; a failure of one is passed on, so that none ends unseen.
    """
    while True:
        changed.clear()
        async with AsyncExitStack() as stack:
            waiting: asyncio.Task[object] = asyncio.create_task(changed.wait())
            jobs = [asyncio.create_task(work) for work in works(stack)]
            pending: set[asyncio.Task[object]] = {waiting, *jobs}
            try:
                while waiting in pending:
                    done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
            finally:
                await end_all([waiting, *jobs])


async def in_rounds(
    work: Callable[[], Awaitable[None]],
    *,
    every_seconds: float,
    may: Callable[[], bool],
    log: logging.Logger,
    what: str,
    failed: Callable[[], None] = lambda: None,
) -> None:
    """Do `work` every `every_seconds` while `may` says that this process does it, until cancelled.

    A round that fails is logged, with `what` it was about, and told to `failed`; the next one may
    do better: orders go on whatever happens here.
    """
    while True:
        await asyncio.sleep(every_seconds)
        if not may():
            continue
        try:
            await work()
        except JournalUnavailable as error:
            log.info("%s waits for the database: %s", what, error)
            failed()
        except Exception:  # see above
            log.exception("%s failed; orders go on.", what)
            failed()

"""What the adapters have opened, and when it is closed: at the end, or once another one serves in
their place and no call of theirs is under way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

log = logging.getLogger(__name__)

LONGEST_CALL_SECONDS = 600.0
"""A replaced adapter is closed after this at the latest; no call takes so long."""


@runtime_checkable
class Closes(Protocol):
    """An adapter that has something to close."""

    async def close(self) -> None:
        """Close it."""
        ...


class Opened:
    """The adapters by the name of their lane, the one in use first."""

    def __init__(self) -> None:
        self._made: dict[str, list[object]] = {}
        self._closing: dict[asyncio.Task[None], tuple[str, object]] = {}

    @property
    def count(self) -> int:
        """How many adapters are not closed yet."""
        return sum(map(len, self._made.values())) + len(self._closing)

    def add(self, name: str, adapter: object) -> None:
        """An adapter was made for a lane. When it is not the first, it serves once `replace` says
        so."""
        self._made.setdefault(name, []).append(adapter)

    def replace(self, name: str, ended: asyncio.Event) -> None:
        """The adapter made last serves this lane from now on; the one before is closed when its
        calls have `ended`."""
        *before, serving = self._made[name]
        self._made[name] = [serving]
        for adapter in before:
            task = asyncio.create_task(_close_after(ended, name, adapter))
            self._closing[task] = name, adapter
            task.add_done_callback(self._closing.pop)

    async def undo(self, names: Iterable[str]) -> None:
        """The adapters made last for these lanes are not to serve after all."""
        for name in names:
            await _close(name, self._made[name].pop())

    async def close(self) -> None:
        """Close everything, also what still waits for the end of its calls."""
        waiting = dict(self._closing)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for name, adapter in waiting.values():
            await _close(name, adapter)
        for name, adapters in self._made.items():
            while adapters:
                await _close(name, adapters.pop())


async def _close_after(ended: asyncio.Event, name: str, adapter: object) -> None:
    try:
        async with asyncio.timeout(LONGEST_CALL_SECONDS):
            await ended.wait()
    except TimeoutError:
        log.warning("Calls of the former adapter of %s do not end; it is closed.", name)
    await _close(name, adapter)


async def _close(name: str, adapter: object) -> None:
    if not isinstance(adapter, Closes):
        return
    try:
        await adapter.close()
    except Exception:  # a fault of one adapter must not keep others open
        log.exception("The adapter of %s could not be closed.", name)

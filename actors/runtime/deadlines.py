"""Time limits for many short waits at the price of one timer.

A timer per request costs as much as a tenth of the request. Here all limits hang on one tick.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal

TICK_SECONDS = 0.05


class Deadline:
    """One running limit: entered, it raises TimeoutError when it was the reason that a wait ended.
    Else `end()` it in a `finally`, always."""

    __slots__ = ("_all", "_cancels_before", "_expired", "_task", "at")

    def __init__(self, task: asyncio.Task[object], at: float, every: dict[Deadline, None]) -> None:
        self._task = task
        self._all = every
        self._expired = False
        self._cancels_before = task.cancelling()
        self.at = at

    def expire(self) -> None:
        """Interrupt the task's wait."""
        self._expired = True
        self._task.cancel("The time limit is over.")

    def was_the_reason(self) -> bool:
        """Say whether a CancelledError came from this limit alone; if so, take it back."""
        if not self._expired:
            return False
        self._expired = False
        return self._task.uncancel() <= self._cancels_before

    def end(self) -> None:
        """Forget the limit, and its cancellation where something else became of that."""
        self._all.pop(self, None)
        self.was_the_reason()

    def __enter__(self) -> None:
        """It runs already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        is_over = self.was_the_reason()
        self.end()
        if kind is asyncio.CancelledError and is_over:
            raise TimeoutError from error
        return False


class Deadlines:
    """All running limits of one event loop; there are never more than there are waiting tasks."""

    def __init__(self) -> None:
        self._running: dict[Deadline, None] = {}
        self._ticking = False

    def start(self, seconds: float) -> Deadline:
        """Start a limit for the current task's waits; it strikes up to two ticks late."""
        task = asyncio.current_task()
        assert task is not None, "A time limit needs a task that it can interrupt."
        loop = task.get_loop()
        deadline = Deadline(task, loop.time() + seconds, self._running)
        self._running[deadline] = None
        if not self._ticking:
            self._ticking = True
            loop.call_later(TICK_SECONDS, self._tick, loop)
        return deadline

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for deadline in [one for one in self._running if one.at <= now]:
            deadline.end()
            deadline.expire()
        if self._running:
            loop.call_later(TICK_SECONDS, self._tick, loop)
        else:
            self._ticking = False

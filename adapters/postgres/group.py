"""Many callers, one round trip: what comes while a batch is under way makes the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from actors.runtime.errors import JournalUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MAX_BATCH = 500
"""Items in one round trip: the gain of a larger one is small, and everybody in it waits for all."""
MAX_WAITING = 5000
"""Items that wait for a batch; at the bound callers are held back, which holds their messages
back."""


class Group(Generic[Item, Answer]):
    """Collects concurrent `submit` calls into calls of `write`, `lanes` at a time.

    `write` returns an answer or an exception for each item, in order, or raises for all of them.
    Two items of one key are never in the same batch, nor in two batches at once. An item that
    waited `deadline_seconds` is given up, unwritten. `linger_seconds` is how long a batch waits for
    company: for writes that few make at once, where each batch costs the disk a sync.
    """

    def __init__(
        self,
        write: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        key: Callable[[Item], Hashable],
        deadline_seconds: float,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
        lanes: int = 1,
        linger_seconds: float = 0.0,
    ) -> None:
        self._linger_seconds = linger_seconds
        self._write = write
        self._key = key
        self._deadline_seconds = deadline_seconds
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._lanes = lanes
        self._waiting: deque[tuple[Item, asyncio.Future[Answer], float]] = deque()
        self._room: deque[asyncio.Future[None]] = deque()
        self._keys: set[Hashable] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Return this item's answer, or raise its exception."""
        loop = asyncio.get_running_loop()
        while len(self._waiting) >= self._max_waiting:
            room = loop.create_future()
            self._room.append(room)
            await room
        future: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, future, loop.time()))
        if len(self._tasks) < self._lanes:
            self._start_lane(loop)
        return await future

    def _start_lane(self, loop: asyncio.AbstractEventLoop) -> None:
        # Starts at the loop's next turn: whoever submits in this turn is in the first batch.
        task = loop.create_task(self._lane())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # Somebody may have come between the lane's last look and this call.
        if self._waiting and not task.cancelled():
            self._start_lane(task.get_loop())

    async def _lane(self) -> None:
        while True:
            if self._linger_seconds and self._waiting:
                await asyncio.sleep(self._linger_seconds)
            batch = self._gather()
            if not batch:
                return
            items = [entry[0] for entry in batch]
            try:
                answers = await self._write(items)
            except JournalUnavailable as error:
                self._refuse(batch, error)
                self._refuse_old(error, self._deadline_seconds / 10)
            except BaseException as error:
                # A programmer's error or our own cancellation: no one may be left waiting
                # indefinitely.
                self._refuse(batch, JournalUnavailable(f"The batch was not finished ({error!r})."))
                raise
            else:
                for (_, future, _), answer in zip(batch, answers, strict=True):
                    if future.done():
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
            finally:
                self._keys.difference_update(map(self._key, items))

    def _gather(self) -> list[tuple[Item, asyncio.Future[Answer], float]]:
        late = JournalUnavailable(
            f"The journal is behind by more than {self._deadline_seconds:g} seconds; "
            f"nothing was written."
        )
        self._refuse_old(late, self._deadline_seconds)
        waiting, keys, key_of = self._waiting, self._keys, self._key
        batch: list[tuple[Item, asyncio.Future[Answer], float]] = []
        later: list[tuple[Item, asyncio.Future[Answer], float]] = []
        while waiting and len(batch) < self._max_batch:
            entry = waiting.popleft()
            if entry[1].done():
                continue
            key = key_of(entry[0])
            if key in keys:
                later.append(entry)
            else:
                keys.add(key)
                batch.append(entry)
        waiting.extendleft(reversed(later))
        self._make_room()
        return batch

    def _make_room(self) -> None:
        free = self._max_waiting - len(self._waiting)
        while free > 0 and self._room:
            room = self._room.popleft()
            if not room.done():
                room.set_result(None)
                free -= 1

    def _refuse_old(self, error: JournalUnavailable, older_than_seconds: float) -> None:
        """Give up those at the head who waited too long: the next batch would take as long
        again."""
        before = asyncio.get_running_loop().time() - older_than_seconds
        while self._waiting and self._waiting[0][2] < before:
            self._refuse([self._waiting.popleft()], error)
        self._make_room()

    @staticmethod
    def _refuse(
        batch: Sequence[tuple[Item, asyncio.Future[Answer], float]], error: JournalUnavailable
    ) -> None:
        for _, future, _ in batch:
            if not future.done():
                # One instance each: raising an exception adds the raiser's frames to it.
                future.set_exception(JournalUnavailable(*error.args))

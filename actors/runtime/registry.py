"""Which streams are live. Those that wait for the world are dropped, and read back when needed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable

from actors.runtime.actor import Actor
from actors.runtime.errors import MailboxFull
from actors.runtime.mailbox import STOPPED, Envelope
from actors.runtime.runtime import Runtime
from actors.runtime.stream_type import StreamType
from schemas.order.ids import OrderId


class Registry:
    """Finds or makes a stream's actor and puts inputs into its mailbox. All its streams are of one
    type.

    `live_orders` bounds the streams kept in memory: the one idle for longest is dropped. Streams at
    work are never dropped; their number is bounded by what intake, timers and dispatcher let in.
    `mailbox` bounds the inputs waiting for one stream.
    """

    def __init__(
        self, runtime: Runtime, stream: StreamType, *, live_orders: int = 4_000, mailbox: int = 64
    ) -> None:
        self.stream = stream
        self._runtime = runtime
        self._live_orders = live_orders
        self._mailbox = mailbox
        self._busy: dict[OrderId, Actor] = {}
        self._idle: OrderedDict[OrderId, Actor] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, *, live_orders: int, mailbox: int) -> None:
        """Keep to these bounds from now on."""
        self._live_orders, self._mailbox = live_orders, mailbox

    def post(self, order_id: OrderId, envelope: Envelope) -> None:
        """Put an input into its stream's mailbox. Raises MailboxFull; then nothing was taken."""
        runtime = self._runtime
        if runtime.stopping:
            envelope.end(STOPPED, "The service stops.")
            return
        actor = self._busy.get(order_id)
        if actor is not None:
            if actor.waiting >= self._mailbox:
                raise MailboxFull(f"{self._mailbox} inputs wait for one order already.")
            actor.take(envelope)
            return
        actor = self._idle.pop(order_id, None) or Actor(order_id, self.stream, runtime)
        self._busy[order_id] = actor
        actor.take(envelope)
        task = asyncio.create_task(self._work(actor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def live(self) -> int:
        """How many streams are in memory."""
        return len(self._busy) + len(self._idle)

    @property
    def busy(self) -> int:
        """How many streams are at work."""
        return len(self._busy)

    def forget(self, order_ids: Iterable[str]) -> None:
        """Drop streams from memory that are not at work, because their data was erased."""
        for order_id in order_ids:
            self._idle.pop(OrderId(order_id), None)

    def drop(self, partitions: Collection[int]) -> None:
        """Drop the streams of partitions that belong to another process now; the inputs that wait
        for them come again, there."""
        for order_id in [i for i, actor in self._idle.items() if actor.partition in partitions]:
            del self._idle[order_id]
        for actor in self._busy.values():
            if actor.partition in partitions:
                actor.give_back("Another process owns this order now.")

    async def drain(self, seconds: float) -> int:
        """Let what is at work finish, at most this long; return how many streams did not."""
        self._runtime.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return left

    async def _work(self, actor: Actor) -> None:
        try:
            await actor.run()
        finally:
            del self._busy[actor.order_id]
            if actor.known:
                self._idle[actor.order_id] = actor
                if len(self._idle) > self._live_orders:
                    self._idle.popitem(last=False)

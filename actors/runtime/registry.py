"""Which orders are live. Those that wait for the world are dropped, and read back when needed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from actors.runtime.actor import OrderActor
from actors.runtime.errors import MailboxFull
from actors.runtime.mailbox import STOPPED, Envelope
from actors.runtime.runtime import Runtime
from schemas.order.ids import OrderId


class Registry:
    """Finds or makes an order's actor and puts inputs into its mailbox.

    `live_orders` bounds the orders kept in memory: the one idle for longest is dropped. Orders at
    work are never dropped; their number is bounded by what intake, timers and dispatcher let in.
    `mailbox` bounds the inputs waiting for one order.
    """

    def __init__(self, runtime: Runtime, *, live_orders: int = 4_000, mailbox: int = 64) -> None:
        self._runtime = runtime
        self._live_orders = live_orders
        self._mailbox = mailbox
        self._busy: dict[OrderId, OrderActor] = {}
        self._idle: OrderedDict[OrderId, OrderActor] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, order_id: OrderId, envelope: Envelope) -> None:
        """Put an input into its order's mailbox. Raises MailboxFull; then nothing was taken."""
        runtime = self._runtime
        if runtime.stopping:
            envelope.end(STOPPED, "The service stops.")
            return
        actor = self._busy.get(order_id)
        if actor is None:
            actor = self._idle.pop(order_id, None) or OrderActor(order_id, runtime)
            self._busy[order_id] = actor
        elif len(actor.mailbox) >= self._mailbox:
            raise MailboxFull(f"{self._mailbox} inputs wait for one order already.")
        envelope.enqueued_at = runtime.clock.monotonic()
        actor.mailbox.append(envelope)
        if not actor.running:
            actor.running = True
            task = asyncio.create_task(self._work(actor))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def live(self) -> int:
        """How many orders are in memory."""
        return len(self._busy) + len(self._idle)

    @property
    def busy(self) -> int:
        """How many orders are at work."""
        return len(self._busy)

    def forget(self, order_ids: Iterable[str]) -> None:
        """Drop orders from memory that are not at work, because their data was erased."""
        for order_id in order_ids:
            self._idle.pop(OrderId(order_id), None)

    async def drain(self, seconds: float) -> int:
        """Let what is at work finish, at most this long; return how many orders did not."""
        self._runtime.stopping = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return left

    async def _work(self, actor: OrderActor) -> None:
        try:
            await actor.run()
        finally:
            actor.running = False
            del self._busy[actor.order_id]
            if actor.known:
                self._idle[actor.order_id] = actor
                if len(self._idle) > self._live_orders:
                    self._idle.popitem(last=False)

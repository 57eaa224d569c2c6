"""Which streams are live. Those that wait for the world are dropped, and read back when needed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Protocol

from actors.runtime.actor import Actor
from actors.runtime.errors import MailboxFull
from actors.runtime.mailbox import STOPPED, Envelope
from actors.runtime.runtime import Runtime
from actors.runtime.stream_type import StreamType
from schemas.order.ids import OrderId

PATIENCE_SECONDS = 1.0
"""How long an input that no one waits for may wait for company in the service. What it costs when
the process dies meanwhile is a look-up at the partner."""

MAX_PATIENT = 1_000
"""Streams whose inputs wait for company at one moment; beyond it none waits."""

BUSY_ENOUGH = 8
"""Streams at work from which on an input waits: with fewer there is nothing to save."""


class TakesInputs(Protocol):
    """Where inputs are put for their streams."""

    def post(self, order_id: OrderId, envelope: Envelope) -> None:
        """Put an input into its stream's mailbox. Raises MailboxFull; then nothing was taken."""
        ...


class Registry:
    """Finds or makes a stream's actor and puts inputs into its mailbox. All its streams are of one
    type.

    `live_orders` bounds the streams kept in memory: the one idle for longest is dropped. Streams at
    work are never dropped; their number is bounded by what intake, timers and dispatcher let in.
    `mailbox` bounds the inputs waiting for one stream. A patient input waits up to
    `patience_seconds` for another one of its stream, so that one commit takes both, while at least
    `busy_enough` streams are at work; 0 seconds: none waits.
    """

    def __init__(
        self,
        runtime: Runtime,
        stream: StreamType,
        *,
        live_orders: int = 4_000,
        mailbox: int = 64,
        patience_seconds: float = 0.0,
        busy_enough: int = BUSY_ENOUGH,
    ) -> None:
        self.stream = stream
        self._runtime = runtime
        self._live_orders = live_orders
        self._mailbox = mailbox
        self._patience_seconds = patience_seconds
        self._busy_enough = busy_enough
        self._patient: dict[OrderId, asyncio.TimerHandle] = {}
        self._busy: dict[OrderId, Actor] = {}
        self._idle: OrderedDict[OrderId, Actor] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, *, live_orders: int, mailbox: int) -> None:
        """Keep to these bounds from now on."""
        self._live_orders, self._mailbox = live_orders, mailbox

    @property
    def patient(self) -> bool:
        """Whether a patient input may wait now."""
        waiting = len(self._patient)
        busy = len(self._busy) - waiting
        return self._patience_seconds > 0 and busy >= self._busy_enough and waiting < MAX_PATIENT

    def post(self, order_id: OrderId, envelope: Envelope, *, patient: bool = False) -> None:
        """Put an input into its stream's mailbox. Raises MailboxFull; then nothing was taken.
        `patient`: it may wait a moment for company, as nothing waits for what it leads to."""
        runtime = self._runtime
        if runtime.stopping:
            envelope.end(STOPPED, "The service stops.")
            return
        actor = self._busy.get(order_id)
        if actor is not None:
            if actor.waiting >= self._mailbox:
                raise MailboxFull(f"{self._mailbox} inputs wait for one order already.")
            actor.take(envelope)
            if not patient and order_id in self._patient:
                self._end_patience(order_id)
            return
        actor = self._idle.pop(order_id, None) or Actor(order_id, self.stream, runtime)
        self._busy[order_id] = actor
        actor.take(envelope)
        if patient and self.patient:
            wait = asyncio.get_running_loop().call_later
            self._patient[order_id] = wait(self._patience_seconds, self._end_patience, order_id)
        else:
            self._start(actor)

    def hasten(self) -> None:
        """Let no input wait for company from now on: the process is about to end."""
        self._patience_seconds = 0.0
        for order_id in tuple(self._patient):
            self._end_patience(order_id)

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

    def works_on(self, partition: int) -> bool:
        """Whether a stream of this partition is at work."""
        return any(actor.partition == partition for actor in self._busy.values())

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
        self.hasten()
        self._runtime.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return left

    def _end_patience(self, order_id: OrderId) -> None:
        self._patient.pop(order_id).cancel()
        self._start(self._busy[order_id])

    def _start(self, actor: Actor) -> None:
        task = asyncio.create_task(self._work(actor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, actor: Actor) -> None:
        try:
            await actor.run()
        finally:
            del self._busy[actor.order_id]
            if actor.known:
                self._idle[actor.order_id] = actor
                if len(self._idle) > self._live_orders:
                    self._idle.popitem(last=False)

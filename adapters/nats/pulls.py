"""What is requested of one consumer, what it brought, and the deliveries that come of it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from actors.runtime.ports import Message
from adapters.nats.consumers import ConsumerPlan

_log = logging.getLogger(__name__)


class Delivery:
    """One message, delivered to us with an acknowledgement time (see IntakeSource).

    Acknowledging never raises: if the server is away the message is delivered again, and the inbox
    recognises it.
    """

    __slots__ = ("_began", "_client", "_pull", "_reply", "message")

    def __init__(self, message: Message, client: Client, reply: str, pull: Pull | None) -> None:
        self.message = message
        self._client = client
        self._reply = reply
        self._pull = pull
        self._began = pull.now() if pull is not None else 0.0

    async def ack(self) -> None:
        """Acknowledge the message; the stream deletes it."""
        self._ended()
        await self._say(b"")

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """Return the message to the stream, which delivers it again after the delay."""
        self._ended()
        await self._say(b'-NAK {"delay": %d}' % int(delay_seconds * 1_000_000_000))

    async def in_progress(self) -> None:
        """Restart the acknowledgement time."""
        await self._say(b"+WPI")

    def _ended(self) -> None:
        if self._pull is not None:
            self._pull.ended(self._began)
            self._pull = None

    async def _say(self, word: bytes) -> None:
        try:
            await self._client.publish(self._reply, word)
        except (nats.errors.Error, OSError) as error:
            _log.debug(
                "An acknowledgement was not sent; the message will be delivered again: %s", error
            )


LEAST_OUT = 8
"""Messages of a stream that may be out at once however slowly they end: enough to share commits. On
a busy machine 32 take a second and a half, which whatever another stream brings waits for, too."""


class Out:
    """Counts the messages of one stream that are handed out and have not ended, and says how many
    may be: as many as end within `wait_seconds` (None: `ceiling`, always). `kept` are those that
    its consumers have fetched and not handed out.

    All that is out of all streams is worked on in turn, so whatever comes from another stream waits
    for about as long as those of a flooded one take to end. While they end sooner one more may be
    out for each; when one that was handed out since takes longer, half as many may.
    """

    __slots__ = ("_halved_at", "_most", "_wait_seconds", "count", "kept")

    def __init__(self, wait_seconds: float | None = None) -> None:
        self.count = self.kept = 0
        self._wait_seconds = wait_seconds
        self._most = LEAST_OUT
        self._halved_at = float("-inf")

    def most(self, ceiling: int) -> int:
        """Return how many may be out now, `ceiling` at most."""
        return ceiling if self._wait_seconds is None else min(self._most, ceiling)

    def ended(self, began: float, now: float) -> None:
        """One has ended that was handed out at `began` (seconds of one clock)."""
        is_full = 2 * self.count >= self._most
        self.count -= 1
        if self._wait_seconds is None:
            return
        if now - began <= self._wait_seconds:
            self._most += is_full
        elif began > self._halved_at:
            self._most, self._halved_at = max(LEAST_OUT, self._most // 2), now


class Pull:
    """The pull requests to one consumer, and what they brought. `owed` counts messages requested
    and not yet delivered, `out` those of its stream handed out that have not ended."""

    def __init__(
        self, plan: ConsumerPlan, reply: str, share: int, out: Out, arrived: asyncio.Event
    ) -> None:
        self.plan = plan
        self.subject = f"$JS.API.CONSUMER.MSG.NEXT.{plan.stream}.{plan.name}"
        self.reply = reply
        self.share = share
        self.owed = 0
        self._out = out
        self.forget_at = 0.0
        self.buffer: deque[Msg] = deque()
        self.buffered_bytes = 0
        self._arrived = arrived
        self.now = asyncio.get_running_loop().time

    def room(self, ceiling: int, *, alone: bool = False) -> int:
        """Return how many more of its stream's messages may be handed out now; `ceiling` may be out
        at most. `alone`: no one waits behind them, so nothing else bounds them."""
        most = ceiling if alone else self._out.most(ceiling)
        return max(0, most - self._out.count)

    def put(self, message: Msg) -> None:
        """Keep a message until it is handed out."""
        self.owed = max(0, self.owed - 1)
        self.buffer.append(message)
        self._out.kept += 1
        self.buffered_bytes += len(message.data)

    def take(self) -> Msg:
        """Return the oldest one, which counts as out from now on."""
        message = self.buffer.popleft()
        self.buffered_bytes -= len(message.data)
        self._out.count += 1
        self._out.kept -= 1
        return message

    def forget(self) -> None:
        """Hand out nothing of what was fetched: whoever reads it now is given it."""
        self._out.kept -= len(self.buffer)
        self.buffer.clear()
        self.buffered_bytes = 0

    def ended(self, began: float) -> None:
        """One that was handed out at `began` has ended: there is room for one more of its stream,
        whichever consumer has it."""
        self._out.ended(began, self.now())
        if self._out.kept:
            self._arrived.set()

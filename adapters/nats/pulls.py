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

    __slots__ = ("_client", "_pull", "_reply", "message")

    def __init__(self, message: Message, client: Client, reply: str, pull: Pull | None) -> None:
        self.message = message
        self._client = client
        self._reply = reply
        self._pull = pull

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
            self._pull.ended()
            self._pull = None

    async def _say(self, word: bytes) -> None:
        try:
            await self._client.publish(self._reply, word)
        except (nats.errors.Error, OSError) as error:
            _log.debug(
                "An acknowledgement was not sent; the message will be delivered again: %s", error
            )


class Out:
    """Counts the messages of one stream that are handed out and have not ended."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


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

    @property
    def out(self) -> int:
        """How many of its stream's messages are handed out and have not ended."""
        return self._out.count

    def put(self, message: Msg) -> None:
        """Keep a message until it is handed out."""
        self.owed = max(0, self.owed - 1)
        self.buffer.append(message)
        self.buffered_bytes += len(message.data)

    def take(self) -> Msg:
        """Return the oldest one, which counts as out from now on."""
        message = self.buffer.popleft()
        self.buffered_bytes -= len(message.data)
        self._out.count += 1
        return message

    def ended(self) -> None:
        """One that was out has ended."""
        self._out.count -= 1
        if self.buffer:
            self._arrived.set()

"""One connection to a mail server after its login: commands out, replies in.

Where the server offers PIPELINING (RFC 2920, as nearly all do) the whole envelope goes in one
write, so that a message costs two turns instead of four. aiosmtplib connects, encrypts and logs in;
it reads one reply for each write and drops what comes with it, so from then on they are read here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import cast

from aiosmtplib import SMTP, SMTPResponse

from actors.runtime.deadlines import Deadlines
from adapters.kit.fitting import printable

MAX_REPLY_BYTES = 16 * 1024
"""Of one reply, all its lines together; servers send some hundred."""


class SessionError(Exception):
    """The conversation can't go on: silence, or what is not SMTP. Its text ends a sentence."""


class HungUp(SessionError):
    """The server closed the connection."""


class Session(asyncio.Protocol):
    """Talks over the connection of a client that has logged in, and keeps it for good."""

    def __init__(self, smtp: SMTP, deadlines: Deadlines) -> None:
        transport = smtp.transport
        assert transport is not None, "A client that has just connected has a transport."
        # uvloop's transports behave like asyncio's without being subclasses of them.
        self._transport = cast(asyncio.WriteTransport, transport)
        self._deadlines = deadlines
        self._pipelines = smtp.supports_extension("pipelining")
        self._buffer = bytearray()
        self._words: list[str] = []
        self._read_bytes = 0
        self._replies: deque[SMTPResponse] = deque()
        self._awaited = 0
        self._waiter: asyncio.Future[None] | None = None
        self._flaw: SessionError | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether commands can be sent: the server has neither hung up nor spoken unasked."""
        return self._flaw is None and not self._transport.is_closing()

    async def ask(self, *commands: bytes, seconds: float) -> SMTPResponse:
        """Send commands, each with its line's end, and return the first reply that refuses one, or
        the last. After a refusal the connection is of no more use. Raises HungUp and SessionError.
        """
        turns = (b"".join(commands),) if self._pipelines else commands
        reply = SMTPResponse(0, "")
        try:
            with self._deadlines.start(seconds):
                for turn in turns:
                    self._write(turn, len(commands) if self._pipelines else 1)
                    while self._awaited:
                        reply = await self._reply()
                        if not 200 <= reply.code < 400:
                            return reply
        except TimeoutError:
            raise SessionError(f"no answer within {seconds:g} seconds") from None
        return reply

    def data_received(self, data: bytes) -> None:
        """Take replies; what comes unasked, such as a farewell, ends the connection."""
        if not self._awaited:
            self._end(HungUp("the connection was closed"))
            return
        self._buffer += data
        self._read()

    def eof_received(self) -> bool:
        """The server says no more."""
        self._end(HungUp("the connection was closed"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(HungUp("the connection was closed"))

    def _write(self, turn: bytes, replies: int) -> None:
        if not self.is_open:
            raise self._flaw or HungUp("the connection was closed")
        self._awaited += replies
        self._transport.write(turn)

    async def _reply(self) -> SMTPResponse:
        while not self._replies:
            if self._flaw is not None:
                raise self._flaw
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._awaited -= 1
        return self._replies.popleft()

    def _read(self) -> None:
        """Part what came into replies (RFC 5321 section 4.2.1)."""
        while self._flaw is None:
            end = self._buffer.find(b"\n")
            self._read_bytes += end + 1
            if self._read_bytes + (len(self._buffer) if end < 0 else 0) > MAX_REPLY_BYTES:
                self._end(SessionError("a reply without end"))
                return
            if end < 0:
                break
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            code = line[:3]
            if len(code) < 3 or not code.isdigit():
                said = printable(line[:80].decode("utf-8", "replace").strip())
                self._end(SessionError(f"an answer that is not SMTP: {said!r}"))
                return
            self._words.append(line[4:].strip().decode("utf-8", "surrogateescape"))
            if line[3:4] != b"-":
                self._replies.append(SMTPResponse(int(code), "\n".join(self._words)))
                self._words, self._read_bytes = [], 0
        if self._replies:
            self._wake()

    def _end(self, flaw: SessionError) -> None:
        self._flaw = self._flaw or flaw
        self._transport.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

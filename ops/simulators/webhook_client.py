"""A small HTTP/1.1 client: kept-alive connections, and a limit on the whole call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 1024 * 1024
MAX_IDLE = 256


class CallFailed(Exception):
    """No whole answer came. `connected` tells whether anybody was listening."""

    def __init__(self, message: str, *, connected: bool) -> None:
        super().__init__(message)
        self.connected = connected


@dataclass(slots=True, frozen=True)
class Target:
    """An address taken apart once, so that a thousand calls needn't."""

    host: str
    port: int
    secure: bool
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Raises ValueError unless the address is http or https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https address.")
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or (443 if secure else 80), secure, path)


@dataclass(slots=True, frozen=True)
class Answer:
    """What came back. `headers` has lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Line(asyncio.Protocol):
    """One connection, one call at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.keep = True
        self._buffer = bytearray()
        self._head: tuple[int, dict[str, str], int] | None = None
        self._waiter: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's without being subclasses of them.
        self.transport = cast(asyncio.Transport, transport)

    def call(self, payload: bytes, waiter: asyncio.Future[Answer]) -> None:
        """Sends the bytes; the waiter gets the answer."""
        self._waiter = waiter
        if self.transport is None:
            self._fail("The connection is closed.")
        else:
            self.transport.write(payload)

    def _fail(self, message: str) -> None:
        self.keep = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(CallFailed(message, connected=True))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._fail("The connection was closed before a whole answer came.")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > MAX_ANSWER_BYTES:
            self._fail("The answer is too large.")
            return
        try:
            answer = self._take()
        except ValueError as error:
            self._fail(f"The answer is not HTTP/1.1: {error}.")
            return
        if answer is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    def _take(self) -> Answer | None:
        buffer = self._buffer
        if self._head is None:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            first, *lines = buffer[:end].decode("latin-1").split("\r\n")
            headers: dict[str, str] = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            self._head = (int(first.split(" ")[1]), headers, end + 4)
            if headers.get("connection", "").lower() == "close":
                self.keep = False
        status, headers, start = self._head
        if "chunked" in headers.get("transfer-encoding", ""):
            if not buffer.endswith(b"0\r\n\r\n"):
                return None
            body, end = _join_chunks(buffer, start), len(buffer)
        else:
            end = start + int(headers.get("content-length", "0"))
            if len(buffer) < end:
                return None
            body = bytes(buffer[start:end])
        del buffer[:end]
        self._head = None
        return Answer(status, headers, body)


def _join_chunks(buffer: bytearray, start: int) -> bytes:
    body = bytearray()
    while True:
        line_end = buffer.index(b"\r\n", start)
        size = int(bytes(buffer[start:line_end]).split(b";")[0], 16)
        if size == 0:
            return bytes(body)
        body += buffer[line_end + 2 : line_end + 2 + size]
        start = line_end + 2 + size + 2


class WebhookClient:
    """Connections to any number of servers; each call takes an idle one or opens a new one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle: dict[tuple[str, int], list[_Line]] = {}

    async def post(
        self, target: Target, headers: Mapping[str, str], body: bytes, timeout_seconds: float
    ) -> Answer:
        """Posts the bytes. Raises CallFailed when no whole answer came in time."""
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        for name, value in headers.items():
            head += f"{name}: {value}\r\n"
        return await self._call("POST", target, head, body, timeout_seconds)

    async def get(self, target: Target, timeout_seconds: float) -> Answer:
        """Gets what is there. Raises CallFailed when no whole answer came in time."""
        return await self._call("GET", target, "", b"", timeout_seconds)

    async def _call(
        self, method: str, target: Target, head: str, body: bytes, timeout_seconds: float
    ) -> Answer:
        first = f"{method} {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n"
        payload = (first + head).encode("latin-1") + b"\r\n" + body
        line: _Line | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                line = self._take_idle(target) or await self._open(target)
                waiter: asyncio.Future[Answer] = self._loop.create_future()
                line.call(payload, waiter)
                answer = await waiter
        except TimeoutError as error:
            raise CallFailed(
                f"No answer came within {timeout_seconds} s.", connected=line is not None
            ) from error
        except OSError as error:
            raise CallFailed(str(error), connected=line is not None) from error
        else:
            self._give_back(target, line)
            line = None
            return answer
        finally:
            if line is not None and line.transport is not None:
                line.transport.abort()

    def _take_idle(self, target: Target) -> _Line | None:
        idle = self._idle.get((target.host, target.port))
        while idle:
            line = idle.pop()
            if line.transport is not None and not line.transport.is_closing():
                return line
        return None

    async def _open(self, target: Target) -> _Line:
        _, line = await self._loop.create_connection(
            _Line, target.host, target.port, ssl=True if target.secure else None
        )
        return line

    def _give_back(self, target: Target, line: _Line) -> None:
        idle = self._idle.setdefault((target.host, target.port), [])
        if line.keep and len(idle) < MAX_IDLE:
            idle.append(line)
        elif line.transport is not None:
            line.transport.close()

    def close(self) -> None:
        """Hangs up everywhere."""
        for idle in self._idle.values():
            for line in idle:
                if line.transport is not None:
                    line.transport.abort()
        self._idle.clear()

"""A small HTTP/1.1 server: one synchronous call per request, because CPU is shared with the tested.

A handler returns a `Reply` at once and may ask that it be sent later, never, or instead of it that
the connection be closed. What a handler did stays done, whoever is still there to hear of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote

MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_CONNECTIONS = 4096
HOLD_SECONDS = 120.0

_REASONS = {int(status): status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request. `headers` has lower-case names; a repeated header keeps its last value."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def params(self) -> dict[str, str]:
        """The query's parameters, decoded; the last of repeated ones wins."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def segments(self) -> list[str]:
        """The path's parts, decoded one by one, so that an escaped slash stays inside its part."""
        parts = self.path.split("/")[1:]
        return [unquote(part) for part in parts] if "%" in self.path else parts


@dataclass(slots=True)
class Reply:
    """What is sent back. `hold`: never answer, for 120 s at the most. `close`: hang up instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    hold: bool = False
    close: bool = False


Handler = Callable[[Request], Reply]


class BadRequest(Exception):
    """The bytes are not HTTP/1.1 that this server reads."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read_head(head: str) -> tuple[str, str, str, dict[str, str]]:
    """Method, path, query and headers of a request's head (without its empty line)."""
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(400, "The first line is not an HTTP/1.1 request line.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(400, "A header line has no colon.")
        headers[name.lower()] = value.strip()
    path, _, query = parts[1].partition("?")
    return parts[0], path, query, headers


def take_chunks(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    """The body of a chunked message and where it ends; None while it is incomplete."""
    body = bytearray()
    while True:
        line_end = buffer.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(bytes(buffer[start:line_end]).split(b";")[0], 16)
        except ValueError as error:
            raise BadRequest(400, "A chunk's size is not a hexadecimal number.") from error
        if len(body) + size > MAX_BODY_BYTES:
            raise BadRequest(413, "The body is too large.")
        start = line_end + 2
        if len(buffer) < start + size + 2:
            return None
        body += buffer[start : start + size]
        start += size + 2
        if size == 0:
            return bytes(body), start


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered one after the other, in order."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head: tuple[str, str, str, dict[str, str]] | None = None
        self._body_at = 0
        self._busy = False
        self._last = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports behave like asyncio's without being subclasses of them.
        self._transport = cast(asyncio.Transport, transport)
        if not self._server.admit(self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.forget(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._work()
        elif len(self._buffer) > MAX_BODY_BYTES:
            self.abort()

    def _work(self) -> None:
        try:
            while not self._busy and self._transport is not None:
                request = self._next_request()
                if request is None:
                    return
                self._answer(self._server.handler(request))
        except BadRequest as error:
            self._buffer.clear()
            self._last = True
            self._write(Reply(error.status, error.reason.encode(), "text/plain"))

    def _next_request(self) -> Request | None:
        buffer = self._buffer
        if self._head is None:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_HEAD_BYTES:
                    raise BadRequest(400, "The header is too large.")
                return None
            self._head = read_head(buffer[:end].decode("latin-1"))
            self._body_at = end + 4
            if self._head[3].get("expect", "").lower() == "100-continue" and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        method, path, query, headers = self._head
        body: bytes
        if "chunked" in headers.get("transfer-encoding", ""):
            taken = take_chunks(buffer, self._body_at)
            if taken is None:
                return None
            body, end = taken
        else:
            length = headers.get("content-length", "0")
            if not length.isdigit():
                raise BadRequest(400, "Content-Length is not a number.")
            if int(length) > MAX_BODY_BYTES:
                raise BadRequest(413, "The body is too large.")
            end = self._body_at + int(length)
            if len(buffer) < end:
                return None
            body = bytes(buffer[self._body_at : end])
        del buffer[:end]
        self._head = None
        self._last = headers.get("connection", "").lower() == "close"
        return Request(method, path, query, headers, body)

    def _answer(self, reply: Reply) -> None:
        if reply.delay_seconds <= 0 and not reply.hold:
            self._finish(reply)
            return
        self._busy = True
        loop = self._server.loop
        if reply.hold:
            self._timer = loop.call_later(HOLD_SECONDS, self.abort)
        else:
            self._timer = loop.call_later(reply.delay_seconds, self._finish_later, reply)

    def _finish_later(self, reply: Reply) -> None:
        self._timer = None
        self._busy = False
        self._finish(reply)
        self._work()

    def _finish(self, reply: Reply) -> None:
        if reply.close:
            self.abort()
        else:
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        if self._transport is None:
            return
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}\r\n"
            f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n"
        )
        for name, value in reply.headers.items():
            head += f"{name}: {value}\r\n"
        if self._last:
            head += "Connection: close\r\n"
        self._transport.write(head.encode("latin-1") + b"\r\n" + reply.body)
        if self._last:
            self._transport.close()


class Server:
    """A listening socket and its connections (4,096 at the most; further ones are refused)."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    def admit(self, connection: Connection) -> bool:
        """Whether this connection may stay."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._connections.discard(connection)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chose if 0 was asked for."""
        self._listener = await self.loop.create_server(
            lambda: Connection(self), host, port, backlog=1024
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    def stop(self) -> None:
        """Stops listening and hangs up on everybody."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.abort()

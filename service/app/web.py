"""The HTTP server: the routes of all parts, with bounds on connections, headers and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast

from aiohttp import web
from msgspec import Struct

from service.app import malformed
from service.http import problems
from service.http.peers import Peers

# Where no application has a say, aiohttp names its own version and Python's, and answers in its
# own words.
malformed.install()


class ServerLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the server. A connection may hold `max_headers` headers of `max_header_bytes` each
    and two read buffers: at most 384 KiB, so 512 connections hold 192 MiB under attack, and one or
    two MiB in practice. One peer may have `max_of_peer` of them, a proxy all. `idle_seconds` also
    ends a connection that sends its headers too slowly.
    """

    max_connections: int = 512
    max_of_peer: int = 256
    max_headers: int = 64
    max_header_bytes: int = 4096
    read_buffer_bytes: int = 64 * 1024
    idle_seconds: float = 30.0
    linger_seconds: float = 2.0
    shutdown_seconds: float = 5.0


class Refusal(asyncio.Protocol):
    """Answers a connection above the bound without reading from it."""

    _ANSWER = (
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
        b"Connection: close\r\n\r\n"
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the answer and close."""
        stream = cast("asyncio.Transport", transport)  # uvloop's is not a subclass of asyncio's
        stream.write(self._ANSWER)
        stream.close()


class Admission(asyncio.Protocol):
    """Looks who connects before it is let in: used while so many connections are open that one peer
    may have its share."""

    def __init__(self, admit: Callable[[str], asyncio.Protocol]) -> None:
        self._admit = admit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on."""
        stream = cast("asyncio.Transport", transport)
        host, *_ = stream.get_extra_info("peername") or ("",)
        protocol = self._admit(host)
        stream.set_protocol(protocol)
        protocol.connection_made(stream)


class HttpServer:
    """Serves an application on one address; `port` is the actual one when 0 was requested."""

    def __init__(
        self,
        application: web.Application,
        limits: ServerLimits | None = None,
        peers: Peers | None = None,
    ) -> None:
        self._peers = peers or Peers()
        self._limits = limits or ServerLimits()
        self._runner = web.AppRunner(
            application,
            access_log=None,  # metrics and traces cover it; a line per webhook would cost more
            keepalive_timeout=self._limits.idle_seconds,
            lingering_time=self._limits.linger_seconds,
            max_headers=self._limits.max_headers,
            max_line_size=self._limits.max_header_bytes,
            max_field_size=self._limits.max_header_bytes,
            read_bufsize=self._limits.read_buffer_bytes,
            auto_decompress=False,
            shutdown_timeout=self._limits.shutdown_seconds,
        )
        self._listener: asyncio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int, *, shared: bool = False) -> None:
        """Listen; `shared`: beside other processes of ours, and the kernel deals connections out.
        Raises OSError when the address is taken."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None

        def connect() -> asyncio.BaseProtocol:
            present = len(server.connections)
            if present >= self._limits.max_connections:
                return Refusal()
            if present >= self._limits.max_of_peer:
                return Admission(admit)
            return server()

        def admit(host: str) -> asyncio.Protocol:
            if self._peers.is_proxy(host):
                return server()
            hosts = [_host_of(one.transport) for one in server.connections]
            return Refusal() if hosts.count(host) >= self._limits.max_of_peer else server()

        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            connect, host, port, backlog=512, reuse_port=shared or None
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Accept no new connections, let requests under way finish within the time, and close."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        server = self._runner.server
        if server is not None:
            server.pre_shutdown()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.shutdown_seconds):
                    await server.shutdown(self._limits.shutdown_seconds)
        await self._runner.cleanup()


def _host_of(transport: asyncio.BaseTransport | None) -> str:
    """Return a connection's other end; "" when it is closed."""
    host, *_ = (transport.get_extra_info("peername") if transport is not None else None) or ("",)
    return str(host)


@web.middleware
async def refuse_nul(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse a path or a query with NUL, which no database column can hold."""
    if "\0" in request.path or any("\0" in text for one in request.query.items() for text in one):
        raise problems.bad_request("nul", "NUL refused", "The address holds the character NUL.")
    return await handler(request)


def application(routes: Iterable[Sequence[web.AbstractRouteDef]]) -> web.Application:
    """Build the application from the routes of all parts; every error becomes problem details."""
    made = web.Application(middlewares=[problems.middleware, refuse_nul])
    for part in routes:
        made.add_routes(part)
    return made

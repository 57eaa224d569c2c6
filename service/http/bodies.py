"""Request bodies: bounded in size, one by one and all together, and in time."""

from __future__ import annotations

import asyncio
from types import TracebackType

from aiohttp import ClientPayloadError, web

from service.http import problems
from service.http.peers import Peers
from service.http.problems import Problem

# Limit for all bodies being read: sixteen of the largest, or thousands of the usual size.
_MAX_HELD_BYTES = 64 * 1024 * 1024
_READ_SECONDS = 10.0
_GRACE_SECONDS, _LEAST_RATE = 2.0, 16 * 1024
"""A body that did not come with its headers has this long to begin, and then this many bytes of it
must come a second: a slow modem's."""
_BUSY_SECONDS = 1


class Bodies:
    """Leases bytes out of a shared budget. When the budget is spent, requests are refused at once
    (503), so that a flood can't exhaust memory. One peer's unfinished bodies may have a quarter of
    it."""

    def __init__(
        self,
        *,
        max_body_bytes: int,
        max_held_bytes: int = _MAX_HELD_BYTES,
        read_seconds: float = _READ_SECONDS,
        grace_seconds: float = _GRACE_SECONDS,
        peers: Peers | None = None,
    ) -> None:
        self.peers = peers or Peers()
        self.grace_seconds = grace_seconds
        self.of_peer: dict[str, int] = {}
        self.max_body_bytes = max_body_bytes
        self.max_held_bytes = max_held_bytes
        self.read_seconds = read_seconds
        self.held_bytes = 0

    def lease(self) -> Lease:
        """Return a context in which one body may be read; leaving it returns the bytes to the
        budget."""
        return Lease(self)


class Lease:
    """The bytes one request holds."""

    __slots__ = ("_bodies", "_held")

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._held = 0

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bodies.held_bytes -= self._held

    async def read(self, request: web.Request) -> bytes:
        """Return the whole body as it came.

        Raises Problem: 413 over the limit (before a byte is parsed, also when the length is not
        stated), 400 when the body breaks off, 415 for a compressed body (the signature covers the
        raw bytes, and a decompression bomb is small), 408 for a slow sender, 503 when too many
        bodies are under way.
        """
        bodies = self._bodies
        limit = bodies.max_body_bytes
        length = request.content_length
        if length is not None and length > limit:
            raise _too_large(limit)
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Problem(
                415,
                "content-encoding",
                "Compressed body",
                "Compressed bodies are not accepted; send the body without Content-Encoding.",
                close=True,
            )
        try:
            if request.content.is_eof():  # it arrived with its headers, as nearly all do
                raw = request.content.read_nowait()
                if len(raw) > limit:
                    raise _too_large(limit)
                self._hold(len(raw))
                return raw
            async with asyncio.timeout(bodies.read_seconds) as deadline:
                return await self._collect(request, limit, deadline)
        except TimeoutError:
            raise Problem(
                408,
                "too-slow",
                "Body too slow",
                f"The body must begin to arrive at once, come at {_LEAST_RATE} bytes a second or "
                f"faster, and be whole within {bodies.read_seconds:g} seconds.",
                close=True,
            ) from None
        except (web.RequestPayloadError, ClientPayloadError, ConnectionError) as error:
            raise Problem(
                400,
                "incomplete",
                "Body incomplete",
                "The body is malformed or ended too early.",
                close=True,
            ) from error

    async def _collect(self, request: web.Request, limit: int, deadline: asyncio.Timeout) -> bytes:
        bodies, content = self._bodies, request.content
        peer = bodies.peers.of(request)
        began = asyncio.get_running_loop().time()
        last = began + bodies.read_seconds
        chunks: list[bytes] = []
        size = 0
        try:
            while not content.at_eof():
                due = began + bodies.grace_seconds + size / _LEAST_RATE
                deadline.reschedule(min(due, last))
                chunk = await content.readany()
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                self._count(peer, len(chunk))
                self._hold(len(chunk))
                chunks.append(chunk)
        finally:
            self._forget(peer, size)
        return b"".join(chunks)

    def _count(self, peer: str, count: int) -> None:
        of_peer = self._bodies.of_peer
        of_peer[peer] = of_peer.get(peer, 0) + count
        if peer and of_peer[peer] > self._bodies.max_held_bytes // 4:
            raise problems.busy("Too many request bodies of yours are under way.", _BUSY_SECONDS)

    def _forget(self, peer: str, size: int) -> None:
        of_peer = self._bodies.of_peer
        left = of_peer.get(peer, 0) - size
        if left > 0:
            of_peer[peer] = left
        else:
            of_peer.pop(peer, None)

    def _hold(self, count: int) -> None:
        if self._bodies.held_bytes + count > self._bodies.max_held_bytes:
            raise problems.busy("Too many request bodies are under way.", _BUSY_SECONDS)
        self._bodies.held_bytes += count
        self._held += count


def _too_large(limit: int) -> Problem:
    return problems.too_large(f"A body may have at most {limit:,} bytes; this one has more.")

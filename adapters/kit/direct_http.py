"""One request over aiohttp's connector, without the layers of its ClientSession.

The connector keeps its part: names, TLS, the pool and its bounds; so does the parser of answers.
What a session adds for cookies, redirects, middlewares, traces and time limits no partner uses, and
it costs more than the rest of a request. This relies on calls that aiohttp does not document, so
the version is pinned and checked: with another one requests go through the session. Both ways pass
one contract suite (tests/contract/test_http_client.py and test_http_paths.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
from aiohttp.client import IDEMPOTENT_METHODS
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from yarl import URL

TESTED_WITH = "3.14.5"
"""The version of aiohttp whose undocumented calls were read and tested."""

MAX_BODY_BYTES = 64 * 1024
"""A larger request is left to the session, which waits while the partner reads slowly."""

MAX_ORIGINS = 1_000
"""Partners and shops of one process have some dozen addresses; what is above begins again."""

_READ_AHEAD_BYTES = 64 * 1024
_MAX_LINE_BYTES, _MAX_HEADERS = 8190, 128


class TooLong(Exception):
    """An answer has more bytes than it may have."""


class _Origin(ClientRequest):
    """What the connector is asked with, for every request to one address. It asks for the key of
    its pool each time, which never changes."""

    def __init__(self, url: URL, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__("GET", url, loop=loop)
        self._key = super().connection_key
        self.host_line = f"Host: {self.headers['Host']}"

    @property
    def connection_key(self) -> ConnectionKey:
        return self._key


class DirectHttp:
    """Sends requests over a session's connector, within the session's own limits for connecting."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        connector = session.connector
        assert connector is not None, "A session that is open has a connector."
        self._connector = connector
        self._timeout = session.timeout
        self._loop = asyncio.get_running_loop()
        self._origins: dict[tuple[str, str | None, int | None], _Origin] = {}

    def takes(self, url: URL, body: bytes | None) -> bool:
        """Whether a request may go this way: one with credentials in its address may not."""
        return url.raw_user is None and (body is None or len(body) <= MAX_BODY_BYTES)

    async def send(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        max_answer_bytes: int,
        before: Callable[[], None] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer. A method that may be repeated is sent
        again once where a kept connection was gone. `before` is called right before it leaves, each
        time. Raises what it raises, what a session raises, ValueError for a header that would be
        two, and TooLong."""
        origin = self._origin(url)
        request = _head(method, url, origin.host_line, headers, body) + (body or b"")
        if method in IDEMPOTENT_METHODS:
            try:
                return await self._once(origin, method, request, max_answer_bytes, before)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                pass
        return await self._once(origin, method, request, max_answer_bytes, before)

    async def _once(
        self,
        origin: _Origin,
        method: str,
        request: bytes,
        max_answer_bytes: int,
        before: Callable[[], None] | None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        try:
            connection = await self._connector.connect(origin, traces=[], timeout=self._timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError(
                f"Connection timeout to host {origin.url}"
            ) from error
        try:
            message, body = await self._exchange(
                connection, method, request, max_answer_bytes, before
            )
        except HttpProcessingError as error:
            connection.close()
            raise aiohttp.ClientPayloadError(error.message) from error
        except BaseException:
            connection.close()
            raise
        connection.release()
        return message.code, message.headers, body

    async def _exchange(
        self,
        connection: Connection,
        method: str,
        request: bytes,
        max_answer_bytes: int,
        before: Callable[[], None] | None,
    ) -> tuple[RawResponseMessage, bytes]:
        protocol = connection.protocol
        assert protocol is not None, "A connection that was just given has a protocol."
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=True,
            read_bufsize=_READ_AHEAD_BYTES,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
        )
        if protocol.transport is None:
            raise aiohttp.ClientConnectionResetError("The connection was closed meanwhile.")
        if before is not None:
            before()
        protocol.transport.write(request)
        while True:
            message, content = await protocol.read()
            if not 100 <= message.code < 200 or message.code == 101:
                break
        body = b""
        while not content.at_eof():
            body += await content.readany()
            if len(body) > max_answer_bytes:
                raise TooLong
        return message, body

    def _origin(self, url: URL) -> _Origin:
        named = (url.scheme, url.raw_host, url.port)
        found = self._origins.get(named)
        if found is None:
            if len(self._origins) >= MAX_ORIGINS:
                self._origins.clear()
            found = self._origins[named] = _Origin(url.origin(), self._loop)
        return found


def _has_break(text: str) -> bool:
    return "\r" in text or "\n" in text or "\0" in text


def _head(
    method: str, url: URL, host_line: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    """Return the request's line and headers."""
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", host_line]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if _has_break("".join(lines)):
        name = next((name for name, value in headers.items() if _has_break(name + value)), "Host")
        raise ValueError(f"A line break in the header {name!r} would make it two.")
    if body is not None:
        if not any(name.lower() == "content-type" for name in headers):
            lines.append("Content-Type: application/octet-stream")
        lines.append(f"Content-Length: {len(body)}")
    elif method not in ("GET", "HEAD"):
        lines.append("Content-Length: 0")
    return "\r\n".join((*lines, "", "")).encode()

"""One connection to NATS that always reconnects and detects a dead peer within seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nats.errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from schemas.contracts.strict_json import MAX_BYTES

OLDEST_SERVER = (2, 10)
"""2.10 introduced subject transforms with `partition()` in streams, on which the partitioning of
orders depends."""

LARGEST_RAW_BYTES = MAX_BYTES
"""The largest body: of a webhook at the edge, and of a published message."""

HEADER_ROOM_BYTES = 32 * 1024
"""Room for our headers, which the server counts towards the message's size."""

# Acknowledgements written while the server is away wait here; the stream delivers again what did
# not fit.
_PENDING_BYTES_LIMIT = 4 * LARGEST_RAW_BYTES
_PING_INTERVAL_SECONDS = 1
_PINGS_UNANSWERED_LIMIT = (
    2  # detects a dead peer after three seconds, and tolerates one lost packet
)
_RECONNECT_WAIT_SECONDS = 0.2
_SOCKET_TIMEOUT_SECONDS = 2

_log = logging.getLogger(__name__)


class NatsUnusable(Exception):
    """NATS can't be reached, refuses us, or lacks a feature. The text says what to do."""


class NatsTooOld(NatsUnusable):
    """The server is older than OLDEST_SERVER, or its limits are too small."""


class Connection:
    """A live client; `generation` counts reconnects, so that a reader knows when its requests are
    lost. `replicas` is how many servers of a cluster keep each stream."""

    def __init__(self, client: Client, replicas: int = 1) -> None:
        self.client = client
        self.replicas = replicas
        self.generation = 0

    @property
    def is_connected(self) -> bool:
        """Whether the server has answered recently (a dead peer is detected within three
        seconds)."""
        return self.client.is_connected

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream's management API; each call has a deadline of 5 s."""
        return self.client.jetstream(timeout=5)

    async def subscribe(
        self, subject: str, callback: Callable[..., Awaitable[None]], *, messages: int, size: int
    ) -> Subscription:
        """Call back for each message; messages beyond `messages` or `size` bytes waiting are
        dropped."""
        return await self.client.subscribe(
            subject, cb=callback, pending_msgs_limit=messages, pending_bytes_limit=size
        )

    async def close(self) -> None:
        """Flush what waits to be sent, for at most a second, and close.

        No drain: it can take 30 s, and unacknowledged messages are delivered again anyway.
        """
        with contextlib.suppress(nats.errors.Error, TimeoutError, ConnectionError):
            await self.client.flush(timeout=1)
        with contextlib.suppress(nats.errors.Error, TimeoutError, ConnectionError):
            await self.client.close()


async def connect(
    url: str,
    *,
    replicas: int = 1,
    name: str = "orderwright",
    user: str | None = None,
    password: str | None = None,
    credentials_path: Path | None = None,
    tls: ssl.SSLContext | None = None,
    connect_timeout_seconds: float = 10.0,
) -> Connection:
    """Connect, or raise NatsUnusable within the time-out; afterwards the client reconnects by
    itself, to any server of the cluster. `url` may be several addresses, separated by commas, each
    with user and password. Raises NatsTooOld for a server that lacks what we need."""
    client = Client()
    connection = Connection(client, replicas)
    if user is None and credentials_path is None:
        user, password = _credentials(addresses_of(url))
    last_error: list[BaseException] = []

    async def failed(error: Exception) -> None:
        last_error[:] = [error]
        if client.is_connected:
            _log.warning("The NATS connection reports: %s", _words(error))

    async def lost() -> None:
        if not client.is_closed:
            _log.warning("The connection to NATS is lost; reconnecting until it is back.")

    async def back() -> None:
        connection.generation += 1
        _log.warning("The connection to NATS is back.")

    try:
        async with asyncio.timeout(connect_timeout_seconds):
            await client.connect(
                servers=addresses_of(url),
                name=name,
                user=user,
                password=password,
                user_credentials=str(credentials_path) if credentials_path else None,
                tls=tls,
                error_cb=failed,
                disconnected_cb=lost,
                reconnected_cb=back,
                connect_timeout=_SOCKET_TIMEOUT_SECONDS,
                # The client declares an int, but only sleeps for it.
                reconnect_time_wait=_RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type] # see above
                max_reconnect_attempts=-1,
                ping_interval=_PING_INTERVAL_SECONDS,
                max_outstanding_pings=_PINGS_UNANSWERED_LIMIT,
                pending_size=_PENDING_BYTES_LIMIT,
                flush_timeout=_SOCKET_TIMEOUT_SECONDS,
                # Every subject is built from encoded tokens; the check would cost a regular
                # expression per message.
                skip_subject_validation=True,
            )
    except (TimeoutError, nats.errors.Error, OSError, ValueError) as error:
        await _abandon(client)
        cause = last_error[0] if isinstance(error, TimeoutError) and last_error else error
        raise NatsUnusable(
            f"NATS did not accept a connection within {connect_timeout_seconds:g} seconds "
            f"({_words(cause)}); check that it runs, its address and our credentials."
        ) from error
    try:
        _check(client)
    except NatsTooOld:
        await _abandon(client)
        raise
    return connection


def addresses_of(url: str) -> list[str]:
    """Return the addresses that a setting names, separated by commas."""
    return [one.strip() for one in url.split(",") if one.strip()]


def _credentials(servers: Sequence[str]) -> tuple[str | None, str | None]:
    """Return user and password if all addresses have the same: a server tells of others of its
    cluster by host and port alone, and they want to know who we are as well."""
    found = set()
    for one in servers:
        parts = urlsplit(one)
        found.add((parts.username, parts.password))
    user, password = found.pop() if len(found) == 1 else (None, None)
    if user is None or password is None:
        return None, None
    return unquote(user), unquote(password)


def _check(client: Client) -> None:
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST_SERVER:
        raise NatsTooOld(
            f"This NATS server is version {version.major}.{version.minor}; Orderwright needs "
            f"{'.'.join(map(str, OLDEST_SERVER))} or later: upgrade the server."
        )
    needed = LARGEST_RAW_BYTES + HEADER_ROOM_BYTES
    if client.max_payload < needed:
        raise NatsTooOld(
            f"This NATS server accepts messages of {client.max_payload} bytes; an order with its "
            f"headers may have {needed}: set `max_payload: 5MB` in the server's configuration."
        )


async def _abandon(client: Client) -> None:
    with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
        await client.close()


def _words(error: BaseException) -> str:
    """Describe an error without the address, which may contain a password."""
    return (str(error) or type(error).__name__).split("nats://", maxsplit=1)[0].strip()

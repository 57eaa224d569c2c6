"""Checks of external servers, made before anything else is started.

Each check ends within `LIMIT_SECONDS`, even if the server accepts the connection and never answers;
one that says that it is starting is waited for longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import ServiceUnavailableError

from adapters.nats.connection import addresses_of
from service.app.errors import ServerTooOld, ServerUnusable

log = logging.getLogger(__name__)

LIMIT_SECONDS: Final = 3.0
OLDEST_POSTGRES: Final = 14
OLDEST_NATS: Final = (2, 10)
RECOVERY_SECONDS: Final = 120.0
"""How long a Postgres that says that it is starting is waited for. A crash of a busy server leaves
a minute of its log to replay; whoever waits longer is told by the exit code."""
_RECOVERY_POLL_SECONDS: Final = 0.5
_ELECTION_SECONDS: Final = 1.0
_ELECTION_POLL_SECONDS: Final = 0.2
_NO_LEADER: Final = 10008
"""JetStream's code for a cluster of which too few servers are up, or that has just begun."""
_POSTGRES_ERRORS: Final = (
    OSError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


async def check_postgres(dsn: str) -> str:
    """Return the server's version; raises ServerUnusable, or ServerTooOld below Postgres 14. One
    that is starting or recovers is waited for, RECOVERY_SECONDS at most.

    The text names host and port, never the password.
    """
    place = _place(dsn, 5432)
    try:
        connection = await _connected(dsn, place)
    except TimeoutError:
        raise _silent("Postgres", place) from None
    except asyncpg.CannotConnectNowError as error:
        raise ServerUnusable(
            f"Postgres at {place} lets no one in yet ({_short(error)}), after {RECOVERY_SECONDS:g}"
            " seconds; wait until it has recovered, and start again."
        ) from None
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError) as error:
        raise ServerUnusable(
            f"Postgres at {place} refuses our user or password ({_short(error)}); correct "
            f"ORDERWRIGHT_POSTGRES_DSN."
        ) from None
    except _POSTGRES_ERRORS as error:
        raise ServerUnusable(
            f"Postgres at {place} cannot be used ({_short(error)}); check that it runs and that "
            f"ORDERWRIGHT_POSTGRES_DSN names it."
        ) from None
    version = connection.get_server_version()
    connection.terminate()  # a graceful close would wait for a frozen server
    text = f"{version.major}.{version.micro}"  # since Postgres 10: major.minor
    if version.major < OLDEST_POSTGRES:
        raise ServerTooOld(
            f"Postgres at {place} is version {text}, and {OLDEST_POSTGRES} is the oldest that "
            f"Orderwright works with; upgrade it, or leave ORDERWRIGHT_POSTGRES_DSN unset to use "
            f"the embedded one."
        )
    return text


async def _connected(dsn: str, place: str) -> asyncpg.Connection:
    """Connect. Raises TimeoutError, CannotConnectNowError, or one of _POSTGRES_ERRORS."""
    deadline = asyncio.get_running_loop().time() + RECOVERY_SECONDS
    told = False
    while True:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                # Its own time limit does not hold against a frozen server.
                return await asyncpg.connect(dsn, timeout=LIMIT_SECONDS)
        except asyncpg.CannotConnectNowError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            if not told:
                log.warning("Postgres at %s is waited for: %s.", place, _short(error))
            told = True
        await asyncio.sleep(_RECOVERY_POLL_SECONDS)


async def check_nats(url: str) -> str:
    """Return the version of the first server that serves us, of one or several whose addresses are
    separated by commas: others of its cluster may be down. Raises ServerUnusable, with what each
    said, or ServerTooOld below NATS 2.10 or without JetStream."""
    refused = []
    for address in addresses_of(url):
        try:
            return await _check_nats(address)
        except ServerTooOld:
            raise
        except ServerUnusable as error:
            refused.append(str(error))
    raise ServerUnusable(" ".join(refused) or "ORDERWRIGHT_NATS_URL names no address.")


async def _check_nats(url: str) -> str:
    """Read the greeting first, so that a server too old for the client library is reported as
    such."""
    place = _place(url, 4222)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            version, clustered = await _greeting(url)
            if _numbers(version)[:2] < OLDEST_NATS:
                raise ServerTooOld(
                    f"NATS at {place} is version {version}, and "
                    f"{'.'.join(map(str, OLDEST_NATS))} is the oldest that Orderwright works with; "
                    f"upgrade it, or leave ORDERWRIGHT_NATS_URL unset to use the embedded one."
                )
            await _ask_for_jetstream(url, place, clustered=clustered)
    except TimeoutError:
        raise _silent("NATS", place) from None
    except (OSError, ValueError, EOFError, NatsError) as error:
        raise ServerUnusable(_nats_refusal(place, error)) from None
    return version


async def _greeting(url: str) -> tuple[str, bool]:
    """Return the version in the INFO line that every NATS server sends first, and whether it is one
    of a cluster."""
    parts = urlsplit(url)
    if parts.scheme in ("ws", "wss"):
        raise ValueError("addresses of the form nats:// or tls:// are understood")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222, limit=2**18)
    try:
        line = await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if not line.startswith(b"INFO "):
        raise ValueError("it did not greet as a NATS server does")
    greeting = json.loads(line[5:])
    version = greeting.get("version") if isinstance(greeting, dict) else None
    if not isinstance(version, str):
        raise ValueError("its greeting names no version")
    return version, bool(greeting.get("cluster"))


async def _ask_for_jetstream(url: str, place: str, *, clustered: bool) -> None:
    async def note(error: Exception) -> None:
        """Errors are raised as well; the client's own logging would only repeat them."""

    client = Client()
    try:
        await client.connect(
            url, allow_reconnect=False, connect_timeout=2, max_reconnect_attempts=0, error_cb=note
        )
        await (_account(client, place) if clustered else client.jetstream(timeout=1).account_info())
    except JetStreamError as error:
        raise _without_jetstream(place, _short(error)) from None
    except NatsError as error:
        if client.is_connected:
            raise _without_jetstream(place, _short(error)) from None
        raise
    finally:
        # Needed after a refused connect too, which leaves the socket open.
        with contextlib.suppress(OSError, NatsError):
            await client.close()


async def _account(client: Client, place: str) -> None:
    """Ask for our account; again while what is up of a cluster elects who leads. Raises
    ServerUnusable where it does not within two seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _ELECTION_SECONDS
    while loop.time() < deadline:
        try:
            await client.jetstream(timeout=1).account_info()
        except TimeoutError:  # without a leader it may say nothing
            continue
        except ServiceUnavailableError as error:
            if error.err_code != _NO_LEADER:
                raise
        else:
            return
        await asyncio.sleep(_ELECTION_POLL_SECONDS)
    raise ServerUnusable(
        f"JetStream of NATS at {place} does not answer; start more servers of its cluster, because "
        "those that are up can't elect a leader."
    )


def _without_jetstream(place: str, reason: str) -> ServerTooOld:
    return ServerTooOld(
        f"NATS at {place} has no JetStream for our account ({reason}); start it with JetStream "
        f"enabled, or leave ORDERWRIGHT_NATS_URL unset to use the embedded one."
    )


def _nats_refusal(place: str, error: Exception) -> str:
    if "authorization violation" in str(error).lower():
        return (
            f"NATS at {place} refuses our user or password ({_short(error)}); correct "
            f"ORDERWRIGHT_NATS_URL."
        )
    if isinstance(error, ssl.SSLError):
        return f"NATS at {place} and we cannot agree on TLS ({_short(error)}); check certificates."
    return (
        f"NATS at {place} cannot be used ({_short(error)}); check that it runs and that "
        f"ORDERWRIGHT_NATS_URL names it."
    )


def _silent(name: str, place: str) -> ServerUnusable:
    return ServerUnusable(
        f"{name} at {place} did not answer within {LIMIT_SECONDS:g} seconds; check that it runs "
        f"and that nothing between us and it swallows the packets."
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return `2.10.3-beta.1` as (2, 10, 3); raises ValueError for anything but a version."""
    return tuple(int(number) for number in version.removeprefix("v").split("-")[0].split("."))


def _place(address: str, default_port: int) -> str:
    """Return host and port for a message, without user and password."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or "the default socket"
        for pair in parts.query.split("&"):
            name, _, value = pair.partition("=")
            if name == "host":
                host = unquote(value)
        return f"{host}:{parts.port or default_port}"
    except ValueError:
        return "the configured address"


def _short(error: Exception) -> str:
    """Return an error in one line, without its final full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix("nats: ").rstrip(".")[:200]

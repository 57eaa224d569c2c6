"""The real servers for integration tests: started once in a session, a fresh database for each
test.

The servers run in an event loop of their own, in a thread that lives until the session ends, so
tests may use whatever loop they like.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.embedded.supervisor import EmbeddedServers, embedded_servers

CHANNELS = ("acme-us", "beta-eu")


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A directory that the servers' user can pass through, unlike pytest's own; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="orderwright-test-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def servers_in_a_thread(data_path: Path) -> Iterator[EmbeddedServers]:
    """Both servers, from here to the end of the block, whatever loop the caller runs in."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="embedded servers", daemon=True)
    thread.start()
    running = embedded_servers(data_path, channels=CHANNELS)
    try:
        entering = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop)
        yield entering.result(timeout=60)
    finally:
        leaving = asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop)
        leaving.result(timeout=60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """The session's own Postgres and NATS, with publishers for the CHANNELS."""
    with temporary_home() as home, servers_in_a_thread(home / "data") as running:
        yield running


async def fresh_database(servers: EmbeddedServers) -> str:
    """The DSN of a new, empty database; it goes with the session's data directory."""
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(servers.postgres_dsn, timeout=10)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close(timeout=5)
    return urlsplit(servers.postgres_dsn)._replace(path=f"/{name}").geturl()


def fresh_stream_prefix() -> str:
    """A prefix for stream names that no other test uses."""
    return f"T{secrets.token_hex(5).upper()}"


@pytest.fixture
async def database(servers: EmbeddedServers) -> AsyncIterator[str]:
    """The DSN of a database for this test alone, dropped after it."""
    dsn = await fresh_database(servers)
    yield dsn
    name = urlsplit(dsn).path.removeprefix("/")
    connection = await asyncpg.connect(servers.postgres_dsn, timeout=10)
    try:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close(timeout=5)

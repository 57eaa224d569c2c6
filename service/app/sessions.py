"""Connections from outside the service: the command line reads the store, publishes decisions, and
verifies references with the service's own keys. No partner and no channel is needed for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from actors.runtime.errors import StreamUnavailable
from adapters.nats.connection import connect
from adapters.nats.publisher import Publisher
from adapters.nats.seal import Seal
from adapters.postgres.pool import Pool
from service.app.errors import OperatorError
from service.embedded.data_directory import DataDirectory
from service.settings import Settings

CORRELATION_SECRET = "correlation-key"  # noqa: S105 — the name of a secret, not one
OWN_KEY = "1"
"""The id of the key that is made in the data directory where none is configured."""


@asynccontextmanager
async def open_reports(dsn: str) -> AsyncIterator[Pool]:
    """Open a few connections for reading."""
    pool = Pool(dsn, max_connections=2, by_key=False, deadline_seconds=30.0)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def open_publisher(
    nats_url: str, settings: Settings, folder: Path
) -> AsyncIterator[Publisher]:
    """Connect just to publish, in the name of the service whose data is in `folder`."""
    own = known_keys(settings, folder)
    active = settings.correlation.active if settings.correlation else OWN_KEY
    if active not in own:
        raise OperatorError(
            "The service's signing key is not here, so it would not believe this command: run the"
            " command with the service's own configuration, or as the user whose data it is."
        )
    connection = await connect(nats_url, name="orderwright-cli")
    try:
        publisher = Publisher(connection, Seal(own, active))
        await publisher.start()
        yield publisher
    finally:
        await connection.close()


class NoStream:
    """Stands in for the stream where nothing is published: who only looks needs no NATS."""

    async def publish(
        self,
        channel: str,
        kind: str,
        ref: str,
        raw: bytes,
        *,
        delivery_id: str,
        source: str,
        topic: str,
        trace: str = "",
    ) -> None:
        """Send nothing. Raises StreamUnavailable."""
        raise StreamUnavailable("The message stream was not opened.", retry_after_seconds=1)


def signing_keys(settings: Settings, data: DataDirectory) -> tuple[str, dict[str, bytes]]:
    """Return the active key's id and all keys that sign references: those configured, or one made
    in the data directory."""
    configured = settings.correlation
    if configured is None:
        return OWN_KEY, {OWN_KEY: data.secret(CORRELATION_SECRET).encode()}
    return configured.active, {k: v.reveal().encode() for k, v in configured.keys.items()}


def known_keys(settings: Settings, folder: Path) -> Mapping[str, bytes]:
    """Return the keys of a service that may never have run: reading makes none."""
    secret = DataDirectory(folder).path / "secrets" / CORRELATION_SECRET
    if settings.correlation is None and not secret.exists():
        return {}
    return signing_keys(settings, DataDirectory(folder))[1]

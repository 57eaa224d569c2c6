"""Both embedded servers, started side by side and stopped together."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.embedded.data_directory import DataDirectory
from service.embedded.nats import EmbeddedNats
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import FailureCallback


@dataclass(frozen=True)
class EmbeddedServers:
    """The running pair. Addresses survive restarts of a server and of this process."""

    data: DataDirectory
    postgres: EmbeddedPostgres
    nats: EmbeddedNats
    postgres_dsn: str
    nats_url: str
    nats_monitor_url: str
    nats_channel_urls: Mapping[str, str]


@asynccontextmanager
async def embedded_servers(
    data_path: str | os.PathLike[str],
    *,
    run_as: str | None = None,
    channels: Sequence[str] = (),
    nats_port: int = 0,
    max_file_store_bytes: int = 8 * 1024**3,
    postgres_settings: Mapping[str, str] | None = None,
    on_failure: FailureCallback | None = None,
) -> AsyncIterator[EmbeddedServers]:
    """Hold the data directory and run both servers in it; leave the context when they are no longer
    in use.

    Raises DataDirectoryHeld, DataDirectoryUnusable or EmbeddedServerFailed. `on_failure` is called
    when a server that had started keeps dying and is given up. Nothing is left running when this
    raises or is cancelled.
    """
    data = DataDirectory(data_path, run_as=run_as)
    with data:
        postgres = EmbeddedPostgres(data, settings=postgres_settings, on_failure=on_failure)
        nats = EmbeddedNats(
            data,
            channels=channels,
            port=nats_port,
            max_file_store_bytes=max_file_store_bytes,
            on_failure=on_failure,
        )
        try:
            # Both are awaited even when one fails: a server that is still starting could not be
            # stopped.
            started = await asyncio.gather(postgres.start(), nats.start(), return_exceptions=True)
            dsn, address = started
            if isinstance(dsn, BaseException):
                raise dsn
            if isinstance(address, BaseException):
                raise address
            yield EmbeddedServers(
                data=data,
                postgres=postgres,
                nats=nats,
                postgres_dsn=dsn,
                nats_url=address.url,
                nats_monitor_url=address.monitor_url,
                nats_channel_urls=address.channel_urls,
            )
        finally:
            await asyncio.shield(asyncio.gather(postgres.stop(), nats.stop()))

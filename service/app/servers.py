"""The Postgres and NATS that this process uses: embedded or external."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from service.app.reload import Outcome
from service.app.running import Running
from service.embedded.data_directory import DataDirectory
from service.embedded.external import check_nats, check_postgres
from service.embedded.nats import EmbeddedNats
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.proc import start_ticks
from service.embedded.process import FailureCallback
from service.embedded.supervisor import embedded_servers
from service.settings import Settings


class Restarts(Protocol):
    """An embedded server, or who has it."""

    async def restart(self) -> None:
        """Restart it."""
        ...


class Servers(Struct, frozen=True, kw_only=True):
    """Where the servers are. `postgres` and `nats` describe them in words; embedded servers have
    process ids, for tests and `doctor` (None: external)."""

    data: DataDirectory
    postgres_dsn: str
    nats_url: str
    postgres: str
    nats: str
    embedded_postgres: EmbeddedPostgres | None = None
    embedded_nats: EmbeddedNats | None = None
    worker: int | None = None
    watches_disk: bool = False
    restarts: Restarts | None = None

    @property
    def on_disk(self) -> bool:
        """Whether a server keeps its data in the data directory."""
        embedded = self.embedded_postgres or self.embedded_nats
        return self.watches_disk or embedded is not None

    @property
    def stuck(self) -> Restarts | None:
        """Return what restarts the embedded NATS server; None for an external one."""
        return self.embedded_nats or self.restarts

    @property
    def owner(self) -> str:
        """Whose leases are ours: a name that outlives the process. `worker` is its number among
        those of one machine, None for the only one."""
        name = self.data.instance_id
        return name if self.worker is None else f"{name}/{self.worker}"


@asynccontextmanager
async def open_servers(
    settings: Settings, on_failure: FailureCallback, *, connections: int | None = None
) -> AsyncIterator[Servers]:
    """Hold the data directory, start the embedded servers, check the external ones. `connections`
    is how many the embedded Postgres allows, None: as many as one process needs.

    `on_failure` is called when an embedded server is given up. Raises OperatorError with one clear
    sentence and its exit code.
    """
    dsn = settings.postgres_dsn.reveal() if settings.postgres_dsn else ""
    url = settings.nats_url.reveal() if settings.nats_url else ""
    if not dsn and not url:
        async with embedded_servers(
            settings.data_dir,
            channels=tuple(settings.channels),
            on_failure=on_failure,
            postgres_settings=_allowing(connections),
        ) as both:
            yield Servers(
                data=both.data,
                postgres_dsn=both.postgres_dsn,
                nats_url=both.nats_url,
                postgres="embedded",
                nats="embedded",
                embedded_postgres=both.postgres,
                embedded_nats=both.nats,
            )
        return
    async with _mixed(settings, dsn, url, on_failure, connections) as servers:
        yield servers


def _allowing(connections: int | None) -> dict[str, str] | None:
    return None if connections is None else {"max_connections": str(connections)}


@asynccontextmanager
async def _mixed(
    settings: Settings,
    dsn: str,
    url: str,
    on_failure: FailureCallback,
    connections: int | None,
) -> AsyncIterator[Servers]:
    postgres: EmbeddedPostgres | None = None
    nats: EmbeddedNats | None = None
    with DataDirectory(settings.data_dir) as data:
        async with AsyncExitStack() as stack:
            if dsn:
                told_postgres = f"outside, {await check_postgres(dsn)}"
            else:
                postgres = EmbeddedPostgres(
                    data, settings=_allowing(connections), on_failure=on_failure
                )
                stack.push_async_callback(postgres.stop)
                dsn, told_postgres = await postgres.start(), "embedded"
            if url:
                told_nats = f"outside, {await check_nats(url)}"
            else:
                nats = EmbeddedNats(data, channels=tuple(settings.channels), on_failure=on_failure)
                stack.push_async_callback(nats.stop)
                url, told_nats = (await nats.start()).url, "embedded"
            yield Servers(
                data=data,
                postgres_dsn=dsn,
                nats_url=url,
                postgres=told_postgres,
                nats=told_nats,
                embedded_postgres=postgres,
                embedded_nats=nats,
            )


def addresses(
    servers: Servers, settings: Settings, config: Path | None, url: str, port: int, outcome: Outcome
) -> Running:
    """Return what this process says in the data directory: where it and its servers are, and how
    its last reload ended."""
    postgres, nats = servers.embedded_postgres, servers.embedded_nats
    return Running(
        pid=os.getpid(),
        started=start_ticks(os.getpid()) or 0,
        url=url,
        port=port,
        reloads=outcome.count,
        reloaded=outcome.good,
        reload_words=outcome.words,
        postgres_dsn=servers.postgres_dsn,
        nats_url=servers.nats_url,
        postgres_pid=(postgres.pid or 0) if postgres else 0,
        nats_pid=(nats.pid or 0) if nats else 0,
        mappings_file=settings.mappings_file,
        channels=tuple(settings.channels),
        config=str(config.resolve()) if config else "",
    )

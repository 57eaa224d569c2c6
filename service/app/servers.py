"""The Postgres and NATS that this process uses: embedded or external."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from service.embedded.data_directory import DataDirectory
from service.embedded.external import check_nats, check_postgres
from service.embedded.nats import EmbeddedNats
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.process import FailureCallback
from service.embedded.supervisor import embedded_servers
from service.settings import Settings


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


@asynccontextmanager
async def open_servers(settings: Settings, on_failure: FailureCallback) -> AsyncIterator[Servers]:
    """Hold the data directory, start the embedded servers, check the external ones.

    `on_failure` is called when an embedded server is given up. Raises OperatorError with one clear
    sentence and its exit code.
    """
    dsn = settings.postgres_dsn.reveal() if settings.postgres_dsn else ""
    url = settings.nats_url.reveal() if settings.nats_url else ""
    if not dsn and not url:
        async with embedded_servers(
            settings.data_dir, channels=tuple(settings.channels), on_failure=on_failure
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
    async with _mixed(settings, dsn, url, on_failure) as servers:
        yield servers


@asynccontextmanager
async def _mixed(
    settings: Settings, dsn: str, url: str, on_failure: FailureCallback
) -> AsyncIterator[Servers]:
    postgres: EmbeddedPostgres | None = None
    nats: EmbeddedNats | None = None
    with DataDirectory(settings.data_dir) as data:
        async with AsyncExitStack() as stack:
            if dsn:
                told_postgres = f"outside, {await check_postgres(dsn)}"
            else:
                postgres = EmbeddedPostgres(data, on_failure=on_failure)
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

"""The channels service in a local session, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.postgres.audit import Audit
from adapters.postgres.sync import SyncStore
from service.app.clock import SystemClock
from service.app.local import open_local
from service.app.sessions import open_publisher
from service.channels.service import ChannelsService
from service.settings import load
from service.wiring.partners import Kits, open_client, syncs


@asynccontextmanager
async def open_channels(data: Path | None, config: Path | None) -> AsyncIterator[ChannelsService]:
    """Open the service, with the channels of a configuration, else those of the running service.
    Raises as `open_local` does."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local(data))
        settings = local.settings if config is None else load(path=config)
        stream = await stack.enter_async_context(
            open_publisher(local.nats_url, settings, local.folder)
        )
        client = open_client(settings, stack, clock, connections_per_host=4)
        kits = Kits(settings, client, clock, intake=stream)
        shops = syncs(settings.channels, kits)
        rows, audit = SyncStore(local.pool), Audit(local.pool)
        yield ChannelsService(
            settings.channels, shops, rows, audit, stream, clock, incidents=local.incidents
        )

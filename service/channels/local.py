"""The channels' desk for a person at the same machine, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.postgres.audit import Audit
from adapters.postgres.sync import Upkeeps
from service.app.clock import SystemClock
from service.app.local import open_local
from service.app.sessions import open_publisher
from service.channels.service import ChannelsDesk
from service.settings import load
from service.wiring.partners import Kits, open_client, syncs


@asynccontextmanager
async def open_channels(data: Path | None, config: Path | None) -> AsyncIterator[ChannelsDesk]:
    """Open the desk, with the configuration's channels. Raises as `open_local` does."""
    settings, clock = load(path=config), SystemClock()
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_local(data))
        stream = await stack.enter_async_context(open_publisher(desk.nats_url))
        client = open_client(stack, clock, connections_per_host=4)
        kits = Kits(settings, client, clock, intake=stream)
        shops = syncs(settings.channels, kits)
        rows, audit = Upkeeps(desk.pool), Audit(desk.pool)
        yield ChannelsDesk(
            settings.channels, shops, rows, audit, stream, clock, incidents=desk.incidents
        )

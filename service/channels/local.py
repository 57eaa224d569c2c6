"""The channels service in a local session, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from service.app.clock import SystemClock
from service.app.local import open_local
from service.channels.service import ChannelsService
from service.settings import load
from service.wiring import channels as wiring_channels
from service.wiring import local as wiring_local
from service.wiring.sync import Audit, HttpClient, SyncStore, open_session


@asynccontextmanager
async def open_channels(data: Path | None, config: Path | None) -> AsyncIterator[ChannelsService]:
    """Open the service, with the channels of the configuration. Raises as `open_local` does."""
    settings, clock = load(path=config), SystemClock()
    async with AsyncExitStack() as stack:
        local = await stack.enter_async_context(open_local(data))
        stream = await stack.enter_async_context(wiring_local.publisher(local.nats_url))
        session = open_session(connections_per_host=4)
        stack.push_async_callback(session.close)
        client = HttpClient(session, clock)
        made = {
            name: wiring_channels.channel_sync(name, channel, client, clock)
            for name, channel in settings.channels.items()
        }
        shops = {name: shop for name, shop in made.items() if shop is not None}
        rows, audit = SyncStore(local.pool), Audit(local.pool)
        yield ChannelsService(
            settings.channels, shops, rows, audit, stream, clock, incidents=local.incidents
        )

"""The channels' desk for a person at the same machine, beside the running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from service.app.clock import SystemClock
from service.app.local import open_desk
from service.channels.service import ChannelsDesk
from service.settings import load
from service.wiring import channels as wiring_channels
from service.wiring import local as wiring_local
from service.wiring.sync import Audit, HttpClient, Upkeeps, open_session


@asynccontextmanager
async def open_channels(data: Path | None, config: Path | None) -> AsyncIterator[ChannelsDesk]:
    """Open the desk, with the configuration's channels. Raises as `open_desk` does."""
    settings, clock = load(path=config), SystemClock()
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(open_desk(data))
        stream = await stack.enter_async_context(wiring_local.publisher(desk.nats_url))
        session = open_session(connections_per_host=4)
        stack.push_async_callback(session.close)
        client = HttpClient(session, clock)
        made = {
            name: wiring_channels.upkeep(name, channel, client, clock)
            for name, channel in settings.channels.items()
        }
        shops = {name: shop for name, shop in made.items() if shop is not None}
        rows, audit = Upkeeps(desk.pool), Audit(desk.pool)
        yield ChannelsDesk(
            settings.channels, shops, rows, audit, stream, clock, incidents=desk.incidents
        )

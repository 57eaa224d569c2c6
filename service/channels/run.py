"""Runs the sync of every channel that has an API, inside the running service."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from service.channels.backfill import Backfill
from service.channels.service import ChannelsService
from service.channels.sync import Keeper, SyncMetrics
from service.wiring import channels as wiring_channels
from service.wiring import root as wiring
from service.wiring.incidents import IncidentViews
from service.wiring.sync import Audit, HttpClient, SyncStore, open_session

if TYPE_CHECKING:
    from service.app.process import Service


async def channels_service(
    service: Service, wire: wiring.Wire, store: wiring.Store, stack: AsyncExitStack
) -> ChannelsService:
    """Build the service behind the API, with its own connections to the channels."""
    session = open_session(connections_per_host=4)
    stack.push_async_callback(session.close)
    client, channels = HttpClient(session, service.clock), service.settings.channels
    made = {
        name: wiring_channels.channel_sync(name, channel, client, service.clock)
        for name, channel in channels.items()
    }
    shops = {name: shop for name, shop in made.items() if shop is not None}
    rows, audit = SyncStore(store.reports), Audit(store.reports)
    incidents = IncidentViews(store.reports)
    return ChannelsService(
        channels, shops, rows, audit, wire.publisher, service.clock, incidents=incidents
    )


async def keep_channels(service: Service, wire: wiring.Wire, store: wiring.Store) -> None:
    """Keep the channels in sync until cancelled: one task per job, with at most a few requests
    each."""
    settings, metrics = service.settings, SyncMetrics(service.metrics.registry)
    rows = SyncStore(store.reports)
    session = open_session(connections_per_host=8)
    try:
        client = HttpClient(session, service.clock)
        keepers = []
        for name, channel in settings.channels.items():
            shop = wiring_channels.channel_sync(name, channel, client, service.clock)
            if shop is None:
                continue
            address = settings.listen.public_url.rstrip("/")
            keepers.append(
                Keeper(
                    name,
                    channel,
                    shop=shop,
                    backfill=Backfill(name, shop, rows, wire.publisher),
                    store=rows,
                    clock=service.clock,
                    metrics=metrics,
                    refused=service.refusals.count,
                    may=lambda: store.leases.sure,
                    address=f"{address}/hooks/{name}" if address else "",
                )
            )
        # Without such a channel this idles: a background task that ends counts as a failure.
        await asyncio.gather(*(keeper.run() for keeper in keepers), asyncio.Event().wait())
    finally:
        await session.close()

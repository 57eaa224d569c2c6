"""Runs the sync of every channel that has an API, inside the running service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from adapters.postgres.audit import Audit
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.leases import JOBS
from adapters.postgres.sync import SyncStore
from service.app.clock import SystemClock
from service.channels.backfill import Backfill
from service.channels.queues import QueueReader
from service.channels.service import ChannelsService
from service.channels.sync import Keeper, SyncMetrics
from service.settings import Settings
from service.wiring.partners import Kits, open_client, queues, syncs
from service.wiring.store import Store
from service.wiring.wire import Wire


async def channels_service(
    settings: Settings, clock: SystemClock, wire: Wire, store: Store, stack: AsyncExitStack
) -> ChannelsService:
    """Build the service behind the API, with its own connections to the channels."""
    client = open_client(settings, stack, clock, connections_per_host=4)
    kits = Kits(settings, client, clock, intake=wire.publisher)
    shops = syncs(settings.channels, kits)
    rows, audit = SyncStore(store.reports), Audit(store.reports)
    incidents = IncidentViews(store.reports)
    return ChannelsService(
        settings.channels, shops, rows, audit, wire.publisher, clock, incidents=incidents
    )


async def keep_channels(
    settings: Settings,
    clock: SystemClock,
    wire: Wire,
    store: Store,
    metrics: SyncMetrics,
    *,
    refused: Callable[[str, str], None],
) -> None:
    """Keep the channels in sync until cancelled: one task per job, with at most a few requests
    each. `refused` counts an occurrence of an incident, by category and channel."""
    rows = SyncStore(store.reports)
    address = settings.listen.public_url.rstrip("/")
    async with AsyncExitStack() as stack:
        client = open_client(settings, stack, clock, connections_per_host=8)
        kits = Kits(settings, client, clock, intake=wire.publisher)
        keepers = []
        for name, shop in syncs(settings.channels, kits).items():
            keepers.append(
                Keeper(
                    name,
                    settings.channels[name],
                    shop=shop,
                    backfill=Backfill(name, shop, rows, wire.publisher),
                    store=rows,
                    clock=clock,
                    metrics=metrics,
                    refused=refused,
                    may=lambda: store.leases.surely_holds(JOBS),
                    address=f"{address}/hooks/{name}" if address else "",
                )
            )
        readers = [
            QueueReader(
                name,
                queue,
                wire.publisher,
                metrics=metrics,
                refused=refused,
                may=lambda: store.leases.surely_holds(JOBS),
            )
            for name, queue in queues(settings.channels, kits).items()
        ]
        # Without such a channel this idles: a background task that ends counts as a failure.
        jobs = [*(keeper.run() for keeper in keepers), *(reader.run() for reader in readers)]
        await asyncio.gather(*jobs, asyncio.Event().wait())

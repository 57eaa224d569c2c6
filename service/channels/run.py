"""Runs the upkeep of every channel that can be asked, inside the running service."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from adapters.postgres.audit import Audit
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.leases import JOBS
from adapters.postgres.sync import Upkeeps
from service.channels.backfill import Backfill
from service.channels.service import ChannelsDesk
from service.channels.sync import Keeper, UpkeepMetrics
from service.wiring.partners import Kits, open_client, syncs
from service.wiring.store import Store
from service.wiring.wire import Wire

if TYPE_CHECKING:
    from service.app.process import Service


async def channels_desk(
    service: Service, wire: Wire, store: Store, stack: AsyncExitStack
) -> ChannelsDesk:
    """Open the desk of the API, with its own connections to the channels."""
    settings = service.settings
    client = open_client(stack, service.clock, connections_per_host=4)
    kits = Kits(settings, client, service.clock, intake=wire.publisher)
    shops = syncs(settings.channels, kits)
    rows, audit = Upkeeps(store.reports), Audit(store.reports)
    incidents = IncidentViews(store.reports)
    return ChannelsDesk(
        settings.channels, shops, rows, audit, wire.publisher, service.clock, incidents=incidents
    )


async def keep_channels(service: Service, wire: Wire, store: Store) -> None:
    """Keep the channels whole, until cancelled; one task a job, at most a few requests each."""
    settings, metrics = service.settings, UpkeepMetrics(service.metrics.registry)
    rows = Upkeeps(store.reports)
    address = settings.listen.public_url.rstrip("/")
    async with AsyncExitStack() as stack:
        client = open_client(stack, service.clock, connections_per_host=8)
        kits = Kits(settings, client, service.clock, intake=wire.publisher)
        keepers = []
        for name, shop in syncs(settings.channels, kits).items():
            keepers.append(
                Keeper(
                    name,
                    settings.channels[name],
                    shop=shop,
                    backfill=Backfill(name, shop, rows, wire.publisher),
                    store=rows,
                    clock=service.clock,
                    metrics=metrics,
                    refused=service.refusals.count,
                    may=lambda: store.leases.surely_holds(JOBS),
                    address=f"{address}/hooks/{name}" if address else "",
                )
            )
        # Without a channel to ask this rests: a background task that ends is a failure.
        await asyncio.gather(*(keeper.run() for keeper in keepers), asyncio.Event().wait())

"""Runs the sync of every channel that has an API, inside the running service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from adapters.kit.sync import ChannelSync
from adapters.postgres.audit import Audit
from adapters.postgres.incident_views import IncidentViews
from adapters.postgres.leases import JOBS
from adapters.postgres.sync import SyncStore
from service.app.clock import SystemClock
from service.app.rounds import until_changed
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
) -> tuple[ChannelsService, Callable[[Settings], None]]:
    """Build the service behind the API, with its own connections to the channels; and what gives it
    other settings."""
    client = open_client(settings, stack, clock, connections_per_host=4)

    def shops(configured: Settings) -> dict[str, ChannelSync]:
        kits = Kits(configured, client, clock, intake=wire.publisher)
        return syncs(configured.channels, kits)

    service = ChannelsService(
        settings.channels,
        shops(settings),
        SyncStore(store.reports),
        Audit(store.reports),
        wire.publisher,
        clock,
        incidents=IncidentViews(store.reports),
    )
    return service, lambda new: service.use(new.channels, shops(new))


class ChannelSyncs:
    """Keeps the channels in sync. `refused` counts an occurrence of an incident, by category and
    channel."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        wire: Wire,
        store: Store,
        metrics: SyncMetrics,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = wire
        self._store = store
        self._metrics = metrics
        self._refused = refused
        self._changed = asyncio.Event()

    def use(self, settings: Settings) -> None:
        """Keep these channels in sync from now on: every job begins again."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled: one task per job, with at most a few requests each."""
        await until_changed(self._changed, lambda stack: [job.run() for job in self._jobs(stack)])

    def _jobs(self, stack: AsyncExitStack) -> list[Keeper | QueueReader]:
        settings, rows = self._settings, SyncStore(self._store.reports)
        address = settings.listen.public_url.rstrip("/")
        client = open_client(settings, stack, self._clock, connections_per_host=8)
        kits = Kits(settings, client, self._clock, intake=self._wire.publisher)
        keepers = [
            Keeper(
                name,
                settings.channels[name],
                shop=shop,
                backfill=Backfill(name, shop, rows, self._wire.publisher),
                store=rows,
                clock=self._clock,
                metrics=self._metrics,
                refused=self._refused,
                may=lambda: self._store.leases.surely_holds(JOBS),
                address=f"{address}/hooks/{name}" if address else "",
            )
            for name, shop in syncs(settings.channels, kits).items()
        ]
        readers = [
            QueueReader(
                name,
                queue,
                self._wire.publisher,
                metrics=self._metrics,
                refused=self._refused,
                may=lambda: self._store.leases.surely_holds(JOBS),
            )
            for name, queue in queues(settings.channels, kits).items()
        ]
        return [*keepers, *readers]

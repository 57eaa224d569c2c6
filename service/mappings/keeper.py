"""Keeps the mappings that decisions use up to date.

The keeper checks for a new version every second and uses it at once; orders that wait for a mapping
then try again. A version that can't be read changes nothing: the last good one stays in use.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client import Gauge

from actors.order.mapping import AGAIN_SECONDS
from actors.order.normalise import Tables
from actors.runtime.alarm import Alarm
from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from adapters.postgres.mappings import PostgresMappings
from schemas.contracts.mappings import Mappings, MappingsRefused, unconfigured
from service.mappings.file import read_file
from service.mappings.missing import Found, found
from service.mappings.preview import Preview, preview
from service.settings import Settings
from service.settings.roles import MAIN, places_of
from service.telemetry.metrics import Metrics
from service.wiring.order_stream import OrderStream
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0

WAKING_SECONDS = 60.0
"""How long after a change orders are still woken that were decided with the previous version and
committed only now."""


class MappingsKeeper:
    """Watches the store, or the file where one is configured: the file is then the only source."""

    def __init__(
        self,
        stream: OrderStream,
        alarm: Alarm,
        store: Store,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._stream = stream
        self._alarm = alarm
        self._clock = clock
        self._journal = store.journal
        self.use(settings)
        self._stamp: tuple[int, int] | None = None
        self._refused = ""
        self._since: datetime | None = None
        self.store = PostgresMappings(store.reports)
        self.file = Path(settings.mappings_file) if settings.mappings_file else None
        self._version = Gauge(
            "orderwright_mappings_version", "Version in use.", registry=metrics.registry
        )
        self._faulty = Gauge(
            "orderwright_mappings_refused",
            "1 while the newest mappings can't be used.",
            registry=metrics.registry,
        )

    def use(self, settings: Settings) -> None:
        """Serve these channels and places from now on: the next round loads the tables again."""
        self._channels = tuple(settings.channels)
        places = places_of(settings)
        self._place = places[0].name if places else MAIN
        self._loaded = -1

    async def run(self) -> None:
        """Check every second until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self.round()

    async def round(self) -> None:
        """Check once. Does not raise for errors that a later round may overcome."""
        try:
            await self._follow_file()
            if await self.store.version() != self._loaded:
                await self._take_over()
            await self._wake()
        except MappingsRefused as error:
            self._tell(str(error))
        except JournalUnavailable as error:
            log.info("The mappings wait for the database: %s", error)

    async def preview(self, mappings: Mappings) -> Preview:
        """Return what a document would change."""
        proposed = Tables(mappings, self._stream.mappings.version + 1, place=self._place)
        return await preview(self.store, self._journal, self._stream.mappings, proposed)

    async def missing(self) -> Found:
        """Return which values no table has, and how many orders wait for each."""
        return await found(self.store, self._journal, self._stream.mappings)

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are configured."""
        return self._channels

    def unconfigured(self, mappings: Mappings) -> tuple[str, ...]:
        """Return the channels of a document that are not configured here."""
        return unconfigured(mappings, self._channels)

    async def _follow_file(self) -> None:
        """Store the file's mappings as a new version when they differ. A malformed file stops
        nothing: the stored version stays in use."""
        if self.file is None:
            return
        try:
            await self._read_file(self.file)
        except OSError as error:
            self._tell(f"The file {self.file} can't be read: {error.strerror}.")
        except MappingsRefused as error:
            self._tell(f"{self.file}: {error}")

    async def _read_file(self, path: Path) -> None:
        status = await asyncio.to_thread(path.stat)
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp == self._stamp:
            return
        try:
            mappings = await asyncio.to_thread(read_file, path)
        except MappingsRefused:
            self._stamp = stamp
            raise
        version, known = await self.store.current()
        if mappings != known:
            await self.store.save(
                mappings,
                seen=version,
                at=self._clock.now(),
                person="file",
                reason=f"{path} changed",
                source="file",
            )
        self._stamp = stamp
        self._good()

    async def _take_over(self) -> None:
        version, mappings = await self.store.current()
        place = self._place
        tables = await asyncio.to_thread(Tables, mappings, version, place=place)
        if place != self._place:
            return  # a reload came meanwhile: the next round makes them for the other place
        self._stream.mappings = tables
        self._loaded = version
        self._since = self._clock.now()
        self._version.set(version)
        if self.file is None:
            self._good()
        log.info("Mappings of version %d are in use.", version)
        for name in self.unconfigured(mappings):
            log.warning("The mappings have tables for %s, but no such channel is configured.", name)

    async def _wake(self) -> None:
        """Wake orders that were decided with an older version. Orders decided since then have
        timers that are due later than any of theirs."""
        if self._since is None:
            return
        now = self._clock.now()
        set_before = self._since + timedelta(seconds=AGAIN_SECONDS)
        woken = await self.store.wake(now, set_before)
        if woken:
            self._alarm.timer_set(now)
        elif now > self._since + timedelta(seconds=WAKING_SECONDS):
            self._since = None

    def _good(self) -> None:
        self._refused = ""
        self._faulty.set(0)

    def _tell(self, why: str) -> None:
        self._faulty.set(1)
        if why != self._refused:
            self._refused = why
            log.error("The newest mappings are not used; the last good ones stay in use: %s", why)

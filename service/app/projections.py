"""Keeps incidents up to date in the background, page by page, without slowing orders down.

A failed round shows in log and metrics, and the next one makes up for it. Only the process that
holds the lease on the orders counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from adapters.postgres.incidents import Incidents, Told
from service.telemetry.metrics import Family

log = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0
PRUNE_SECONDS = 600.0

REST = 4
"""After a full page the projection rests this many times as long as the page took: catching up with
a long history uses at most a fifth of a core."""

MAX_SUMS = 1_000
"""Pairs of category and sender that wait to be written; more are counted under the last one."""


class Refusals:
    """Counts of messages that the edge refused and did not keep, summed until they are written."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], int] = {}

    def count(self, category: str, channel: str) -> None:
        """Count one refusal: a dict update, cheap enough for a flood."""
        key = (category, channel)
        if key not in self._sums and len(self._sums) >= MAX_SUMS:
            key = next(reversed(self._sums))
        self._sums[key] = self._sums.get(key, 0) + 1

    def take(self, at: datetime) -> list[Told]:
        """Remove and return the sums."""
        sums, self._sums = self._sums, {}
        return [Told(category, channel, count, at) for (category, channel), count in sums.items()]

    def put_back(self, told: list[Told]) -> None:
        """Add sums back that could not be written."""
        for one in told:
            key = (one.category, one.channel)
            self._sums[key] = self._sums.get(key, 0) + one.occurrences


class IncidentMetrics:
    """Metrics of incidents."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "orderwright_incidents_open", "Incidents that are open.", registry=registry
        )
        self.occurrences = Family(
            Counter(
                "orderwright_incident_occurrences_total",
                "Failures counted since the process began.",
                ["category"],
                registry=registry,
            ),
            1,
        )
        self.lag = Gauge(
            "orderwright_incident_lag_seconds",
            "Age of the oldest event that is not counted yet.",
            registry=registry,
        )
        self.failures = Counter(
            "orderwright_incident_counting_failures_total",
            "Rounds of counting that failed.",
            registry=registry,
        )


class Projection:
    """Counts in rounds. `may` returns whether the lease on the orders is certainly held."""

    def __init__(
        self,
        incidents: Incidents,
        refusals: Refusals,
        metrics: IncidentMetrics,
        clock: Clock,
        may: Callable[[], bool],
    ) -> None:
        self._incidents = incidents
        self._refusals = refusals
        self._metrics = metrics
        self._clock = clock
        self._may = may
        self._up_to_date = clock.monotonic()
        self._pruned = clock.monotonic()
        self._last_event: tuple[int, ...] = (0, 0)
        self._last_item: tuple[int, ...] = (0, 0)
        self._has_begun = False

    async def run(self, *, period_seconds: float = PERIOD_SECONDS) -> None:
        """Count every two seconds, until cancelled."""
        while True:
            await asyncio.sleep(period_seconds)
            try:
                if not self._may():
                    # What this process refused no other one knows.
                    await self._count_told(self._clock.now())
                    continue
                await self.round()
            except JournalUnavailable as error:
                log.info("Counting incidents waits for the database: %s", error)
                self._failed()
            except Exception:  # orders must go on; metric and log raise the alarm
                log.exception("Counting incidents failed; orders go on.")
                self._failed()

    async def round(self) -> None:
        """Count everything that is there now. Raises JournalUnavailable."""
        now = self._clock.now()
        if not self._has_begun:
            if await self._incidents.begin():
                log.warning(
                    "The database was restored from a dump: incidents are counted on from there."
                )
            self._has_begun = True
        await self._count_told(now)
        await self._count_events()
        await self._count_items()
        self._metrics.open.set(await self._incidents.resolve(now))
        oldest = await self._incidents.oldest_unread()
        behind = 0.0 if oldest is None else (self._clock.now() - oldest).total_seconds()
        self._metrics.lag.set(max(0.0, behind))
        self._up_to_date = self._clock.monotonic()
        if self._clock.monotonic() - self._pruned >= PRUNE_SECONDS:
            await self._incidents.prune(now)
            self._pruned = self._clock.monotonic()

    async def _count_told(self, now: datetime) -> None:
        told = self._refusals.take(now)
        try:
            self._tell((await self._incidents.count_told(told)).counted)
        except BaseException:
            # They may have been written after all: one count too many is better than one too few.
            self._refusals.put_back(told)
            raise

    async def _count_events(self) -> None:
        while True:
            began = self._clock.monotonic()
            page = await self._incidents.count_events()
            # On a rebuild, old failures must not appear as new ones in the metric.
            if page.place > self._last_event:
                self._last_event = page.place
                self._tell(page.counted)
            if page.read < self._incidents.page:
                return
            await asyncio.sleep(REST * (self._clock.monotonic() - began))

    async def _count_items(self) -> None:
        while (page := await self._incidents.count_quarantine()).read:
            if page.place > self._last_item:
                self._last_item = page.place
                self._tell(page.counted)

    def _tell(self, counted: Mapping[str, int]) -> None:
        for category, count in counted.items():
            self._metrics.occurrences(category).inc(count)

    def _failed(self) -> None:
        self._metrics.failures.inc()
        self._metrics.lag.set(self._clock.monotonic() - self._up_to_date)

"""Publishes facts in the background: what was decided is read from the store, so that it costs an
order nothing, and none is missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge

from actors.runtime.errors import JournalUnavailable, Retryable, Unknown
from actors.runtime.ports import Clock
from adapters.kit.events import CONTENT_TYPE, Events
from adapters.postgres.facts import FactReader, TellableEvent
from adapters.postgres.leases import JOBS
from service.app.common import Common
from service.facts.telling import (
    OF_PARCELS,
    TYPES,
    WITH_PARCELS,
    Fact,
    fact_of,
    fact_of_item,
)
from service.settings import Settings
from service.wiring.channels import takes_canonical
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 0.5
"""How long a fact waits at most while there is little to do."""

IN_FLIGHT = 64
"""Facts on their way to the stream at once: what keeps its disk busy."""


class FactMetrics:
    """Metrics of published facts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.published = Counter(
            "orderwright_facts_published_total",
            "Facts that were published for other services.",
            registry=registry,
        )
        self.lag = Gauge(
            "orderwright_facts_lag_seconds",
            "Age of the oldest event whose facts are not published yet.",
            registry=registry,
        )


def channels_told(settings: Settings) -> tuple[str, ...]:
    """Return the channels whose facts are published: those that say so, and without a word those
    that take our own contract, because their senders have no shop to look into."""
    return tuple(
        name
        for name, channel in sorted(settings.channels.items())
        if (takes_canonical(channel) if channel.facts is None else channel.facts)
    )


class Facts:
    """Publishes in rounds, in the order of commits. A fact that was published and not noted is
    published again under the same id. `may` returns whether this process does the jobs."""

    def __init__(
        self,
        reader: FactReader,
        events: Events,
        channels: Sequence[str],
        clock: Clock,
        metrics: FactMetrics,
        *,
        may: Callable[[], bool],
        own_url: str = "",
    ) -> None:
        self._own_url = own_url
        self._reader = reader
        self._events = events
        self._channels = tuple(channels)
        self._clock = clock
        self._metrics = metrics
        self._may = may
        self._up_to_date = clock.monotonic()

    async def begin(self) -> None:
        """Tell of what is decided from now on; call it before anything is. Raises
        JournalUnavailable."""
        if await self._reader.begin(self._channels):
            log.warning(
                "The database was restored from a dump: facts go on where it had stopped. What "
                "was told after the dump was made and is decided again comes under other ids."
            )

    async def use(self, channels: Sequence[str]) -> None:
        """Tell of these channels from now on. Raises JournalUnavailable; then nothing changes."""
        await self._reader.begin(channels)
        self._channels = tuple(channels)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            if not self._channels or not self._may():
                continue
            try:
                await self.round()
            except (JournalUnavailable, Retryable, Unknown) as error:
                log.info("Publishing facts waits: %s", error)
                waited = self._clock.monotonic() - self._up_to_date
                self._metrics.lag.set(waited)
            else:
                self._up_to_date = self._clock.monotonic()

    async def round(self) -> None:
        """Publish everything that is there now. Raises JournalUnavailable, and Retryable or Unknown
        when the stream does not take it."""
        while (items := await self._reader.untold(self._channels)) != []:
            await self._publish([fact_of_item(item, self._own_url) for item in items])
            await self._reader.told(items)
        while (page := await self._reader.next_page()) is not None:
            stored = await self._reader.page(
                page,
                self._channels,
                types=TYPES,
                with_parcels=WITH_PARCELS,
                of_parcels=OF_PARCELS,
            )
            facts = (self._readable(one) for one in stored)
            await self._publish([fact for fact in facts if fact is not None])
            await self._reader.advance(page.end)
            more = page.is_followed
            behind = (self._clock.now() - page.at).total_seconds()
            self._metrics.lag.set(max(0.0, behind) if more else 0.0)
            if not more:
                break

    async def _publish(self, facts: Sequence[Fact]) -> None:
        for start in range(0, len(facts), IN_FLIGHT):
            some = facts[start : start + IN_FLIGHT]
            await asyncio.gather(*[self._one(fact) for fact in some])
            self._metrics.published.inc(len(some))

    async def _one(self, fact: Fact) -> None:
        await self._events.publish(
            fact.subject, fact.body, message_id=fact.name, content_type=CONTENT_TYPE, trace=""
        )

    def _readable(self, stored: TellableEvent) -> Fact | None:
        try:
            return fact_of(stored, self._own_url)
        except msgspec.MsgspecError as error:  # written by a newer version: it is told there
            log.warning("An event of order %s can't be told: %s", stored.order_id, error)
            return None


def facts_of(common: Common, store: Store, events: Events, own_url: str) -> Facts:
    """Build what publishes facts; `own_url` is where others reach us."""
    return Facts(
        FactReader(store.reports),
        events,
        channels_told(common.settings),
        common.clock,
        FactMetrics(common.metrics.registry),
        may=lambda: store.leases.surely_holds(JOBS),
        own_url=own_url,
    )

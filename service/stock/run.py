"""Follows orders' events for the stock in the background, and tries again what waits for stock when
some has arrived."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter

from actors.runtime.alarm import Alarm
from adapters.postgres.leases import JOBS
from adapters.postgres.stock_follow import PAGE, StockFollower
from service.app.clock import SystemClock
from service.app.rounds import in_rounds
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
"""How long arrived stock waits at most before it is tried, and goods that left before their balance
says so."""

REST = 4
"""After a full page it rests this many times as long as the page took: catching up with a long
history uses at most a fifth of a core."""


class StockMetrics:
    """Metrics of stock."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.woken = Counter(
            "orderwright_backorders_tried_total",
            "Fulfilments that waited for stock and were tried when some arrived.",
            registry=registry,
        )
        self.failures = Counter(
            "orderwright_stock_following_failures_total",
            "Rounds of following orders' events for the stock that failed.",
            registry=registry,
        )


class StockWork:
    """Works in rounds. `may` returns whether this process does the jobs."""

    def __init__(
        self,
        follower: StockFollower,
        clock: SystemClock,
        alarm: Alarm,
        metrics: StockMetrics,
        *,
        may: Callable[[], bool],
    ) -> None:
        self._follower = follower
        self._clock = clock
        self._alarm = alarm
        self._metrics = metrics
        self._may = may
        self._has_begun = False

    async def run(self) -> None:
        """Work until cancelled."""
        await in_rounds(
            self.round,
            every_seconds=PERIOD_SECONDS,
            may=self._may,
            log=log,
            what="Following the stock",
            failed=self._metrics.failures.inc,
        )

    async def round(self) -> None:
        """Follow everything that is there now. Raises JournalUnavailable."""
        if not self._has_begun:
            await self._follower.begin()
            self._has_begun = True
        while True:
            began = self._clock.monotonic()
            if await self._follower.follow() < PAGE:
                break
            await asyncio.sleep(REST * (self._clock.monotonic() - began))
        now = self._clock.now()
        woken = await self._follower.wake(now)
        if woken:
            self._metrics.woken.inc(woken)
            self._alarm.timer_set(now)


def stock_work(
    store: Store, clock: SystemClock, alarm: Alarm, registry: CollectorRegistry
) -> StockWork:
    """Return the work of a running service."""
    return StockWork(
        StockFollower(store.pool),
        clock,
        alarm,
        StockMetrics(registry),
        may=lambda: store.leases.surely_holds(JOBS),
    )

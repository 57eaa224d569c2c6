"""Keeps the review queue as the orders' holds are, and escalates what is overdue, while this
process holds the lease on the jobs. It compares orders by their versions, so that nothing is lost
by a restart, and what is compared twice changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge

from actors.runtime.ports import Clock
from adapters.postgres.leases import JOBS
from adapters.postgres.reviews import Reviews
from adapters.postgres.views import Views
from schemas.contracts.service_incidents import REVIEW_OVERDUE
from service.app.common import Common
from service.app.rounds import in_rounds
from service.reviews.service import reviewed
from service.settings.reviews import Reviews as Policy
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0
PAGE = 200
"""Orders compared in a round."""

COUNT_SECONDS = 600.0
"""What is overdue is counted so often, so that its incident stays open."""

CARRIED_OUT_SECONDS = 120.0
"""A decision that the order has not carried out by then is to be taken again."""

KEPT_DAYS = 90


class ReviewMetrics:
    """Metrics of reviews."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.overdue = Gauge(
            "orderwright_reviews_overdue", "Reviews past their due time.", registry=registry
        )


class ReviewWork:
    """Works in rounds. `may` returns whether this process does the jobs; `count` counts an
    incident, by category and channel."""

    def __init__(
        self,
        reviews: Reviews,
        views: Views,
        clock: Clock,
        metrics: ReviewMetrics,
        policy: Policy,
        *,
        may: Callable[[], bool],
        count: Callable[[str, str], None],
    ) -> None:
        self._reviews = reviews
        self._views = views
        self._clock = clock
        self._metrics = metrics
        self._may = may
        self._count = count
        self._counted: dict[str, float] = {}
        self._pruned = float("-inf")
        self.policy = policy

    async def run(self) -> None:
        """Work until cancelled."""
        what = "Keeping the review queue"
        await in_rounds(self.round, every_seconds=PERIOD_SECONDS, may=self._may, log=log, what=what)

    async def round(self) -> None:
        """Compare what has changed, and escalate what is overdue. Raises JournalUnavailable."""
        now, due = self._clock.now(), timedelta(hours=self.policy.due_hours)
        for order_id in await self._reviews.changed(PAGE):
            view = await self._views.show(order_id)
            if view is not None:
                holds = reviewed(view) if view.row.attention else ()
                await self._reviews.follow(view.row, holds, now, due)
        await self._reviews.give_back(now - timedelta(seconds=CARRIED_OUT_SECONDS), now)
        late = await self._reviews.overdue(now)
        self._metrics.overdue.set(sum(late.values()))
        passed = self._clock.monotonic()
        self._counted = {name: at for name, at in self._counted.items() if name in late}
        for channel in late:
            if passed - self._counted.get(channel, float("-inf")) >= COUNT_SECONDS:
                self._counted[channel] = passed
                self._count(REVIEW_OVERDUE, channel)
        if passed - self._pruned >= COUNT_SECONDS:
            self._pruned = passed
            await self._reviews.prune(now - timedelta(days=KEPT_DAYS))


def review_work(common: Common, store: Store) -> ReviewWork:
    """Return the work of a running service."""
    return ReviewWork(
        Reviews(store.reports),
        store.views,
        common.clock,
        ReviewMetrics(common.metrics.registry),
        common.settings.reviews,
        may=lambda: store.leases.surely_holds(JOBS),
        count=common.refusals.count,
    )

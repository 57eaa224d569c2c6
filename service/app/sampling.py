"""Gauges that are sampled periodically."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from actors.runtime.errors import JournalUnavailable
from service.telemetry.metrics import BREAKER_STATES
from service.wiring import root as wiring
from service.wiring.quarantine import QuarantineWorkflow

if TYPE_CHECKING:
    from service.app.process import Service

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0

QUARANTINE_ROUNDS = 3
"""Rounds between two counts of the quarantine: a hundred thousand items cost tens of milliseconds,
and people need the number within minutes."""


async def sample_gauges(service: Service, wire: wiring.Wire) -> None:
    """Sample lag, outbox and live orders every five seconds, until cancelled."""
    metrics = service.metrics
    reasons: set[str] = set()
    rounds = 0
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        rounds += 1
        metrics.live_orders.set(service.registry.live)
        metrics.oldest_unacknowledged("intake").set(service.intake.oldest_seconds)
        try:
            backlog = await wire.messages.backlog()
            metrics.consumer_lag("intake").set(backlog.waiting)
            assert service.store is not None
            counts = await service.store.outbox.effect_counts()
            if rounds % QUARANTINE_ROUNDS == 1:
                await _count_quarantine(service, service.store, reasons)
            metrics.timers_overdue.set(await service.store.timers.overdue(service.clock.now()))
            waiting, oldest = await service.store.views.attention(service.clock.now())
            metrics.attention_orders.set(waiting)
            metrics.attention_oldest.set(oldest)
        except (wiring.NatsUnusable, JournalUnavailable) as error:
            log.info("Gauges are not sampled while a server is unavailable: %s", error)
            continue
        for name, lane in service.dispatcher.lanes.items():
            count, oldest = counts.get(name, (0, 0.0))
            metrics.outbox_open(name).set(count)
            metrics.outbox_oldest(name).set(oldest)
            metrics.breaker(name).set(BREAKER_STATES[lane.breaker.state])


async def _count_quarantine(service: Service, store: wiring.Store, reasons: set[str]) -> None:
    """Set the open items by reason; a reason seen before that has no open item shows 0."""
    found = await QuarantineWorkflow(store.reports, store.sealing).open_reasons()
    reasons.update(found)
    for reason in reasons:
        service.metrics.quarantine_open(reason).set(found.get(reason, 0))

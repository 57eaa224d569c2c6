"""Gauges that are sampled periodically."""

from __future__ import annotations

import asyncio
import logging

from actors.runtime.errors import JournalUnavailable
from actors.runtime.lanes import Lanes
from actors.runtime.registry import Registry
from adapters.nats.connection import NatsUnusable
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from service.app.common import Common
from service.inbound.intake import Intake
from service.telemetry.metrics import BREAKER_STATES, Metrics
from service.wiring.store import Store
from service.wiring.wire import Wire

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0

QUARANTINE_ROUNDS = 3
"""Rounds between two counts of the quarantine: a hundred thousand items cost tens of milliseconds,
and people need the number within minutes."""


async def sample_gauges(
    common: Common, wire: Wire, store: Store, *, registry: Registry, intake: Intake, lanes: Lanes
) -> None:
    """Sample lag, outbox and live orders every five seconds, until cancelled."""
    metrics, clock = common.metrics, common.clock
    reasons: set[str] = set()
    rounds = 0
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        rounds += 1
        metrics.live_orders.set(registry.live)
        metrics.oldest_unacknowledged("intake").set(intake.oldest_seconds)
        try:
            backlog = await wire.messages.backlog()
            metrics.consumer_lag("intake").set(backlog.waiting)
            held = sorted(store.leases.epochs)
            counts = await store.outbox.effect_counts(held)
            if rounds % QUARANTINE_ROUNDS == 1:
                await _count_quarantine(metrics, store, reasons)
            metrics.timers_overdue.set(await store.timers.overdue(clock.now(), held))
            waiting, oldest = await store.views.attention(clock.now())
            metrics.attention_orders.set(waiting)
            metrics.attention_oldest.set(oldest)
        except (NatsUnusable, JournalUnavailable) as error:
            log.info("Gauges are not sampled while a server is unavailable: %s", error)
            continue
        for lane in lanes:
            name = lane.name
            count, oldest = counts.get(name, (0, 0.0))
            metrics.outbox_open(name).set(count)
            metrics.outbox_oldest(name).set(oldest)
            metrics.breaker(name).set(BREAKER_STATES[lane.breaker_state])


async def _count_quarantine(metrics: Metrics, store: Store, reasons: set[str]) -> None:
    """Set the open items by reason; a reason seen before that has no open item shows 0."""
    found = await QuarantineWorkflow(store.reports, store.sealing).open_reasons()
    reasons.update(found)
    for reason in reasons:
        metrics.quarantine_open(reason).set(found.get(reason, 0))

"""All Prometheus metrics, created once per registry. No label ever holds an order's id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest

from service.telemetry.histogram import Histogram

__all__ = ["BREAKER_STATES", "CONTENT_TYPE", "Family", "Metrics", "probe_loop"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0

MAX_SERIES = 2_000
"""Series of one metric; further ones are counted under `other`, so that memory stays bounded."""

BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}

FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Buckets, in seconds, for work inside the process and for calls; 0.3 s and 5 s are near the SLO
thresholds."""

WEBHOOK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0)
"""Buckets, in seconds, for a webhook's answer; one boundary is the SLO's 300 ms."""

LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 259_200.0, 864_000.0)
"""Buckets, in seconds, for an order's time in a stage: from one second to ten days."""

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Family(Generic[Metric]):
    """A labelled metric that caches its children: a look-up costs a tuple and a dict access."""

    __slots__ = ("_children", "_metric", "_other")

    def __init__(self, metric: Metric, labels: int) -> None:
        self._metric: Metric = metric
        self._children: dict[tuple[str, ...], Metric] = {}
        self._other = ("other",) * labels

    def __call__(self, *values: str) -> Metric:
        """Return the child with these label values, in the order of the labels."""
        child = self._children.get(values)
        if child is None:
            if len(self._children) >= MAX_SERIES:
                values = self._other
            child = self._children[values] = self._metric.labels(*values)
        return child


class Metrics:
    """All metrics of one process. Use unlabelled ones directly (`metrics.conflicts.inc()`) and call
    labelled ones first (`metrics.steps("decide", "ok").observe(seconds)`)."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry = registry or CollectorRegistry()

        def counter(name: str, told: str, *labels: str) -> Family[Counter]:
            made = Counter(f"orderwright_{name}", told, labels, registry=registry)
            return Family(made, len(labels))

        def gauge(name: str, told: str, *labels: str) -> Family[Gauge]:
            made = Gauge(f"orderwright_{name}", told, labels, registry=registry)
            return Family(made, len(labels))

        def histogram(
            name: str, told: str, buckets: tuple[float, ...], *labels: str
        ) -> Family[Histogram]:
            made = Histogram(
                f"orderwright_{name}", told, labels, buckets=buckets, registry=registry
            )
            return Family(made, len(labels))

        self.consumer_lag = gauge(
            "consumer_lag_messages",
            "Messages in the stream that were not delivered yet.",
            "consumer",
        )
        self.oldest_unacknowledged = gauge(
            "oldest_unacknowledged_seconds", "Age of the oldest message in flight.", "consumer"
        )
        self.steps = histogram(
            "step_seconds", "Time of one processing step, by outcome.", FAST, "step", "outcome"
        )
        self.outbox_open = gauge("outbox_open_effects", "Effects that have not ended.", "partner")
        self.outbox_oldest = gauge(
            "outbox_oldest_seconds", "Age of the oldest effect that has not ended.", "partner"
        )
        self.breaker = gauge(
            "breaker_state", "0 closed, 1 half open (one probe), 2 open.", "partner"
        )
        self.webhook_answers = counter(
            "webhook_answers_total", "Answers to webhooks.", "source", "status"
        )
        self.webhook_notes = counter(
            "webhook_notes_total",
            "Oddities of authentic webhooks, such as a version drift.",
            "source",
        )
        self.webhook_seconds = histogram(
            "webhook_seconds", "Time to answer a webhook.", WEBHOOK, "source"
        )
        self.orders = counter(
            "orders_total", "What became of orders: see docs/observability.md.", "outcome"
        )
        self.progress_seconds = histogram(
            "progress_seconds", "Time until an order went on, by its progress.", LONG, "progress"
        )
        self.quarantined = counter(
            "quarantined_total", "Messages that were put into quarantine.", "reason"
        )
        self.quarantine_open = gauge(
            "quarantine_open_items", "Messages in quarantine that wait for a person.", "reason"
        )
        self.partner_calls = counter(
            "partner_calls_total", "Calls to partners.", "partner", "operation", "outcome"
        )
        self.partner_seconds = histogram(
            "partner_call_seconds", "Time until a partner answered.", FAST, "partner", "operation"
        )
        self._plain(registry)
        ProcessCollector(registry=registry)

    def _plain(self, registry: CollectorRegistry) -> None:
        def name(end: str) -> str:
            return f"orderwright_{end}"

        def plain(end: str, told: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name(end), told, buckets=buckets, registry=registry)

        self.redeliveries = Counter(
            name("redeliveries_total"), "Messages delivered more than once.", registry=registry
        )
        self.duplicates = Counter(
            name("duplicates_total"), "Inputs that were already known.", registry=registry
        )
        self.conflicts = Counter(
            name("conflicts_total"),
            "Appends that lost a race to another writer.",
            registry=registry,
        )
        self.mailbox_wait = plain(
            "mailbox_wait_seconds", "Time an input waited for its order's actor.", FAST
        )
        self.journal_batch = plain("journal_batch_orders", "Orders in one commit.", SIZES)
        self.journal_commit = plain("journal_commit_seconds", "Time of one commit.", FAST)
        self.loop_lag = plain("loop_lag_seconds", "How late the event loop woke a task.", FAST)
        self.live_orders = Gauge(
            name("live_orders"), "Orders that have a running actor.", registry=registry
        )
        self.attention_orders = Gauge(
            name("attention_orders"), "Orders that need a person.", registry=registry
        )
        self.attention_oldest = Gauge(
            name("attention_oldest_seconds"),
            "Age of the oldest order that needs a person.",
            registry=registry,
        )
        self.timers_overdue = Gauge(
            name("timers_overdue"), "Timers that are due and have not fired.", registry=registry
        )

    def render(self) -> bytes:
        """Return the metrics page for Prometheus; its type is CONTENT_TYPE."""
        return generate_latest(self.registry)


async def probe_loop(
    metrics: Metrics, monotonic: Callable[[], float], *, period_seconds: float = 0.25
) -> None:
    """Measure the event loop's lag until cancelled; run it as a task."""
    while True:
        asked = monotonic() + period_seconds
        await asyncio.sleep(period_seconds)
        metrics.loop_lag.observe(max(0.0, monotonic() - asked))

"""Turns the reports of runtime and intake into metrics and traces."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache

from actors.runtime.mailbox import DUPLICATE
from actors.runtime.observer import Trace
from actors.runtime.ports import Message
from schemas.messages import events as e
from schemas.messages.events import OrderEvent
from service.app.clock import SystemClock
from service.settings.model import Telemetry
from service.telemetry.logs import label
from service.telemetry.metrics import BREAKER_STATES, Metrics
from service.telemetry.tracing import SpanKind, Tracer, start_tracing

log = logging.getLogger(__name__)

OUTCOMES: dict[type[e.Event], str] = {
    e.Placed: "placed",
    e.Closed: "closed",
    e.Cancelled: "cancelled",
    e.Duplicate: "duplicate",
    e.Changed: "changed",
    e.Reopened: "reopened",
    e.HandedOver: "shipped",
    e.GivenToPerson: "given_to_person",
    e.TaskOpened: "left_to_person",
    e.Overdue: "overdue",
}
"""Events that `orderwright_orders_total` counts, by outcome; `shipped` counts fulfilments."""


class Observing:
    """Implements actors.runtime.observer.Observer and the intake's watch over Metrics and
    Tracer."""

    def __init__(self, metrics: Metrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    def begin_message(self, message: Message, correlation_id: str) -> Trace:
        """Begin the trace of one message, linked to the message that caused it."""
        if message.deliveries > 1:
            self._metrics.redeliveries.inc()
        name = f"process orders.in.{message.channel}.{message.kind}"
        return self._tracer.begin(
            name,
            SpanKind.CONSUMER,
            caused_by=message.headers.get("traceparent", ""),
            correlation_id=correlation_id,
        )

    def quarantined(self, reason: str) -> None:
        """Count a quarantined message by reason."""
        self._metrics.quarantined(reason).inc()

    def taken(self, message: Message, outcome: str) -> None:
        """Count duplicates."""
        if outcome == DUPLICATE:
            self._metrics.duplicates.inc()

    def begin_call(self, name: str, parent: str, reference: str) -> Trace:
        """Begin the trace of a call: `carrier.buy_label.v2` is named `carrier buy_label`."""
        trace = self._tracer.begin(
            _span_name(name),
            SpanKind.CLIENT,
            caused_by=parent,
            correlation_id=reference,
        )
        # Each call has its own task: everything it logs is about this order.
        label(trace)
        return trace

    def mailbox_wait(self, seconds: float) -> None:
        """Observe it."""
        self._metrics.mailbox_wait.observe(seconds)

    def step(self, name: str, outcome: str, seconds: float) -> None:
        """Observe a step by outcome, and count lost races."""
        if outcome == "conflict":
            self._metrics.conflicts.inc()
        self._metrics.steps(name, outcome).observe(seconds)

    def progressed(self, progress: str, seconds: float) -> None:
        """Observe it."""
        self._metrics.progress_seconds(progress).observe(seconds)

    def committed(self, orders: int, seconds: float) -> None:
        """Observe one journal commit."""
        self._metrics.journal_batch.observe(orders)
        self._metrics.journal_commit.observe(seconds)

    def events(self, events: Sequence[OrderEvent]) -> None:
        """Count the business outcomes."""
        for event in events:
            outcome = OUTCOMES.get(type(event))
            if outcome is not None:
                self._metrics.orders(outcome).inc()

    def called(self, lane: str, operation: str, outcome: str, seconds: float) -> None:
        """Count and time a call to a partner; log those that may need a person."""
        if outcome in {"refused", "person"}:
            told = {"partner": lane, "operation": operation, "outcome": outcome}
            log.warning("A call to a partner failed; the order's timeline says why.", extra=told)
        self._metrics.partner_calls(lane, operation, outcome).inc()
        self._metrics.partner_seconds(lane, operation).observe(seconds)

    def breaker(self, lane: str, state: str) -> None:
        """Set the gauge of the breaker's state."""
        self._metrics.breaker(lane).set(BREAKER_STATES[state])


# As many as there are effects and their versions.
@lru_cache(maxsize=256)
def _span_name(operation: str) -> str:
    role, _, rest = operation.partition(".")
    return f"{role} {rest.rpartition('.')[0] or rest}"


def tracer_of(telemetry: Telemetry, clock: SystemClock) -> Tracer:
    """Start tracing as it is configured."""
    return start_tracing(
        clock,
        sample_ratio=telemetry.sample_ratio,
        slow_seconds=telemetry.slow_seconds,
        sampler=telemetry.sampler,
        endpoint=telemetry.otlp_endpoint,
        traces_endpoint=telemetry.otlp_traces_endpoint,
        service_name=telemetry.service_name,
        disabled=telemetry.disabled,
    )

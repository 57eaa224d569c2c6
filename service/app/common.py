"""What all parts of the process share."""

from __future__ import annotations

from msgspec import Struct

from service.app.clock import SystemClock
from service.app.health import Readiness
from service.app.projections import Refusals
from service.app.worker import Worker
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Tracer


class Common(Struct, frozen=True, kw_only=True):
    """Made once, when the process begins. `refusals` counts what the edge refuses; `worker` is None
    for the only process of this machine."""

    settings: Settings
    clock: SystemClock
    metrics: Metrics
    tracer: Tracer
    readiness: Readiness
    refusals: Refusals
    worker: Worker | None = None

    @property
    def has_orders(self) -> bool:
        """Whether orders are worked on here: not in the process that only takes requests."""
        return self.worker is None or not self.worker.assigned.is_front

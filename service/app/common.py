"""What all parts of the process share."""

from __future__ import annotations

from msgspec import Struct

from service.app.clock import SystemClock
from service.app.health import Readiness
from service.app.projections import Refusals
from service.settings import Settings
from service.telemetry.metrics import Metrics
from service.telemetry.tracing import Tracer


class Common(Struct, frozen=True, kw_only=True):
    """Made once, when the process begins. `refusals` counts what the edge refuses."""

    settings: Settings
    clock: SystemClock
    metrics: Metrics
    tracer: Tracer
    readiness: Readiness
    refusals: Refusals

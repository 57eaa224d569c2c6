"""What counts incidents in the background."""

from __future__ import annotations

from adapters.postgres.incidents import Incidents
from adapters.postgres.leases import JOBS
from service.app.common import Common
from service.app.projections import IncidentMetrics, Projection
from service.wiring.store import Store


def projection_of(store: Store, common: Common) -> Projection:
    """Return the projection of this process; it counts while it holds the lease on the jobs."""
    return Projection(
        Incidents(store.pool, quiet_seconds=common.settings.limits.incident_quiet_seconds),
        common.refusals,
        IncidentMetrics(common.metrics.registry),
        common.clock,
        may=lambda: store.leases.surely_holds(JOBS),
    )

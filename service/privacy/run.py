"""Runs what concerns personal data inside the running service: requests, retention, new keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from adapters.postgres.erasing import Erasing
from adapters.postgres.leases import JOBS
from adapters.postgres.privacy import PrivacyRequests
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from service.privacy.metrics import PrivacyMetrics
from service.privacy.requests import Privacy
from service.privacy.retention import Retention, Rewrapping
from service.wiring.store import Store

if TYPE_CHECKING:
    from service.app.process import Service


class PrivacyWork(Struct, frozen=True, kw_only=True):
    """What carries requests out, and what is done without being asked; each has a `run` for the
    background."""

    requests: Privacy
    retention: Retention
    rewrapping: Rewrapping


def privacy_of(service: Service, store: Store) -> PrivacyWork:
    """Make all of it. Its metrics are in the service's registry."""
    metrics, clock = PrivacyMetrics(service.metrics.registry), service.clock
    erasing, forget = Erasing(store.reports), service.registry.forget

    def may() -> bool:
        return store.leases.surely_holds(JOBS)

    days = {
        name: channel.personal_data_days
        for name, channel in service.settings.channels.items()
        if channel.personal_data_days
    }
    requests = Privacy(
        PrivacyRequests(store.reports, store.sealing),
        erasing,
        QuarantineWorkflow(store.reports, store.sealing),
        clock,
        metrics,
        may=may,
        forget=forget,
        refused=service.refusals.count,
    )
    return PrivacyWork(
        requests=requests,
        retention=Retention(erasing, days, clock, metrics, may=may, forget=forget),
        rewrapping=Rewrapping(store.reports, store.sealing, clock, metrics, may=may),
    )

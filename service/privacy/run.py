"""Runs the privacy work inside the service: requests, retention, rewrapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from service.privacy.metrics import PrivacyMetrics
from service.privacy.requests import Privacy
from service.privacy.retention import Retention, Rewrapping
from service.wiring import root as wiring
from service.wiring.privacy import Erasing, PrivacyRequests, QuarantineWorkflow

if TYPE_CHECKING:
    from service.app.process import Service


class PrivacyWork(Struct, frozen=True, kw_only=True):
    """The background tasks: requests, retention and rewrapping; each has a `run`."""

    requests: Privacy
    retention: Retention
    rewrapping: Rewrapping


def privacy_of(service: Service, store: wiring.Store) -> PrivacyWork:
    """Build all of it, with metrics in the service's registry."""
    metrics, clock = PrivacyMetrics(service.metrics.registry), service.clock
    erasing, forget = Erasing(store.reports), service.registry.forget

    def may() -> bool:
        return store.leases.sure

    days = {
        name: channel.keeps_personal_data_days
        for name, channel in service.settings.channels.items()
        if channel.keeps_personal_data_days
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

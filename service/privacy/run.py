"""Runs the privacy work inside the service: requests, retention, rewrapping."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from msgspec import Struct

from adapters.postgres.erasing import Erasing
from adapters.postgres.leases import JOBS
from adapters.postgres.privacy import PrivacyRequests
from adapters.postgres.quarantine_workflow import QuarantineWorkflow
from service.app.clock import SystemClock
from service.privacy.metrics import PrivacyMetrics
from service.privacy.requests import Privacy
from service.privacy.retention import Retention, Rewrapping
from service.settings import Settings
from service.wiring.store import Store


class PrivacyWork(Struct, frozen=True, kw_only=True):
    """The background tasks: requests, retention and rewrapping; each has a `run`."""

    requests: Privacy
    retention: Retention
    rewrapping: Rewrapping

    def use(self, settings: Settings) -> None:
        """Keep to these settings from now on."""
        self.requests.use(grace=_grace(settings))
        self.retention.use(_days(settings), _shipped(settings))


def _grace(settings: Settings) -> timedelta:
    return timedelta(hours=settings.limits.erase_grace_hours)


def _days(settings: Settings) -> dict[str, int]:
    return {
        name: channel.personal_data_days
        for name, channel in settings.channels.items()
        if channel.personal_data_days
    }


def _shipped(settings: Settings) -> list[str]:
    return [
        name for name in _days(settings) if settings.channels[name].personal_data_from == "shipped"
    ]


def privacy_of(
    settings: Settings,
    clock: SystemClock,
    store: Store,
    metrics: PrivacyMetrics,
    *,
    forget: Callable[[Iterable[str]], None],
    refused: Callable[[str, str], None],
) -> PrivacyWork:
    """Build all of it. `forget` evicts an order from memory; `refused` counts an occurrence of an
    incident, by category and channel."""
    erasing = Erasing(store.reports)

    def may() -> bool:
        return store.leases.surely_holds(JOBS)

    requests = Privacy(
        PrivacyRequests(store.reports, store.sealing),
        erasing,
        QuarantineWorkflow(store.reports, store.sealing),
        clock,
        metrics,
        grace=_grace(settings),
        may=may,
        forget=forget,
        refused=refused,
    )
    return PrivacyWork(
        requests=requests,
        retention=Retention(
            erasing,
            _days(settings),
            clock,
            metrics,
            may=may,
            forget=forget,
            shipped=_shipped(settings),
        ),
        rewrapping=Rewrapping(store.reports, store.sealing, clock, metrics, may=may),
    )

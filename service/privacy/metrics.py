"""Metrics of erasures and of the keys of sealed data."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.telemetry.metrics import Family


class PrivacyMetrics:
    """The label of `orders` says what erased them: a `request`, or the channel's `retention`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge(
            "orderwright_privacy_requests_open",
            "Requests about customers' data that are not done.",
            registry=registry,
        )
        self.late = Gauge(
            "orderwright_privacy_requests_late",
            "Open requests that are due within a week.",
            registry=registry,
        )
        self.orders = Family(
            Counter(
                "orderwright_privacy_erased_orders_total",
                "Orders whose personal data was erased.",
                ["why"],
                registry=registry,
            ),
            1,
        )
        self.messages = Counter(
            "orderwright_privacy_erased_messages_total",
            "Messages in quarantine that were erased for a request.",
            registry=registry,
        )
        self.failures = Counter(
            "orderwright_privacy_failures_total",
            "Rounds of erasing or rewrapping that failed.",
            registry=registry,
        )
        self.rewrapped = Counter(
            "orderwright_privacy_rewrapped_keys_total",
            "Keys that were rewrapped with the active master key.",
            registry=registry,
        )

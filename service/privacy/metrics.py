"""The metrics of erasing and of the keys of sealed data, in a registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from service.telemetry.metrics import Family


class PrivacyMetrics:
    """`orders` has a label: whether a `request` or the `retention` of the channel erased them."""

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
            "Rounds of erasing or of wrapping keys again that failed.",
            registry=registry,
        )
        self.rewrapped = Counter(
            "orderwright_privacy_rewrapped_keys_total",
            "Keys that were wrapped again by the active master key.",
            registry=registry,
        )

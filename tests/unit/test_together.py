"""Metrics of several workers on one page."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.app.together import merged


def page_of(orders: int, *, channel: str = "a b{c}") -> bytes:
    """A page as one worker writes it."""
    registry = CollectorRegistry()
    counter = Counter("orders", "How many {orders}.", ["channel"], registry=registry)
    counter.labels(channel).inc(orders)
    seconds = Histogram("took_seconds", "How long.", buckets=(1.0,), registry=registry)
    seconds.observe(0.5)
    return generate_latest(registry)


def test_each_sample_has_its_worker() -> None:
    """A reader of the format finds each worker's value under its number, labels with spaces and
    braces unharmed, and each family once."""
    page = merged({0: page_of(3), 1: page_of(5)}, 3).decode()
    families = list(text_string_to_metric_families(page))
    assert len({family.name for family in families}) == len(families)
    found = {
        (sample.labels["worker"], sample.labels["channel"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "orders_total"
    }
    assert found == {("0", "a b{c}"): 3.0, ("1", "a b{c}"): 5.0}
    (orders,) = [family for family in families if family.name == "orders"]
    assert (orders.type, orders.documentation) == ("counter", "How many {orders}.")


def test_a_worker_that_does_not_answer_shows() -> None:
    """Its number is there, with 0."""
    page = merged({0: page_of(1), 2: page_of(1)}, 3).decode()
    up = {
        sample.labels["worker"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "orderwright_worker_up"
    }
    assert up == {"0": 1.0, "1": 0.0, "2": 1.0}


def test_a_family_of_one_worker_alone_is_told() -> None:
    """What another worker has not seen yet has its help and type all the same."""
    registry = CollectorRegistry()
    Counter("rare", "Seldom.", registry=registry).inc()
    page = merged({0: page_of(1), 1: generate_latest(registry)}, 2).decode()
    (rare,) = [f for f in text_string_to_metric_families(page) if f.name == "rare"]
    assert rare.documentation == "Seldom."
    assert {sample.labels["worker"] for sample in rare.samples} == {"1"}

"""A histogram that costs a quarter of prometheus_client's: one order is observed forty times.

Only the event loop's thread observes, so nothing is locked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Histogram(Collector):
    """How many values were in each bucket, and their sum. With labels it has a child for each set
    of their values, made when it is asked for first; only the children observe."""

    def __init__(
        self,
        name: str,
        told: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry | None,
    ) -> None:
        """`buckets` are the upper bounds, ascending, without infinity."""
        self._name, self._told = name, told
        self._labels, self._bounds = tuple(labels), tuple(buckets)
        self._counts = [0] * (len(buckets) + 1)
        self._sum = 0.0
        self._children: dict[tuple[str, ...], Histogram] = {} if labels else {(): self}
        if registry is not None:
            registry.register(self)

    def labels(self, *values: str) -> Histogram:
        """Return the histogram with these label values, in the order of the labels."""
        child = self._children.get(values)
        if child is None:
            if len(values) != len(self._labels):
                raise ValueError(f"{self._name} has the labels {self._labels}, not {values}.")
            child = Histogram(self._name, self._told, buckets=self._bounds, registry=None)
            self._children[values] = child
        return child

    def observe(self, value: float) -> None:
        """Count a value in the first bucket whose upper bound is not below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def describe(self) -> Iterable[Metric]:
        """Return the metric without values, so that a name is registered once."""
        return [HistogramMetricFamily(self._name, self._told, labels=self._labels)]

    def collect(self) -> Iterator[Metric]:
        """Yield the metric with the values so far."""
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        names = (*map(str, map(float, self._bounds)), "+Inf")
        for values, child in self._children.items():
            counts = map(float, accumulate(child._counts))
            family.add_metric(values, list(zip(names, counts, strict=True)), child._sum)
        yield family

"""How long orders took, in hours: until their goods left, and until they were there. Pure.

What waited for stock says nothing about what is in stock, and what was to be sent later nothing
about either, so neither counts as handling.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, field

from adapters.postgres.availability import Way
from schemas.messages import events as e

LEAST = 20
"""Parcels that a statement is made of; of fewer it would be an accident."""
LOW, HIGH = 0.1, 0.9
"""The quantiles that are stated: nine of ten parcels take no longer."""
HOURS = 24.0


class Days(Struct, frozen=True):
    """Whole days, from and to."""

    low: int
    high: int


class Measured(Struct):
    """Hours that parcels took: `handling` from the order to the hand-over, `transit` from there to
    the customer, by country."""

    handling: list[float] = field(default_factory=list)
    transit: dict[str, list[float]] = field(default_factory=dict)

    def add(self, ways: Iterable[Way]) -> None:
        """Count what happened to orders."""
        for way in ways:
            self._add(way)

    def _add(self, way: Way) -> None:
        country, is_later = "", False
        waited: set[str] = set()
        left: dict[str, datetime] = {}
        for step in way.steps:
            match step.event:
                case e.Placed(country=to) | e.Changed(country=to):
                    country = to
                case e.UnitsScheduled():
                    is_later = True
                case e.FulfilmentBackordered(key=key) | e.Backordered(key=key):
                    waited.add(key)
                case e.HandedOver() | e.PartHandedOver() as event:
                    at = _moment(event.scanned_at, step.at)
                    left.update(dict.fromkeys((x for x in event.left if x not in left), at))
                    if not is_later and event.key not in waited:
                        self.handling += [_hours(way.placed_at, at)] * len(event.left)
                case e.Delivered(key=key, delivered_at=told) if key in left and country:
                    there = _moment(told, step.at)
                    self.transit.setdefault(country, []).append(_hours(left[key], there))


def days_of(hours: Sequence[float]) -> Days | None:
    """Return how many days most of them took, None where too few were measured."""
    if len(hours) < LEAST:
        return None
    ranked = sorted(hours)
    low, high = (ranked[max(0, math.ceil(x * len(ranked)) - 1)] for x in (LOW, HIGH))
    return Days(math.floor(low / HOURS), math.ceil(high / HOURS))


def _hours(since: datetime, until: datetime) -> float:
    """A carrier's clock may be wrong: nothing takes less than no time."""
    return max(0.0, (until - since).total_seconds() / 3_600)


def _moment(told: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return otherwise
    return otherwise if found.tzinfo is None else found

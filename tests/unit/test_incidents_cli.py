"""What `orderwright incidents show` draws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.postgres.incident_views import Hour
from service.incidents.cli import SHOWN_HOURS, by_hour

NOW = datetime(2026, 11, 27, 12, 40, tzinfo=UTC)


def test_hours_without_any_are_drawn_as_such() -> None:
    """Two failures two days apart stand two days apart: no one takes them for a rush."""
    this = datetime(2026, 11, 27, 12, tzinfo=UTC)
    long_ago, first, last = (this - timedelta(hours=back) for back in (48, 47, 1))
    counts = by_hour((Hour(long_ago, 9), Hour(first, 3), Hour(last, 5), Hour(this, 2)), NOW)
    assert len(counts) == SHOWN_HOURS
    assert {place: count for place, count in enumerate(counts) if count} == {0: 3, 46: 5, 47: 2}

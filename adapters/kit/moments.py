"""A partner's time as our inputs state it."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(value: object) -> str | None:
    """Return an ISO 8601 time with an offset as RFC 3339 in UTC; None for anything else."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        if found is None or found.tzinfo is None:
            return None
        return found.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except (ValueError, OverflowError):
        return None

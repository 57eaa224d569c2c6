"""The only place that asks what time it is or makes a fresh id; all else gets both as arguments."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clock; satisfies `actors.runtime.ports.Clock`."""

    def now(self) -> datetime:
        """Return the wall clock in UTC. It may jump: order by version, never by this."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards; only differences mean anything."""
        return time.monotonic()

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970, as trace exporters want them."""
        return time.time_ns()


def new_id() -> str:
    """Return 32 hex digits (128 random bits) that no one can guess."""
    return secrets.token_hex(16)

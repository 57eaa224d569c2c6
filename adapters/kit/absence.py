"""Believing a partner that shows nothing: only when it has shown nothing for long enough.

A carrier takes a while to show what it has just sold, so one empty search proves nothing.
"""

from __future__ import annotations

from collections import OrderedDict

from actors.runtime.errors import Retryable
from actors.runtime.ports import Clock

MAX_DOUBTS = 10_000
"""What was not found, but not yet for long enough; a forgotten doubt only begins again."""


class Absence:
    """What was not found at one partner, and since when. `lag_seconds` is how far apart two empty
    searches must be."""

    def __init__(self, clock: Clock, lag_seconds: float, title: str) -> None:
        self._clock = clock
        self._lag = lag_seconds
        self._title = title
        self._since: OrderedDict[str, float] = OrderedDict()

    def believe(self, name: str, what: str) -> None:
        """Return when it has been absent for long enough; raise Retryable before. `what` is words
        such as `this label`."""
        now = self._clock.monotonic()
        since = self._since.setdefault(name, now)
        left = since + self._lag - now
        if left > 0:
            if len(self._since) > MAX_DOUBTS:
                self._since.popitem(last=False)
            raise Retryable(
                f"{self._title} does not show {what} yet; it is asked once more before it is done "
                "again.",
                retry_after_seconds=left,
                sick=False,
            )
        del self._since[name]

    def found(self, name: str) -> None:
        """Forget a doubt: it is there."""
        self._since.pop(name, None)

"""A partner's circuit breaker: pure, told the time."""

from __future__ import annotations


class Breaker:
    """Opens after `failures` in a row, rests `open_seconds`, then lets one probe pass.

    After the probe succeeds the partner is released with a ramp: one call at a time, then twice as
    many with each success, so that a recovering partner isn't trampled by what has waited.
    """

    def __init__(self, *, failures: int, open_seconds: float, concurrency: int) -> None:
        self._failures = failures
        self._open_seconds = open_seconds
        self._concurrency = concurrency
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._probing = False
        self._ramp = concurrency

    def resize(self, *, failures: int, concurrency: int) -> None:
        """Open after so many failures from now on, and release up to so many calls; it stays open
        or closed."""
        is_released = self._ramp >= self._concurrency
        self._failures, self._concurrency = failures, concurrency
        self._ramp = concurrency if is_released else min(self._ramp, concurrency)

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        if self._opened_at is None:
            return "closed"
        return "half_open" if self._probing else "open"

    @property
    def opens_again_at(self) -> float | None:
        """When a probe may pass (monotonic seconds), or None when the breaker isn't open."""
        return None if self._opened_at is None else self._opened_at + self._open_seconds

    def may_call(self, under_way: int, now: float) -> bool:
        """Whether one more call may start beside those under way."""
        if self._opened_at is None:
            return under_way < self._ramp
        return not self._probing and under_way == 0 and now >= self._opened_at + self._open_seconds

    def started(self) -> None:
        """A call starts; with an open breaker it is the probe."""
        if self._opened_at is not None:
            self._probing = True

    def succeeded(self) -> bool:
        """The partner answered sensibly. Returns True when this closed the breaker."""
        self._in_a_row = 0
        if self._opened_at is not None:
            self._opened_at, self._probing, self._ramp = None, False, 1
            return True
        if self._ramp < self._concurrency:
            self._ramp = min(2 * self._ramp, self._concurrency)
        return False

    def undecided(self, now: float) -> None:
        """The probe ended without telling anything about the partner: probe again later."""
        if self._opened_at is not None:
            self._opened_at, self._probing = now, False

    def failed(self, now: float) -> bool:
        """The partner failed. Returns True when this opened the breaker."""
        self._in_a_row += 1
        if self._opened_at is not None:
            self._opened_at, self._probing = now, False
            return False
        if self._in_a_row >= self._failures:
            self._opened_at = now
            return True
        return False

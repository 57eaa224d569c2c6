"""What a partner that knows the addresses of a country can be asked, and how often it is."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from msgspec.structs import replace

from actors.runtime.call_policy import CallPolicy
from actors.runtime.errors import PartnerError, Rejected, Retryable, Unauthorised
from actors.runtime.ports import Clock
from schemas.messages.codec import encode
from schemas.order.canonical import Address
from schemas.order.world import Deliverability

KEPT_SECONDS = 24 * 3_600.0
"""How long a verdict is used again: a held order is looked at every hour."""
MAX_KEPT = 10_000
"""Verdicts that are kept; the oldest go first."""


@runtime_checkable
class TellsDeliverability(Protocol):
    """An adapter of an address service. Its kind names the countries in `addresses`."""

    async def deliverability(self, at: Address) -> Deliverability:
        """Return what it says of an address of such a country. Raises PartnerError."""
        ...


class Sparingly:
    """Asks a service seldom: never twice for one address within a day, no oftener than `hourly`
    times in any hour, and not at all for a while after it failed, so that a service that hangs
    delays few orders. Of an address only a digest is kept, with what the service writes otherwise,
    and only in memory."""

    def __init__(self, clock: Clock, hourly: int, calls: CallPolicy, title: str) -> None:
        self._clock = clock
        self._hourly = hourly
        self._calls = calls
        self._title = title
        self._left = float(hourly)
        self._counted_at = clock.monotonic()
        self._rests_until = 0.0
        self._kept: dict[bytes, tuple[float, Deliverability]] = {}

    async def verdict(
        self, at: Address, ask: Callable[[Address], Awaitable[Deliverability]]
    ) -> Deliverability:
        """Return what `ask` says of an address, or has said. Raises PartnerError, and Retryable
        where it is not asked now."""
        key = _digest(at)
        found = self._kept.get(key)
        now = self._clock.monotonic()
        if found is not None and now - found[0] < KEPT_SECONDS:
            return found[1]
        self._take(now)
        try:
            told = await ask(at)
        except Rejected:
            raise
        except PartnerError as error:
            self._rest(error)
            raise
        self._kept.pop(key, None)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = now, told
        return told

    def _take(self, now: float) -> None:
        if now < self._rests_until:
            raise Retryable(
                f"{self._title} failed a moment ago and is left alone for "
                f"{self._rests_until - now:.0f} seconds."
            )
        earned = (now - self._counted_at) * self._hourly / 3_600
        self._left = min(float(self._hourly), self._left + earned)
        self._counted_at = now
        if self._left < 1:
            raise Retryable(
                f"{self._title} was asked {self._hourly} times within an hour, as its settings "
                "allow."
            )
        self._left -= 1

    def _rest(self, error: PartnerError) -> None:
        seconds = self._calls.breaker_open_seconds
        if isinstance(error, Unauthorised):
            seconds = self._calls.rest_seconds
        elif isinstance(error, Retryable) and error.retry_after_seconds is not None:
            seconds = max(seconds, error.retry_after_seconds)
        self._rests_until = self._clock.monotonic() + seconds


def _digest(at: Address) -> bytes:
    """Return what tells one place from another; who lives there does not matter."""
    return hashlib.sha256(encode(replace(at, name="-", company="", phone=""))).digest()

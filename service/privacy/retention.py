"""Background work on personal data: erase it when its channel's retention is over, and rewrap its
keys after a new master key was made."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from adapters.postgres.erasing import BEGINNING, Erasing
from adapters.postgres.pool import Pool
from adapters.postgres.rewrapping import SealingKeys
from adapters.postgres.sealing import Sealing
from adapters.postgres.sealing_keys import agree
from service.privacy.metrics import PrivacyMetrics
from service.privacy.requests import SERVICE

log = logging.getLogger(__name__)

FIRST_SECONDS = 30.0
PASS_SECONDS = 3_600.0
"""Between two passes over all orders; retention is promised in days."""

REST = 4
"""After each page a pass rests this many times as long as the page took: at most a fifth of a
core."""

KEYS_SECONDS = 3.0
"""How soon a master key from the command line seals new data."""

TOLD_EVERY = 100_000
"""Keys between two log lines about the progress of rewrapping."""

_FINAL = "The channel's personal_data_days have passed."
_LEFT = "The channel's personal_data_days have passed since its goods left; it has not ended."

Place = TypeVar("Place")


class Retention:
    """`days` maps each channel to the days after which a final order's data is erased; channels
    that keep data are left out. Those in `shipped` count from the last shipment as well, also for
    an order that is held or waits for a person."""

    def __init__(
        self,
        erasing: Erasing,
        days: Mapping[str, int],
        clock: Clock,
        metrics: PrivacyMetrics,
        *,
        may: Callable[[], bool],
        forget: Callable[[Iterable[str]], None],
        shipped: Sequence[str] = (),
    ) -> None:
        self._erasing = erasing
        self._days = days
        self._shipped = tuple(shipped)
        self._clock = clock
        self._metrics = metrics
        self._may = may
        self._forget = forget

    def use(self, days: Mapping[str, int], shipped: Sequence[str]) -> None:
        """Erase after these days from now on."""
        self._days, self._shipped = days, tuple(shipped)

    async def run(self) -> None:
        """Make a pass every hour until cancelled; idle while every channel keeps its data."""
        wait = FIRST_SECONDS
        while True:
            await asyncio.sleep(wait)
            wait = PASS_SECONDS
            try:
                if self._days and self._may():
                    await self.walk()
            except JournalUnavailable as error:
                log.info("Erasing old personal data waits for the database: %s", error)
                wait = FIRST_SECONDS
            except Exception:  # orders go on; metric and log raise the alarm
                log.exception("Erasing old personal data failed.")
                self._metrics.failures.inc()

    async def walk(self) -> int:
        """Erase what is due, on all channels; return the number of orders. Raises
        JournalUnavailable; the next pass starts over."""
        now = self._clock.now()
        bounds = {name: now - timedelta(days=days) for name, days in self._days.items()}
        # An order placed after the latest bound can't have been final for that long.
        latest, place, erased = max(bounds.values()), BEGINNING, 0
        while True:
            began = self._clock.monotonic()
            page = await self._erasing.walk(
                bounds, place, placed_before=latest, shipped=self._shipped
            )
            erased += await self._erase(page.due, _FINAL, now, forced=False)
            erased += await self._erase(page.left, _LEFT, now, forced=True)
            if page.after is None:
                return erased
            place = page.after
            await asyncio.sleep(REST * (self._clock.monotonic() - began))

    async def _erase(
        self, order_ids: Sequence[str], reason: str, now: datetime, *, forced: bool
    ) -> int:
        if not order_ids:
            return 0
        done = await self._erasing.erase_orders(
            order_ids,
            person=SERVICE,
            target="privacy:retention",
            reason=reason,
            at=now,
            forced=forced,
        )
        self._forget(done)
        self._metrics.orders("retention").inc(len(done))
        return len(done)


class Rewrapping:
    """Adopts a new master key, and rewraps with it what other keys wrap. A pass that failed starts
    over; checking what is already done is cheap."""

    def __init__(
        self,
        pool: Pool,
        sealing: Sealing,
        clock: Clock,
        metrics: PrivacyMetrics,
        *,
        may: Callable[[], bool],
    ) -> None:
        self._pool = pool
        self._sealing = sealing
        self._keys = SealingKeys(pool, sealing)
        self._clock = clock
        self._metrics = metrics
        self._may = may
        self._through = ""

    async def run(self) -> None:
        """Look for a new master key until cancelled."""
        while True:
            try:
                if self._may():
                    await self.round()
            except JournalUnavailable as error:
                log.info("Rewrapping waits for the database: %s", error)
            except Exception:  # orders go on; metric and log raise the alarm
                log.exception("Rewrapping keys failed.")
                self._metrics.failures.inc()
            await asyncio.sleep(KEYS_SECONDS)

    async def round(self) -> int:
        """Read the current secrets; rewrap what the active one does not wrap, once for each new
        active one. Return how many keys were rewrapped."""
        self._sealing.refresh()
        active = self._sealing.active
        if active == self._through:
            return 0
        await agree(self._pool, self._sealing)
        if self._sealing.ids == {active}:
            self._through = active
            return 0
        done = await self._walk(self._keys.rewrap_keys, ("", ""))
        done += await self._walk(self._keys.rewrap_items, 0)
        done += await self._walk(self._keys.rewrap_subjects, 0)
        done += await self._walk(self._keys.rewrap_answers, ("", ""))
        done += await self._walk(self._keys.rewrap_exchanges, 0)
        if done:
            log.info("%d keys were rewrapped with the master key %s.", done, active)
        self._through = active
        return done

    async def _walk(
        self, rewrap: Callable[[Place], Awaitable[tuple[int, Place | None]]], place: Place
    ) -> int:
        done = 0
        while True:
            began = self._clock.monotonic()
            wrapped, following = await rewrap(place)
            if (done + wrapped) // TOLD_EVERY > done // TOLD_EVERY:
                log.info("%d keys were rewrapped so far.", done + wrapped)
            done += wrapped
            self._metrics.rewrapped.inc(wrapped)
            if following is None:
                return done
            place = following
            await asyncio.sleep(REST * (self._clock.monotonic() - began))

"""Channel sync: compares recent changes on each channel with ours, and maintains the channel's
subscriptions. A round that fails is reported and tried again; orders are not affected.

Only the process that holds the lease on the orders works. Rounds are jittered, so that a thousand
channels are not called in the same second.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Gauge

from actors.runtime.errors import (
    JournalUnavailable,
    PartnerError,
    Retryable,
    StreamUnavailable,
    Unauthorised,
)
from actors.runtime.ports import Clock
from adapters.kit.settings import ChannelSettings
from adapters.kit.sync import ChannelSync, Drifts
from adapters.postgres.sync import Progress, SyncStore
from schemas.contracts.incidents import (
    API_VERSION_DRIFT,
    CHANNEL_UNREACHABLE,
    ORDERS_MISSED,
    SUBSCRIPTION_MISSING,
)
from service.channels.backfill import Backfill, Found
from service.telemetry.metrics import Family

log = logging.getLogger(__name__)

BACKFILL, SUBSCRIPTIONS = "backfill", "subscriptions"

FIRST_SECONDS = 5.0
"""The first round begins within this time after the start, or within its period if that is
shorter."""

RETRY_SECONDS = 30.0
"""Delay after a failed round; doubles with each failure, up to the period."""

REFUSED_SECONDS = 60.0
"""The same after a refused credential: the app was uninstalled or its token replaced, and only a
person can provide a new one."""

MOST_REFUSED_SECONDS = 1800.0
"""A token that works again is noticed within this time. It is well below the quiet hour after which
an incident resolves, so that the incident stays open while the channel refuses us."""

UNREACHABLE_FAILURES = 5
"""Consecutive failed rounds after which a channel counts as unreachable: about seven minutes,
longer than most disturbances. A refused credential counts at once."""


class SyncMetrics:
    """Metrics of channel sync."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.missed = Family(
            Counter(
                "orderwright_channel_orders_missed_total",
                "Orders on the channel that no webhook reported, found by comparison.",
                ["channel"],
                registry=registry,
            ),
            1,
        )
        self.changed = Family(
            Counter(
                "orderwright_channel_changes_missed_total",
                "Changes of known orders that no webhook reported, found by comparison.",
                ["channel"],
                registry=registry,
            ),
            1,
        )
        self.oldest = Family(
            Gauge(
                "orderwright_channel_oldest_missed_seconds",
                "Age of the oldest order that the last comparison found missing; 0: none.",
                ["channel"],
                registry=registry,
            ),
            1,
        )
        self.read = Family(
            Counter(
                "orderwright_channel_queue_messages_total",
                "Messages that were read from a channel's queue and are on our disk.",
                ["channel"],
                registry=registry,
            ),
            1,
        )
        self.succeeded = Family(
            Gauge(
                "orderwright_channel_sync_success_timestamp_seconds",
                "When a channel's job last succeeded, in seconds since 1970.",
                ["channel", "job"],
                registry=registry,
            ),
            2,
        )


class Keeper:
    """The two jobs of one channel. `refused` counts an occurrence of an incident; `may` returns
    whether the lease on the orders is certainly held; `address` is where webhooks go, "" when it is
    not configured."""

    def __init__(
        self,
        name: str,
        channel: ChannelSettings,
        *,
        shop: ChannelSync,
        backfill: Backfill,
        store: SyncStore,
        clock: Clock,
        metrics: SyncMetrics,
        refused: Callable[[str, str], None],
        may: Callable[[], bool],
        address: str,
    ) -> None:
        self._name = name
        self._channel = channel
        self._shop = shop
        self._backfill = backfill
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._refused = refused
        self._may = may
        self._address = address

    async def run(self) -> None:
        """Work until cancelled."""
        jobs = []
        if self._channel.backfill_seconds:
            jobs.append(self._repeat(BACKFILL, self._channel.backfill_seconds))
        if self._address:
            jobs.append(self._repeat(SUBSCRIPTIONS, self._channel.subscriptions_seconds))
        else:
            log.warning(
                "The subscriptions of channel %s are not checked: set listen.public_url to the "
                "address at which its webhooks reach this service.",
                self._name,
            )
        await asyncio.gather(*jobs)

    async def compare(self) -> None:
        """Compare one window with ours and request what is missing."""
        now = self._clock.now()
        before = await self._before(BACKFILL)
        until = now - timedelta(seconds=self._channel.backfill_grace_seconds)
        since = start_of(before, until, self._channel.backfill_window_seconds)
        missed = before.missed if before else 0
        counted = 0

        async def told(found: Found) -> None:
            nonlocal counted
            self._count(found.missed - counted)
            counted = found.missed
            await self._store.keep(
                Progress(
                    channel=self._name,
                    job=BACKFILL,
                    position=found.position,
                    complete=found.complete,
                    tried_at=now,
                    succeeded_at=now if found.complete else _succeeded(before),
                    outcome=found.words(),
                    missed=missed + found.missed,
                )
            )

        found = await self._backfill.compare(since, until, told=told)
        await told(found)
        self._metrics.changed(self._name).inc(found.changed)
        age = (now - found.oldest).total_seconds() if found.oldest else 0.0
        self._metrics.oldest(self._name).set(max(age, 0.0))
        self._metrics.succeeded(self._name, BACKFILL).set(now.timestamp())
        if found.missed or found.changed:
            log.warning("Channel %s was compared: %s", self._name, found.words())

    async def subscribe(self) -> None:
        """Make sure that the channel's subscriptions are complete, and count what was missing."""
        now = self._clock.now()
        before = await self._before(SUBSCRIPTIONS)
        found = await self._shop.keep_subscriptions(self._address)
        # On the very first check no subscription exists yet, which is not an incident.
        if found.faults or (found.fixed and before is not None and before.succeeded_at):
            self._refused(SUBSCRIPTION_MISSING, self._name)
        for sentence in found.faults + (found.fixed if before else ()):
            log.warning("Channel %s: %s", self._name, sentence)
        told = [*found.faults, *found.fixed] or ["All subscriptions exist."]
        good = not found.faults
        await self._store.keep(
            Progress(
                channel=self._name,
                job=SUBSCRIPTIONS,
                tried_at=now,
                succeeded_at=now if good else _succeeded(before),
                good=good,
                outcome=" ".join(told),
                missed=(before.missed if before else 0) + len(found.fixed if before else ()),
            )
        )
        if good:
            self._metrics.succeeded(self._name, SUBSCRIPTIONS).set(now.timestamp())

    def _watch_version(self) -> None:
        if isinstance(self._shop, Drifts) and (words := self._shop.drift):
            log.warning("Channel %s: %s", self._name, words)
            self._refused(API_VERSION_DRIFT, self._name)

    def _count(self, missed: int) -> None:
        self._metrics.missed(self._name).inc(missed)
        for _ in range(missed):
            self._refused(ORDERS_MISSED, self._name)

    async def _before(self, job: str) -> Progress | None:
        found = await self._store.progress(self._name)
        return next((one for one in found if one.job == job), None)

    async def _repeat(self, job: str, period: float) -> None:
        wait = random.uniform(0.0, min(FIRST_SECONDS, period))
        failures = 0
        while True:
            await asyncio.sleep(wait)
            if not self._may():
                wait = min(1.0, period)
                continue
            error = await self._once(job)
            failures = failures + 1 if error else 0
            self._watch_version()
            if is_unreachable(error, failures):
                self._refused(CHANNEL_UNREACHABLE, self._name)
            wait = wait_after(error, failures, period) * random.uniform(0.9, 1.1)

    async def _once(self, job: str) -> Exception | None:
        try:
            await (self.compare() if job == BACKFILL else self.subscribe())
        except (PartnerError, StreamUnavailable) as error:
            log.warning("The %s of channel %s failed: %s", job, self._name, error)
            await self._tell_failure(job, str(error))
            return error
        except JournalUnavailable as error:
            log.info("The %s of channel %s waits for the database: %s", job, self._name, error)
            return error
        except Exception as error:  # orders must go on; log and age raise the alarm
            log.exception("The %s of channel %s failed; orders go on.", job, self._name)
            await self._tell_failure(
                job, f"It failed with an internal error: {type(error).__name__}."
            )
            return error
        return None

    async def _tell_failure(self, job: str, words: str) -> None:
        try:
            before = await self._before(job)
            now = self._clock.now()
            kept = before or Progress(channel=self._name, job=job, tried_at=now)
            await self._store.keep(replace(kept, tried_at=now, good=False, outcome=words))
        except JournalUnavailable as error:
            log.info("The progress of the %s of %s could not be stored: %s", job, self._name, error)


def is_unreachable(error: Exception | None, failures: int) -> bool:
    """Whether so many consecutive failures (`error` is the last one) are an incident. An outage of
    our own database or stream is not the channel's fault."""
    if isinstance(error, Unauthorised):
        return True
    return isinstance(error, PartnerError) and failures >= UNREACHABLE_FAILURES


def wait_after(error: Exception | None, failures: int, period: float) -> float:
    """Return the seconds until the next round, after so many consecutive failures (`error` is the
    last one)."""
    if error is None:
        return period
    doubled = 2.0 ** min(failures - 1, 10)
    soon = min(RETRY_SECONDS * doubled, period)
    if isinstance(error, Unauthorised):
        return max(soon, min(REFUSED_SECONDS * doubled, MOST_REFUSED_SECONDS))
    asked = error.retry_after_seconds if isinstance(error, Retryable) else None
    return max(soon, asked or 0.0)


def _succeeded(before: Progress | None) -> datetime | None:
    return None if before is None else before.succeeded_at


def start_of(before: Progress | None, until: datetime, window_seconds: float) -> datetime:
    """Return where the next window begins: one window back, so that a lagging list is read again;
    or where the last success ended, if that is longer ago; or where a long round stopped."""
    back = until - timedelta(seconds=window_seconds)
    if before is None or before.position is None:
        return back
    return min(before.position, back if before.complete else until)

"""Deletes what has expired: old quarantine items, stored answers for repeats, exchanges with
partners, and data that long-ended orders no longer need."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from actors.runtime.errors import JournalUnavailable
from adapters.postgres.leases import JOBS
from adapters.postgres.quarantine_room import Room
from schemas.contracts.service_incidents import QUARANTINE_FILLING, QUARANTINE_FULL
from service.app.clock import SystemClock
from service.settings import Retention
from service.wiring.store import Store

log = logging.getLogger(__name__)

PERIOD_SECONDS = 600.0

LOOK_SECONDS = 5.0
"""How soon a flood of malformed payloads is noticed: after some hundred megabytes at most."""

MAX_STATEMENTS = 1_000
"""Per round and kind: half a million items, five million answers; the next round continues."""


async def keep_house(
    store: Store, clock: SystemClock, retention: Retention, *, count: Callable[[str, str], None]
) -> None:
    """Clean up every ten minutes until cancelled, and the quarantine as soon as much has arrived,
    while this process holds the lease on the jobs. The next round makes up for one that failed.
    `count` counts an occurrence of an incident, by category and channel."""
    due = clock.monotonic() + PERIOD_SECONDS
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        whole_round = clock.monotonic() >= due
        if not store.leases.surely_holds(JOBS):
            continue
        if not whole_round and not store.quarantine.crowded:
            continue
        if whole_round:
            due = clock.monotonic() + PERIOD_SECONDS
        await keep_once(store, clock, retention, count=count, whole_round=whole_round)


async def keep_once(
    store: Store,
    clock: SystemClock,
    retention: Retention,
    *,
    count: Callable[[str, str], None],
    whole_round: bool,
) -> None:
    """Clean up once; a whole round lets go of what long-ended orders need no more, too. What takes
    too long, such as a crowded quarantine, keeps nothing else from being deleted."""
    await _tried(tidy(store, clock))
    await _tried(warn(store.quarantine.room, clock, count))
    if whole_round:
        await _tried(_let_go(store, clock, retention))


async def _tried(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except JournalUnavailable as error:
        log.info("Housekeeping waits for the database: %s", error)


async def warn(room: Room, clock: SystemClock, count: Callable[[str, str], None]) -> None:
    """Count the channels whose quarantine is full, or soon will be, or whose items will soon expire
    undecided. Raises JournalUnavailable."""
    now = clock.now()
    for channel, fill in (await room.count()).items():
        if fill.is_full:
            count(QUARANTINE_FULL, channel)
        elif fill.is_filling(now):
            count(QUARANTINE_FILLING, channel)


async def _let_go(store: Store, clock: SystemClock, retention: Retention) -> None:
    swept = await store.retention.sweep(
        clock.now(), inbox_days=retention.inbox_days, effects_days=retention.effects_days
    )
    if swept.inbox or swept.effects:
        log.info(
            "%d rows of inputs and %d effects of long-ended orders were deleted.",
            swept.inbox,
            swept.effects,
        )


async def tidy(store: Store, clock: SystemClock) -> None:
    """Delete everything that has expired, a little at a time. Raises JournalUnavailable when one
    kind of it could not be deleted; the others were."""
    kinds: tuple[Callable[[], Awaitable[int]], ...] = (
        lambda: store.quarantine.prune(clock.now()),
        lambda: store.idempotency.purge(now=clock.now()),
        lambda: store.exchanges.expire(now=clock.now()),
    )
    failed: JournalUnavailable | None = None
    for some in kinds:
        try:
            for _ in range(MAX_STATEMENTS):
                if not await some():
                    break
        except JournalUnavailable as error:
            failed = error
    if failed is not None:
        raise failed

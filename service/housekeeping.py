"""Throws away what has outlived its bound: old quarantine items, repeats' remembered answers, and
what orders that ended long ago need no more."""

from __future__ import annotations

import asyncio
import logging

from actors.errors import JournalUnavailable
from service import wiring
from service.clock import SystemClock
from service.settings import Retention

log = logging.getLogger(__name__)

PERIOD_SECONDS = 600.0


async def keep_house(store: wiring.Store, clock: SystemClock, retention: Retention) -> None:
    """Tidy up every ten minutes, until cancelled. A round that fails is made up for by the next."""
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        try:
            await store.quarantine.prune(clock.now())
            await store.idempotency.purge(now=clock.now())
            swept = await store.retention.sweep(
                clock.now(),
                inbox_days=retention.inbox_days,
                effects_days=retention.effects_days,
            )
            if swept.inbox or swept.effects:
                log.info(
                    "%d rows of inputs and %d effects of orders that ended long ago are let go.",
                    swept.inbox,
                    swept.effects,
                )
        except JournalUnavailable as error:
            log.info("Housekeeping waits for the database: %s", error)

"""Throws away what has outlived its bound: old quarantine items and repeats' remembered answers."""

from __future__ import annotations

import asyncio
import logging

from actors.errors import JournalUnavailable
from service import wiring
from service.clock import SystemClock

log = logging.getLogger(__name__)

PERIOD_SECONDS = 600.0


async def keep_house(store: wiring.Store, clock: SystemClock) -> None:
    """Tidy up every ten minutes, until cancelled. A round that fails is made up for by the next."""
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        try:
            await store.quarantine.prune(clock.now())
            await store.idempotency.purge(now=clock.now())
        except JournalUnavailable as error:
            log.info("Housekeeping waits for the database: %s", error)

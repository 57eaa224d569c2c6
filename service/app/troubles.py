"""Keeps in the store which partners are not called and why, so that every order that waits for one
says so, and counts it as an incident while one waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from actors.runtime.errors import JournalUnavailable
from actors.runtime.lanes import Lanes
from actors.runtime.ports import Clock
from adapters.postgres.troubles import Troubles
from schemas.contracts.service_incidents import PARTNER_NOT_CALLED

log = logging.getLogger(__name__)

PERIOD_SECONDS = 2.0

COUNT_SECONDS = 600.0
"""A trouble that lasts is counted so often, so that its incident stays open."""


async def keep_troubles(
    lanes: Lanes, store: Troubles, clock: Clock, *, count: Callable[[str, str], None]
) -> None:
    """Look every two seconds, until cancelled; what a dead process had left goes first."""
    written: dict[str, str] | None = None
    counted: dict[str, float] = {}
    while True:
        words = {lane.name: lane.trouble for lane in lanes if lane.trouble}
        now = clock.monotonic()
        counted = {name: at for name, at in counted.items() if name in words}
        try:
            if words != written:
                await store.replace(words, clock.now())
                written = words
            if any(now - counted.get(name, float("-inf")) >= COUNT_SECONDS for name in words):
                for one in await store.all():
                    if now - counted.get(one.lane, float("-inf")) >= COUNT_SECONDS:
                        counted[one.lane] = now
                        count(PARTNER_NOT_CALLED, one.lane)
        except JournalUnavailable as error:
            log.info("Why partners are not called waits to be written: %s", error)
        await asyncio.sleep(PERIOD_SECONDS)

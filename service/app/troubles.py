"""Keeps in the store which partners are not called and why, so that every order that waits for one
says so, and counts it as an incident while one waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from actors.runtime.errors import JournalUnavailable
from actors.runtime.lane import Lane
from actors.runtime.lanes import Lanes
from actors.runtime.ports import Clock
from actors.runtime.standing import Watch
from adapters.postgres.troubles import Troubles
from schemas.contracts.service_incidents import PARTNER_NOT_CALLED

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0

AGAIN_EVERY = 10
"""Rounds after which one of several processes writes its own again."""

COUNT_SECONDS = 600.0
"""A trouble that lasts is counted so often, so that its incident stays open."""


async def keep_troubles(
    lanes: Lanes, store: Troubles, clock: Clock, *, count: Callable[[str, str], None]
) -> None:
    """Look every second, until cancelled; what a dead process had left goes first."""
    watch = Watch()
    written: dict[str, str] | None = None
    rounds = 0
    counted: dict[str, float] = {}
    while True:
        now = clock.monotonic()
        for lane in lanes:
            look_at(watch, lane, now)
        words = {lane.name: lane.trouble for lane in lanes if lane.trouble}
        counted = {name: at for name, at in counted.items() if name in words}
        rounds += 1
        # One of several may have taken back what another one says as well.
        again = store.shared and rounds % AGAIN_EVERY == 0
        try:
            if words != written or again:
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


def look_at(watch: Watch, lane: Lane, now: float) -> None:
    """Say of a partner that leaves us without an answer that it is in trouble, before its calls
    time out and its breaker opens. What it says next ends or words that."""
    why = watch.look(lane.name, lane.standing, lane.under_way, now)
    if why and not lane.trouble and lane.standing.begin(why):
        log.warning("%s does not serve us, its effects wait: %s", lane.name, why)

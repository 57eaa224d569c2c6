"""The frame of the ledger's work with partners and channels: each of them has its rounds, and all
of them begin again when the settings change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Protocol

from adapters.postgres.leases import JOBS
from service.app.clock import SystemClock
from service.app.rounds import in_rounds, until_changed
from service.settings import Settings
from service.wiring.partners import Kits, open_client
from service.wiring.store import Store
from service.wiring.wire import Wire


class Part(Protocol):
    """One partner or channel."""

    async def round(self) -> None:
        """Do what is due. Raises JournalUnavailable."""
        ...


class StockRounds:
    """Has each part its round every `every_seconds`, in the process that does the jobs. `parts`
    makes them of the settings, and of kits, which it asks for only where it has a part. `what` is
    logged with what fails."""

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        wire: Wire,
        store: Store,
        parts: Callable[[Settings, Callable[[], Kits]], Iterable[Part]],
        *,
        every_seconds: float,
        log: logging.Logger,
        what: str,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wire = wire
        self._store = store
        self._parts = parts
        self._every_seconds = every_seconds
        self._log = log
        self._what = what
        self._changed = asyncio.Event()

    def use(self, settings: Settings) -> None:
        """Work by these settings from now on."""
        self._settings = settings
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled; without any part this only waits."""
        await until_changed(self._changed, lambda stack: map(self._rounds, self._made(stack)))

    async def _rounds(self, part: Part) -> None:
        await in_rounds(
            part.round,
            every_seconds=self._every_seconds,
            may=lambda: self._store.leases.surely_holds(JOBS),
            log=self._log,
            what=self._what,
        )

    def _made(self, stack: AsyncExitStack) -> Iterable[Part]:
        settings = self._settings

        def kits() -> Kits:
            client = open_client(settings, stack, self._clock, connections_per_host=2)
            return Kits(settings, client, self._clock, intake=self._wire.publisher)

        return self._parts(settings, kits)

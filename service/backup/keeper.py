"""Knows, from the start on, what a restoration makes doubtful, and when a person has ended that."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from actors.runtime.errors import JournalUnavailable
from actors.runtime.ports import Clock
from actors.runtime.registry import Registry
from actors.runtime.runtime import Runtime
from adapters.nats.marks import Marks
from adapters.postgres.leases import JOBS
from adapters.postgres.restorations import Restorations
from service.backup.marks import StoresCompared
from service.backup.recollecting import Recollecting
from service.wiring.order_stream import OrderStream
from service.wiring.restored import Doubt
from service.wiring.store import Store
from service.wiring.wire import Wire

log = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0
"""How soon it is noticed that a person has ended the hold; a row is read."""

DUMPED = "its newest events were written by another cluster: a dump was loaded by hand"


class DoubtKeeper:
    """Watches the store for the stream of orders."""

    def __init__(
        self,
        stream: OrderStream,
        restorations: Restorations,
        compared: StoresCompared,
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._restorations = restorations
        self._compared = compared
        self._clock = clock

    async def begin(self) -> None:
        """Begin with what was restored since the last start, before any order is worked on. Raises
        JournalUnavailable."""
        await self._compared.compare()
        if await self._restorations.is_foreign():
            await self._restorations.note(DUMPED, None)
        doubted = await self._restorations.begin(self._clock.now())
        last = await self._restorations.latest()
        self._stream.doubt = Doubt.of(last)
        if doubted is not None and last is not None:
            log.warning(
                "The database was put back to %s (%s). %d effects that were open then, and all that"
                " older orders ask for, are looked up before they are called; mails are held:"
                " `orderwright restored list`.",
                _moment(last.taken_at),
                last.how,
                doubted,
            )

    def before(self, registry: Registry, runtime: Runtime) -> Recollecting:
        """Return what stands before the registry, and tells our past from others' doings."""
        return Recollecting.of(registry, self._stream, runtime)

    async def run(self) -> None:
        """Follow what people decide, and keep the stores' mark, until cancelled."""
        await asyncio.gather(self._follow(), self._compared.run())

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            try:
                self._stream.doubt = Doubt.of(await self._restorations.latest())
            except JournalUnavailable as error:
                log.info("What was restored is looked up later: %s", error)


def doubt_keeper(stream: OrderStream, wire: Wire, store: Store, clock: Clock) -> DoubtKeeper:
    """Build it; of several processes the one that does the jobs keeps the mark."""
    compared = StoresCompared(
        Marks(wire.connection),
        store.restorations,
        clock,
        may=lambda: store.leases.surely_holds(JOBS),
    )
    return DoubtKeeper(stream, store.restorations, compared, clock)


def _moment(at: datetime | None) -> str:
    return "an earlier moment" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"

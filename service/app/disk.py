"""Watches the room on the data directory's disk, and whether the stream takes what is sent to it.

On a full disk the embedded NATS server answers nothing and says that it is well, and stays so when
space is back. So intake is stopped while there is still room to finish what was begun, and a server
that has run out of space, or takes nothing, is restarted as soon as there is space again. What it
acknowledged is on the disk.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from prometheus_client import CollectorRegistry, Gauge

from actors.runtime.ports import Clock
from schemas.contracts.service_incidents import DISK_FULL, DISK_LOW, STREAM_SILENT
from service.app.servers import Restarts, Servers

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0

LOW_BYTES, LOW_SHARE = 2 * 1024**3, 0.10
"""Less than both is worth a word: two gigabytes are some hours of a busy shop."""

FULL_BYTES, FULL_SHARE = 128 * 1024**2, 0.04
"""Less than both stops the intake: what is under way needs some megabytes of log to be finished."""

STARVED_BYTES = 16 * 1024**2
"""Below this a server has probably met the end of the disk."""

SILENT_SECONDS = 4.0
"""A stream that has acknowledged nothing for so long, although asked and connected, is stuck: a
publish is given up after 2.5 s."""

RESTART_PAUSE_SECONDS = 30.0
"""Between two restarts of a stuck server."""

COUNT_SECONDS = 600.0
"""A state that lasts is counted so often, so that its incident stays open."""

OK, LOW, FULL = 0, 1, 2


class Room(Struct, frozen=True):
    """Bytes that an ordinary user may still write, of the file system's size."""

    free: int
    size: int

    @property
    def state(self) -> int:
        """OK, LOW or FULL."""
        if self.free < min(FULL_BYTES, FULL_SHARE * self.size):
            return FULL
        return LOW if self.free < min(LOW_BYTES, LOW_SHARE * self.size) else OK

    def words(self) -> str:
        """Say how much is left."""
        return f"{self.free // 2**20} MiB of {self.size // 2**20} MiB are free"


class Stream(Protocol):
    """What publishes to the stream."""

    closed_because: str

    @property
    def silent_seconds(self) -> float:
        """For how long it has been asked and has acknowledged nothing; 0 when it acknowledges, or
        is not connected."""
        ...

    def assume_well(self) -> None:
        """Forget that it was silent: its server was restarted, or is busy with others."""
        ...

    async def stores_others(self) -> bool:
        """Whether it stores what others publish meanwhile."""
        ...


class DiskMetrics:
    """Metrics of the data directory's disk."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.free = Gauge(
            "orderwright_disk_free_bytes",
            "Bytes free on the disk of the data directory.",
            registry=registry,
        )
        self.state = Gauge(
            "orderwright_disk_state",
            "The disk of the data directory: 0 ok, 1 low, 2 full: nothing is taken in.",
            registry=registry,
        )


class Disk:
    """`place` is the data directory, None when no server is embedded; `nats` the embedded server,
    None for an external one, which its operator restarts. `count` counts an occurrence of an
    incident, by category and channel."""

    def __init__(
        self,
        place: Path | None,
        stream: Stream,
        nats: Restarts | None,
        clock: Clock,
        registry: CollectorRegistry,
        *,
        count: Callable[[str, str], None],
    ) -> None:
        self._place = place
        self._stream = stream
        self._nats = nats
        self._clock = clock
        self._count = count
        self._metrics = DiskMetrics(registry)
        self._room: Room | None = None
        self._why = ""
        self._starved = False
        self._counted: dict[str, float] = {}
        self._restarted_at = float("-inf")

    def why_full(self) -> str:
        """Return "" or, for a full disk, what to do."""
        return self._why

    def why_silent(self) -> str:
        """Return "" or, for a stream that takes nothing, since when."""
        seconds = self._stream.silent_seconds
        if seconds < SILENT_SECONDS:
            return ""
        return f"The message stream has acknowledged nothing for {seconds:.0f} seconds."

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PERIOD_SECONDS)

    async def look(self) -> None:
        """Look once, stop or resume the intake, and restart a server that is stuck."""
        if self._place is not None:
            try:
                usage = await asyncio.to_thread(shutil.disk_usage, self._place)
            except OSError as error:
                log.warning("The disk of %s can't be measured: %s", self._place, error)
            else:
                self._see(Room(usage.free, usage.total))
        if self._room is not None and self._room.state == FULL:
            return
        silent = self.why_silent()
        if silent and not self._starved and await self._stream.stores_others():
            self._stream.assume_well()
            silent = ""
        if silent:
            self._tell(STREAM_SILENT, silent)
        if self._nats is not None and (self._starved or silent):
            await self._restart(self._nats)
        if self._why:
            self._why = self._stream.closed_because = ""
            log.warning("There is room on the disk again; intake goes on.")

    def _see(self, room: Room) -> None:
        self._room = room
        self._metrics.free.set(room.free)
        self._metrics.state.set(room.state)
        self._starved = self._starved or room.free < STARVED_BYTES
        if room.state == FULL:
            self._why = self._stream.closed_because = (
                f"The disk of {self._place} is full: {room.words()}. Make room; until then nothing"
                " is taken in, and it goes on by itself."
            )
            self._tell(DISK_FULL, self._why)
        elif room.state == LOW:
            self._tell(DISK_LOW, f"The disk of {self._place} is nearly full: {room.words()}.")

    async def _restart(self, nats: Restarts) -> None:
        now = self._clock.monotonic()
        if now - self._restarted_at < RESTART_PAUSE_SECONDS:
            return
        self._restarted_at = now
        self._starved = False
        log.warning("The embedded NATS server took nothing any more; it is restarted.")
        await nats.restart()
        self._stream.assume_well()

    def _tell(self, category: str, words: str) -> None:
        now = self._clock.monotonic()
        if now - self._counted.get(category, float("-inf")) >= COUNT_SECONDS:
            self._counted[category] = now
            log.error("%s", words)
            self._count(category, "service")


def disk_of(
    servers: Servers,
    stream: Stream,
    clock: Clock,
    registry: CollectorRegistry,
    *,
    count: Callable[[str, str], None],
) -> Disk:
    """Build what watches the disk of the embedded servers, if any is."""
    place = servers.data.path if servers.on_disk else None
    return Disk(place, stream, servers.stuck, clock, registry, count=count)

"""One of several processes that `serve --workers` has started on this machine: what the parent
tells it, and what it tells the parent, as lines of JSON on its input and output.

The parent has the data directory, the embedded servers and the port; a worker has neither, and ends
when its input does, because then the parent has ended.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from service.app.reload import Outcome
from service.app.servers import Servers
from service.embedded.data_directory import DataDirectory
from service.settings import NO_FILE, Settings, load

log = logging.getLogger(__name__)

MOST_LINE = 1024 * 1024
"""Bytes of one line; the longest is what a reload has to say."""


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """The first line to a worker: its number, the port of all, and where the servers are.
    `on_disk`: a server is embedded, so that the disk of the data directory is watched. `front`:
    there is one that takes the webhooks and requests, whose number is `count`, after the others."""

    number: int
    count: int
    front: bool = False
    port: int
    data_dir: str
    postgres_dsn: str
    nats_url: str
    on_disk: bool
    nats_is_embedded: bool
    config: str = ""

    @property
    def is_front(self) -> bool:
        """Whether this one takes webhooks and requests, and works on no orders."""
        return self.front and self.number == self.count

    @property
    def listens(self) -> bool:
        """Whether it is one of those that listen on the port of all."""
        return self.is_front or not self.front

    @property
    def processes(self) -> int:
        """How many workers there are, the front one among them."""
        return self.count + self.front


class Siblings(msgspec.Struct, frozen=True, kw_only=True):
    """Every further line: the ports on which the workers answer for themselves, by number. One that
    is down is not among them."""

    ports: Mapping[int, int] = {}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A line from a worker: that it is ready (`port` is its own), how a reload ended, or that the
    embedded NATS server takes nothing any more."""

    port: int = 0
    outcome: Outcome | None = None
    nats_is_stuck: bool = False


class Worker:
    """The worker's end. `siblings` are the ports of all that are up, this one's among them."""

    def __init__(self, assigned: Assigned, reader: asyncio.StreamReader) -> None:
        self.assigned = assigned
        self.siblings: Mapping[int, int] = {}
        self._reader = reader

    def servers(self) -> Servers:
        """Return where the parent's servers are."""
        told = self.assigned
        return Servers(
            data=DataDirectory(told.data_dir),
            postgres_dsn=told.postgres_dsn,
            nats_url=told.nats_url,
            postgres="the parent's",
            nats="the parent's",
            worker=told.number,
            watches_disk=told.on_disk,
            restarts=self if told.nats_is_embedded else None,
        )

    async def restart(self) -> None:
        """Have the parent restart the embedded NATS server; it does so at most every half a minute,
        however many ask."""
        self.say(Said(nats_is_stuck=True))

    def say(self, said: Said) -> None:
        """Tell the parent."""
        sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
        sys.stdout.buffer.flush()

    async def listen(self, ended: Callable[[], None]) -> None:
        """Follow what the parent says until it has ended, then tell `ended`."""
        while line := await self._reader.readline():
            self.siblings = msgspec.json.decode(line, type=Siblings).ports
        log.warning("The parent of the workers has ended, so this one does.")
        ended()


async def assigned_worker() -> Worker:
    """Read what the parent assigns. Raises RuntimeError when it ends before it has."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MOST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    line = await reader.readline()
    if not line:
        raise RuntimeError("The parent of the workers ended before it had said anything.")
    return Worker(msgspec.json.decode(line, type=Assigned), reader)


def config_of(assigned: Assigned) -> Path | None:
    """Return the file that the settings are from."""
    return Path(assigned.config) if assigned.config else None


def settings_of(assigned: Assigned) -> Settings:
    """Return the parent's settings: from its file, with its environment. Raises
    ConfigurationRefused."""
    settings = load(path=config_of(assigned) or NO_FILE)
    workers = msgspec.structs.replace(settings.workers, count=assigned.count, front=assigned.front)
    return msgspec.structs.replace(settings, workers=workers)

"""Several services on one Postgres and one NATS of the test's own, as containers would be."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil

from schemas.order.ids import PARTITIONS
from service.app import running
from service.demo.world import configuration, toml
from service.embedded.supervisor import embedded_servers
from tests.e2e.processes import ROOT, Process
from tests.e2e.world import QUICK, START_SECONDS, World, free_port
from tests.waiting import eventually

BALANCED_SECONDS = 60.0
"""Twice what is promised: the machine may be busy."""


class Servers(Protocol):
    """Where the Postgres and the NATS are that all use."""

    @property
    def postgres_dsn(self) -> str: ...

    @property
    def nats_url(self) -> str: ...


class Fleet(World):
    """A world with several services. The first one is `service`, and takes what partners report.
    `more` are settings of all."""

    def __init__(
        self, home: Path, stack: ExitStack, servers: Servers, size: int, **more: object
    ) -> None:
        super().__init__(home, stack, data=home / "data-0")
        self.servers = servers
        self.more = more
        self.urls = [self.url, *(f"http://127.0.0.1:{free_port()}" for _ in range(size - 1))]
        self.members: dict[int, Process] = {}

    @property
    def service(self) -> Process:
        return self.members[0]

    def folder(self, number: int) -> Path:
        """The data directory of one of them."""
        return self.home / f"data-{number}"

    def table(self, number: int, **more: object) -> dict[str, Any]:
        """The configuration of one of them."""
        port = int(self.urls[number].rpartition(":")[2])
        data = str(self.folder(number))
        table = configuration(self.partners, port=port, data_dir=data, pace=QUICK)
        table["postgres_dsn"] = self.servers.postgres_dsn
        table["nats_url"] = self.servers.nats_url
        table["listen"] = {**table["listen"], "public_url": self.urls[0]}
        return {**table, **self.more, **more}

    def start(self, number: int, *, code: Path = ROOT) -> Process:
        """Start one of them, without waiting for it. All but the first get its secrets. `code` is
        the checkout that it runs."""
        folder = self.folder(number)
        if number and not folder.exists():
            folder.mkdir(mode=0o700)
            shutil.copytree(self.folder(0) / "secrets", folder / "secrets")
        config = self.home / f"orderwright-{number}.toml"
        config.write_text(toml(self.table(number, workers={"shared": True})))
        config.chmod(0o600)
        words = ["serve", "--config", str(config)]
        self.members[number] = self.process(f"service {number}", "service.cli", words, code=code)
        return self.members[number]

    async def started(self, number: int) -> None:
        """Wait until one of them is ready. Raises EndedByItself."""
        process = self.members[number]

        def is_ready() -> bool:
            process.must_run()
            try:
                return running.read(self.folder(number)).pid == process.pid
            except running.NotRunning:
                return False

        await eventually(is_ready, START_SECONDS)

    async def shares(self) -> Counter[str]:
        """How many partitions each owner holds, of those that someone holds."""
        rows = await self.rows(
            "SELECT owner, count(*) FROM leases WHERE partition >= 0 AND expires_at > now()"
            " GROUP BY owner"
        )
        return Counter({row["owner"]: row["count"] for row in rows})

    async def balanced(self, members: int) -> Counter[str]:
        """Wait until so many hold all partitions, with one more at most than another."""
        seen: Counter[str] = Counter()

        async def even() -> bool:
            nonlocal seen
            seen = await self.shares()
            held = seen.values()
            return len(held) == members and sum(held) == PARTITIONS and max(held) - min(held) <= 1

        try:
            await eventually(even, BALANCED_SECONDS)
        except AssertionError:
            raise AssertionError(f"{members} do not share all partitions: {seen}") from None
        return seen

    def stop_for_now(self, number: int) -> None:
        """SIGSTOP."""
        psutil.Process(self.members[number].pid).send_signal(signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """SIGCONT."""
        psutil.Process(self.members[number].pid).send_signal(signal.SIGCONT)


CONNECTIONS = 150
"""For three services, those that were killed a moment ago, and the test."""


@asynccontextmanager
async def fleet_in(home: Path, size: int) -> AsyncIterator[Fleet]:
    """A fleet whose processes and servers all end with the block."""
    async with AsyncExitStack() as stack:
        # A process that was killed leaves its connections to the server for a moment.
        allowed = {"max_connections": str(CONNECTIONS)}
        data = home / "servers"
        servers = await stack.enter_async_context(embedded_servers(data, postgres_settings=allowed))
        yield Fleet(home, stack.enter_context(ExitStack()), servers, size)

"""Three NATS servers as docs/operations.md sets them up, each a process, and a Postgres."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from service.embedded.data_directory import DataDirectory
from service.embedded.postgres import EmbeddedPostgres
from service.embedded.programs import nats_program
from tests.e2e.fleet import CONNECTIONS, Fleet
from tests.e2e.processes import ROOT, Process
from tests.e2e.world import free_port
from tests.waiting import eventually

PASSWORD = "a-password-of-tests"
NODES = ("nats-1", "nats-2", "nats-3")
CLIENTS, ROUTES, MONITOR = 4222, 6222, 8222
CAUGHT_UP_SECONDS = 60.0


def documented(language: str, first_line: str) -> str:
    """The block of docs/operations.md that begins with this line."""
    text = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(rf"```{language}\n(# {re.escape(first_line)}.*?)```", text, re.DOTALL)
    return str(block)


def compose() -> dict[str, Any]:
    """The compose file of the docs."""
    told: dict[str, Any] = yaml.safe_load(documented("yaml", "compose.yaml"))
    return told


class Cluster:
    """The three servers. Where the documented configuration names a host and port or the volume,
    each has its own here."""

    def __init__(self, home: Path, stack: ExitStack, program: Path) -> None:
        self._home = home
        self._stack = stack
        self._program = program
        self._ports = {(node, port): free_port() for node in NODES for port in _PORTS}
        self._processes: dict[str, Process] = {}

    def address(self, node: str) -> str:
        """One server's address, with user and password."""
        return f"nats://orderwright:{PASSWORD}@127.0.0.1:{self._ports[node, CLIENTS]}"

    @property
    def url(self) -> str:
        """All addresses, as the setting takes them."""
        return ",".join(map(self.address, NODES))

    def start(self, node: str) -> None:
        """Start one, on what it has kept."""
        file = self._home / f"{node}.conf"
        file.write_text(self._configuration(node))
        file.chmod(0o600)
        process = Process(
            node,
            ["-c", str(file)],
            self._home / f"{node}.log",
            program=[str(self._program)],
            environ={"NODE": node, "NATS_PASSWORD": PASSWORD},
        )
        self._stack.callback(process.stop)
        self._processes[node] = process

    def kill(self, node: str) -> None:
        """kill -9."""
        self._processes[node].kill()

    async def healthy(self, node: str) -> None:
        """Wait until one says that it is well and has caught up with the others."""
        url = f"http://127.0.0.1:{self._ports[node, MONITOR]}/healthz"

        async def is_well() -> bool:
            self._processes[node].must_run()
            try:
                async with aiohttp.ClientSession() as session, session.get(url) as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(is_well, CAUGHT_UP_SECONDS)

    async def leads(self) -> Mapping[str, str]:
        """Which server leads each stream: by stream."""
        for node in NODES:
            url = f"http://127.0.0.1:{self._ports[node, MONITOR]}/jsz?streams=1"
            if not self._processes[node].running:
                continue
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                told = await answer.json()
            streams = [
                one for account in told["account_details"] for one in account["stream_detail"]
            ]
            return {one["name"]: one["cluster"].get("leader", "") for one in streams}
        return {}

    def _configuration(self, node: str) -> str:
        text = documented("conf", "nats.conf")
        store = self._home / node
        store.mkdir(exist_ok=True)
        text = text.replace('"/data"', f'"{store}"')
        for port in _PORTS:
            text = text.replace(f"0.0.0.0:{port}", f"127.0.0.1:{self._ports[node, port]}")
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self._ports[node, port]}")
        for one in NODES:
            text = text.replace(f"{one}:{ROUTES}", f"127.0.0.1:{self._ports[one, ROUTES]}")
        return text


_PORTS = (CLIENTS, ROUTES, MONITOR)


class _Outside:
    def __init__(self, postgres_dsn: str, nats_url: str) -> None:
        self.postgres_dsn = postgres_dsn
        self.nats_url = nats_url


@asynccontextmanager
async def clustered(home: Path, size: int) -> AsyncIterator[tuple[Fleet, Cluster]]:
    """A fleet of so many services on a cluster; all ends with the block."""
    with DataDirectory(home / "servers") as data:
        postgres = EmbeddedPostgres(data, settings={"max_connections": str(CONNECTIONS)})
        try:
            dsn = await postgres.start()
            with ExitStack() as stack:
                cluster = await _started(home, stack, data)
                servers = _Outside(dsn, cluster.url)
                yield Fleet(home, stack, servers, size, nats_replicas=len(NODES)), cluster
        finally:
            await postgres.stop()


@asynccontextmanager
async def cluster_in(home: Path) -> AsyncIterator[Cluster]:
    """The three servers alone; all end with the block."""
    with DataDirectory(home / "servers") as data, ExitStack() as stack:
        yield await _started(home, stack, data)


async def _started(home: Path, stack: ExitStack, data: DataDirectory) -> Cluster:
    cluster = Cluster(home, stack, nats_program(data))
    for node in NODES:
        cluster.start(node)
    for node in NODES:
        await cluster.healthy(node)
    return cluster

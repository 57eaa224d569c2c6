"""`serve` with several workers: one parent, which does no order's work, and as many processes that
share the orders and one port.

The parent has the data directory and the embedded servers, and starts a worker again that ends. A
worker does not outlive it: the kernel kills it (launch.py), so that never two generations run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import msgspec

from actors.runtime.ending import end_all
from service.app import running
from service.app.disk import RESTART_PAUSE_SECONDS
from service.app.errors import OperatorError
from service.app.front import AddressTaken, why_taken
from service.app.reload import Outcome
from service.app.sealing_keys import sealing_of
from service.app.servers import Servers, addresses, open_servers
from service.app.sessions import signing_keys
from service.app.worker import MOST_LINE, Assigned, Said, Siblings
from service.embedded import launch
from service.settings import NO_FILE, ConfigurationRefused, Settings, load
from service.settings.changes import changes
from service.wiring.store import REPORTS, migrate

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 12
"""Of the embedded Postgres, beside the workers': for commands, and what it keeps for itself."""

LONG_LIFE_SECONDS = 30.0
"""A worker that lived so long may end once more without being counted."""

MOST_DEATHS = 12
"""Ends of one worker in a row, each after a short life, before the service gives up: its supervisor
should know."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 15.0
"""Before a worker is started again: doubling with each end after a short life."""

AFTER_DRAIN_SECONDS = 10.0
"""What a worker may take to close everything once it has drained; then it is killed."""

RELOAD_SECONDS = 45.0
"""How long all workers may take to change over."""


class WorkerEnded(OperatorError):
    """A worker did not start, or ended too often; it has said why itself."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.exit_code = code  # type: ignore[misc] # each worker's own, not the class's


class _Running:
    """A worker's process, and the port on which it answers for itself (0: not ready)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self.ready = asyncio.Event()


class Parent:
    """Starts the workers and keeps them; `stopped` is set when all should end, `failure` says why,
    if unasked."""

    def __init__(self, settings: Settings, config: Path | None) -> None:
        self.settings = settings
        self.config = config
        self.stopped = asyncio.Event()
        self.failure: OperatorError | None = None
        self.port = 0
        self._count = settings.workers.processes
        self._servers: Servers | None = None
        self._workers: dict[int, _Running] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._changed = asyncio.Event()
        self._asked = asyncio.Event()
        self._reloads = 0
        self._restarted_at = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, told: Callable[[str], None]) -> None:
        """Run until `stopped`. Raises OperatorError, JournalUnavailable and NatsUnusable."""
        settings, data_dir = self.settings, Path(self.settings.data_dir)
        each = settings.limits.pool_size + REPORTS
        connections = self._count * each + SPARE_CONNECTIONS
        async with open_servers(settings, self._fail, connections=connections) as servers:
            self._servers = servers
            told(f"postgres {servers.postgres}")
            told(f"nats {servers.nats}")
            # Once, before there are several who would.
            signing_keys(settings, servers.data)
            sealing_of(settings, servers.data)
            await migrate(servers.postgres_dsn)
            told("schema")
            with contextlib.ExitStack() as ports:
                host, health_port = settings.listen.host, settings.listen.health_port
                kept = reserved(host, settings.listen.port, "ORDERWRIGHT_PORT")
                self.port = ports.enter_context(kept)
                if health_port:
                    ports.enter_context(reserved(host, health_port, "ORDERWRIGHT_HEALTH_PORT"))
                try:
                    await self._start_all()
                    if not self.stopped.is_set():
                        running.write(data_dir, self._addresses(Outcome()))
                        told(f"ready on port {self.port}, with {self._count} workers")
                        self._begin(self._reload_when_asked())
                    await self.stopped.wait()
                finally:
                    await self._end_all()
        if self.failure is not None:
            raise self.failure

    def reload(self) -> None:
        """Reload soon: a signal came."""
        self._asked.set()

    async def _start_all(self) -> None:
        """Start all, and wait until each is ready, or one has ended."""
        for number in range(self._count):
            self._begin(self._keep(number))
        while not self.stopped.is_set():
            ready = [worker for worker in self._workers.values() if worker.ready.is_set()]
            if len(ready) == self._count:
                return
            await self._change()

    async def _keep(self, number: int) -> None:
        """Have worker `number` run, until all end."""
        time = asyncio.get_running_loop().time
        deaths, was_ready = 0, False
        while not self.stopped.is_set():
            began = time()
            worker = self._workers[number] = _Running(await self._spawn(number))
            await self._hear(number, worker)
            code = await worker.process.wait()
            if self.stopped.is_set():
                return
            was_ready = was_ready or worker.ready.is_set()
            deaths = 1 if time() - began > LONG_LIFE_SECONDS else deaths + 1
            del self._workers[number]
            self._tell_siblings()
            if not was_ready or deaths >= MOST_DEATHS:
                words = "did not start" if not was_ready else f"ended {deaths} times in a row"
                self._fail(WorkerEnded(f"Worker {number} {words}: see what it said.", max(code, 1)))
                return
            log.error("Worker %d ended with code %d; it is started again.", number, code)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_pause(deaths)):
                    await self.stopped.wait()

    async def _spawn(self, number: int) -> asyncio.subprocess.Process:
        servers = self._servers
        assert servers is not None
        # launch.py takes: parent, signal, uid, gid, directory, program and its arguments.
        kill, here = str(int(signal.SIGKILL)), str(Path.cwd())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), kill, "-1", "-1"),
            *(here, sys.executable, "-m", "service.cli", "worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MOST_LINE,
        )
        assigned = Assigned(
            number=number,
            count=self.settings.workers.count,
            front=self.settings.workers.front,
            port=self.port,
            data_dir=str(servers.data.path),
            postgres_dsn=servers.postgres_dsn,
            nats_url=servers.nats_url,
            on_disk=servers.on_disk,
            nats_is_embedded=servers.embedded_nats is not None,
            config=str(self.config.resolve()) if self.config else "",
        )
        _tell(process, assigned)
        return process

    async def _hear(self, number: int, worker: _Running) -> None:
        """Follow what a worker says, until it has ended."""
        assert worker.process.stdout is not None
        while line := await worker.process.stdout.readline():
            said = msgspec.json.decode(line, type=Said)
            if said.nats_is_stuck:
                self._begin(self._restart_nats())
            if said.outcome is not None:
                self._outcomes[number] = said.outcome
                worker.port = said.port
                worker.ready.set()
                self._tell_siblings()
            self._changed.set()
        self._changed.set()

    def _tell_siblings(self) -> None:
        ports = {number: one.port for number, one in self._workers.items() if one.port}
        for worker in self._workers.values():
            _tell(worker.process, Siblings(ports=ports))

    async def _restart_nats(self) -> None:
        now = asyncio.get_running_loop().time()
        servers = self._servers
        if servers is None or servers.embedded_nats is None:
            return
        if now - self._restarted_at >= RESTART_PAUSE_SECONDS:
            self._restarted_at = now
            await servers.embedded_nats.restart()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            outcome = await self._reload()
            log.info("%s", outcome.words)
            running.write(Path(self.settings.data_dir), self._addresses(outcome))

    async def _reload(self) -> Outcome:
        """Have all workers reload, and return how that ended: well, if it did for each."""
        self._reloads += 1
        self._outcomes.clear()
        servers = self._servers
        assert servers is not None
        try:
            new = await asyncio.to_thread(load, path=self.config or NO_FILE)
            kept = changes(self.settings, new).settings
            if servers.embedded_nats is not None:
                await servers.embedded_nats.use(tuple(kept.channels))
        except (ConfigurationRefused, OperatorError, OSError) as error:
            log.warning("The workers refuse this configuration: %s", error)
        else:
            self.settings = kept
        for worker in self._workers.values():
            worker.process.send_signal(signal.SIGHUP)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RELOAD_SECONDS):
                while len(self._outcomes) < self._count:
                    await self._change()
        return self._summed()

    def _summed(self) -> Outcome:
        bad = [f"worker {n}: {one.words}" for n, one in self._outcomes.items() if not one.good]
        silent = self._count - len(self._outcomes)
        if silent:
            bad.append(f"{silent} workers did not say how their reload ended; see the log")
        if len(bad) == self._count and not silent:
            bad = [next(iter(self._outcomes.values())).words]
        good = [one.words for one in self._outcomes.values() if one.good]
        words = " ".join(bad) if bad else good[0]
        return Outcome(count=self._reloads, good=not bad, words=words)

    async def _change(self) -> None:
        """Wait until a worker has said something, or all should end."""
        waits = [asyncio.create_task(one.wait()) for one in (self._changed, self.stopped)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_all(waits)
        self._changed.clear()

    async def _end_all(self) -> None:
        """Have all drain, within the bound."""
        self.stopped.set()
        seconds = self.settings.limits.drain_seconds + AFTER_DRAIN_SECONDS
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.process.terminate()
        ends = [asyncio.create_task(one.process.wait()) for one in self._workers.values()]
        if ends:
            await asyncio.wait(ends, timeout=seconds)
        for worker in self._workers.values():
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()
        await asyncio.gather(*ends)
        await end_all(self._tasks)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks = [*(one for one in self._tasks if not one.done()), task]

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A task of the parent failed.", exc_info=error)
            self._fail(OperatorError(f"The service stops because a part of it failed: {error}"))

    def _fail(self, failure: OperatorError) -> None:
        if self.failure is None and not self.stopped.is_set():
            log.error("%s", failure)
            self.failure = failure
            self.stopped.set()

    def _addresses(self, outcome: Outcome) -> running.Running:
        assert self._servers is not None
        listen = self.settings.listen
        url = listen.public_url or f"http://{listen.host}:{self.port}"
        return addresses(self._servers, self.settings, self.config, url, self.port, outcome)


def _pause(deaths: int) -> float:
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (deaths - 1)))


def _tell(process: asyncio.subprocess.Process, words: Assigned | Siblings) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has just ended
        process.stdin.write(msgspec.json.encode(words) + b"\n")


@contextlib.contextmanager
def reserved(host: str, port: int, variable: str) -> Iterator[int]:
    """Keep a port for the workers, who listen on it together; yield its number. 0 is any port.
    Raises AddressTaken."""
    with contextlib.ExitStack() as stack:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            kept = stack.enter_context(socket.socket(family, kind))
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _refuse_if_taken(family, kind, address)
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            kept.bind(address)
        except OSError as error:
            raise AddressTaken(why_taken(host, port, variable, error)) from error
        yield kept.getsockname()[1]


def _refuse_if_taken(family: int, kind: int, address: tuple[object, ...]) -> None:
    """Another service that shares its port would let us in, and get half of our requests."""
    if address[1]:
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)


async def serve_workers(
    settings: Settings, told: Callable[[str], None], *, config: Path | None
) -> None:
    """As `serve`, with the workers of `settings.workers`. Raises OperatorError, JournalUnavailable
    and NatsUnusable."""
    parent = Parent(settings, config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, parent.stopped.set)
    loop.add_signal_handler(signal.SIGHUP, parent.reload)
    await parent.run(told)

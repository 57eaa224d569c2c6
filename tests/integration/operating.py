"""A person who operates a service: an empty directory, a terminal in it, and one service."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import msgspec

from service.app import running
from tests.e2e.processes import Process
from tests.integration import typed
from tests.integration.servers import temporary_home
from tests.waiting import eventually

START_SECONDS = 60.0


class Terminal:
    """Types commands in one directory, as a person does. `data` is the service's directory."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.data = folder / "orderwright-data"
        self._stack = stack
        self._service: Process | None = None

    @property
    def service(self) -> Process:
        assert self._service is not None, "the service was not started"
        return self._service

    def types(self, line: str, *, code: int = 0, environ: Mapping[str, str] | None = None) -> str:
        """Type a command; return what it printed, once its exit code is as expected."""
        program, *words = shlex.split(line)
        assert program == "orderwright"
        ran = typed.run(tuple(words), self.folder, environ or {}, seconds=90.0)
        assert ran.code == code, f"{line} ended with {ran.code}:\n{ran.said}"
        assert "Traceback" not in ran.said, ran.said
        return ran.said

    async def serves(self, *words: str) -> None:
        """Type `orderwright serve` in another terminal, and wait until it is ready."""
        log = self.folder / "service.log"
        self._service = child = Process(
            "the service", ["service.cli", "serve", *words], log, directory=self.folder
        )
        self._stack.callback(child.stop)

        def ready() -> bool:
            child.must_run()
            try:
                return self.runtime().pid == child.pid
            except running.NotRunning:
                return False

        await eventually(ready, START_SECONDS)

    def runtime(self) -> running.Running:
        """What the service says of itself."""
        return running.read(self.data)

    def log(self) -> str:
        """What the service has logged."""
        return (self.folder / "service.log").read_text()

    async def hangs_up(self) -> running.Running:
        """Send SIGHUP, and wait for what becomes of it."""
        before = self.runtime().reloads
        os.kill(self.service.pid, signal.SIGHUP)

        def ended() -> running.Running | None:
            self.service.must_run()
            found = self.runtime()
            return found if found.reloads != before else None

        found = await eventually(ended, 30.0)
        assert found is not None
        return found

    async def asks(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Ask the service over HTTP; return status and body."""
        timeout = aiohttp.ClientTimeout(total=20.0)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                method, f"{self.runtime().url}{path}", data=body, headers=dict(headers or {})
            ) as answer,
        ):
            return answer.status, await answer.read()

    async def stage(self, token: str, name: str) -> str:
        """Return an order's stage over the API; "" while it is unknown."""
        bearer = {"Authorization": f"Bearer {token}"}
        status, found = await self.asks("GET", f"/api/v1/orders/{name}", headers=bearer)
        return str(msgspec.json.decode(found)["row"]["stage"]) if status == 200 else ""


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal in an empty directory; what it started ends with it."""
    with temporary_home() as folder, ExitStack() as stack:
        yield Terminal(folder, stack)

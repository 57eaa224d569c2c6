"""One supervised server: started, watched, restarted when it dies, stopped within a bound."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.app.errors import EmbeddedServerFailed
from service.embedded.account import Account
from service.embedded.child import Child, StopSteps

log = logging.getLogger(__name__)

_READY_POLL_SECONDS = 0.01
_LOG_CHECK_SECONDS = 15.0
_LONGEST_BACKOFF_SECONDS = 2.0
_ROOM_POLL_SECONDS = 1.0
_FIRST_PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)

LONGEST_RECOVERY_SECONDS = 3600.0
"""A Postgres has 2 GiB of its log to replay at most (`max_wal_size`), on a slow disk some minutes;
one that is still at it after an hour does not get on, and a person must look."""

FailureCallback = Callable[[EmbeddedServerFailed], None]


@dataclass(frozen=True)
class Program:
    """What to run, and how.

    `prepare` runs before every start and ends orphans; `ready` is called with the pid until it
    returns True. The kernel sends `death_signal` when our process dies, however it dies.
    `stop_steps` are signals, each with its seconds; SIGKILL follows the last. While `has_room` says
    no, a server that died is not started again: on a full disk it would only die once more. A
    server that is not ready in time is waited for as long as `working` says that it gets on, such
    as one that recovers from a crash, LONGEST_RECOVERY_SECONDS at most.
    """

    name: str
    arguments: Sequence[str]
    directory: Path
    log_path: Path
    account: Account | None
    death_signal: signal.Signals
    stop_steps: StopSteps
    prepare: Callable[[], Awaitable[None]]
    ready: Callable[[int], Awaitable[bool]]
    ready_timeout_seconds: float = 60.0
    log_limit_bytes: int = 8 * 1024 * 1024
    has_room: Callable[[], bool] = lambda: True
    working: Callable[[int], bool] = lambda pid: False


class _EndedEarly(EmbeddedServerFailed):
    """It ended before it was ready."""


class SupervisedProcess:
    """Call it from one event loop's thread; the server lives no longer than that thread.

    A start that ends before it is ready is tried again, for three seconds altogether: what a run
    that was killed held, such as shared memory of processes that are just ending, is free soon.

    After a life of at least `fast_life_seconds` the restart is immediate. After shorter lives
    restarts are delayed by 0.05 s, doubling up to 2 s; after `fast_deaths_limit` of those in a row
    supervision ends: `failure` is set and `on_failure` is called with it, once.
    """

    def __init__(
        self,
        program: Program,
        *,
        on_failure: FailureCallback | None = None,
        fast_life_seconds: float = 2.0,
        fast_deaths_limit: int = 10,
    ) -> None:
        self._program = program
        self._on_failure = on_failure
        self._fast_life_seconds = fast_life_seconds
        self._fast_deaths_limit = fast_deaths_limit
        self._child: Child | None = None
        self._supervision: asyncio.Task[None] | None = None
        self.restarts = 0
        self.failure: EmbeddedServerFailed | None = None

    @property
    def pid(self) -> int | None:
        """The running child's pid, None while it is down."""
        if self._child is None or self._child.exited.is_set():
            return None
        return self._child.pid

    async def start(self) -> None:
        """Start, and wait until it is ready; raises EmbeddedServerFailed and leaves nothing
        running."""
        if self._supervision is not None:
            raise RuntimeError(f"{self._program.name} is already supervised.")
        try:
            child = await self._start_first()
        except BaseException:
            await self._end_child()
            raise
        self._supervision = asyncio.create_task(
            self._supervise(child), name=f"supervise {self._program.name}"
        )

    async def stop(self) -> None:
        """Stop it gracefully, within the sum of the stop steps and 5 s for SIGKILL."""
        if self._supervision is not None:
            self._supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervision
            self._supervision = None
        await self._end_child()

    async def restart(self) -> None:
        """End the child; supervision starts it again at once. Nothing happens while it is down."""
        child = self._child
        if child is not None and not child.exited.is_set():
            await child.end(self._program.stop_steps)

    async def _start_first(self) -> Child:
        for pause_seconds in _FIRST_PAUSES_SECONDS:
            try:
                return await self._start_once()
            except _EndedEarly as error:
                if not self._program.has_room():
                    raise
                log.warning("%s It is tried again.", error)
            await self._end_child()
            await asyncio.sleep(pause_seconds)
        return await self._start_once()

    async def _start_once(self) -> Child:
        program = self._program
        await program.prepare()
        bound_log(program.log_path, program.log_limit_bytes)
        self._child = child = Child(
            program.arguments,
            directory=program.directory,
            account=program.account,
            death_signal=program.death_signal,
            log_path=program.log_path,
        )
        began = time.monotonic()
        deadline = began + program.ready_timeout_seconds
        while not await program.ready(child.pid):
            if child.exited.is_set():
                raise self._error("ended before it was ready", _EndedEarly)
            if time.monotonic() > deadline:
                seconds = program.ready_timeout_seconds
                if not program.working(child.pid):
                    raise self._error(f"was not ready within {seconds:.0f} seconds")
                if time.monotonic() - began > LONGEST_RECOVERY_SECONDS:
                    raise self._error(
                        f"still recovers after {LONGEST_RECOVERY_SECONDS:.0f} seconds"
                    )
                log.warning("The embedded %s still recovers: it is waited for.", program.name)
                deadline += seconds
            await child.wait(_READY_POLL_SECONDS)
        return child

    async def _supervise(self, child: Child) -> None:
        deaths = 0
        while True:
            ready_since = time.monotonic()
            while not await child.wait(_LOG_CHECK_SECONDS):
                bound_log(self._program.log_path, self._program.log_limit_bytes)
            lived = time.monotonic() - ready_since
            deaths = deaths + 1 if lived < self._fast_life_seconds else 0
            restarted = await self._restart(deaths)
            if restarted is None:
                return
            child, deaths = restarted

    async def _restart(self, deaths: int) -> tuple[Child, int] | None:
        """Return the new child and the count of fast deaths, None after giving up."""
        while deaths < self._fast_deaths_limit:
            if deaths > 1:
                await asyncio.sleep(min(_LONGEST_BACKOFF_SECONDS, 0.05 * 2.0 ** (deaths - 2)))
            if not self._program.has_room():
                await asyncio.sleep(_ROOM_POLL_SECONDS)
                continue
            self.restarts += 1
            try:
                await self._end_child()
                return await self._start_once(), deaths
            except (EmbeddedServerFailed, OSError):
                deaths += 1
        self.failure = self._error(f"died {deaths} times in a row and was given up")
        if self._on_failure is not None:
            self._on_failure(self.failure)
        return None

    async def _end_child(self) -> None:
        if self._child is None:
            return
        if await self._child.end(self._program.stop_steps) is None:
            raise self._error("did not end even when killed")
        self._child = None

    def _error(
        self, what: str, kind: type[EmbeddedServerFailed] = EmbeddedServerFailed
    ) -> EmbeddedServerFailed:
        last = last_line(self._program.log_path)
        said = f', and says "{last}"' if last else ""
        return kind(
            f"The embedded {self._program.name} {what}; its log is {self._program.log_path}{said}."
        )


def last_line(log_path: Path) -> str:
    """Return the last non-empty line of a log, at most 2,000 bytes of it."""
    try:
        with open(log_path, "rb") as log:
            log.seek(max(0, os.path.getsize(log_path) - 2000))
            lines = log.read(2000).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def bound_log(path: Path, limit_bytes: int) -> None:
    """Keep the last full log beside the growing one: little more than twice the limit.

    The child writes with O_APPEND, so cutting the file under it leaves no hole.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size <= limit_bytes:
            return
        with open(path, "rb") as log:
            log.seek(-limit_bytes, os.SEEK_END)
            path.with_name(f"{path.name}.1").write_bytes(log.read(limit_bytes))
        os.truncate(path, 0)

"""Processes that end with the test run, and can be waited for without losing their last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.embedded import launch
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 40.0


class EndedByItself(AssertionError):
    """A process ended that should have gone on."""


class Process:
    """`python -m …` from the checkout, or another program, with its output in a file.

    The kernel kills it when this process ends, however that happens; so start it from the main
    thread.
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        *,
        directory: Path = ROOT,
        program: Sequence[str] = (sys.executable, "-m"),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        # launch.py takes: parent, signal, uid, gid, directory, program and its arguments.
        words = [str(os.getpid()), str(int(signal.SIGKILL)), "-1", "-1", str(directory)]
        words += program
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                [sys.executable, launch.__file__, *words, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**_environment(), **(environ or {})},
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def kill(self) -> None:
        """kill -9, and wait until the kernel has done it."""
        self._popen.kill()
        self._popen.wait(10)

    async def ended(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once it ends by itself."""
        await eventually(lambda: not self.running, seconds)
        return self._popen.wait()

    async def terminated(self, seconds: float = STOP_SECONDS) -> int:
        """SIGTERM, and the exit code that follows."""
        self._popen.terminate()
        return await self.ended(seconds)

    def stop(self) -> None:
        """End it for good; harmless when it has ended."""
        if self.running:
            self._popen.kill()
        self._popen.wait(10)

    def must_run(self) -> None:
        """Raise EndedByItself, with its last words, when it does not run."""
        if not self.running:
            code = self._popen.wait()
            raise EndedByItself(
                f"{self.name} ended with code {code}. It said:\n{self.last_words()}"
            )

    def last_words(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _environment() -> dict[str, str]:
    """Ours, without what would configure the service from outside, and with compiled modules kept:
    a service that is killed every few seconds should not spend them on compiling itself."""
    left_out = ("ORDERWRIGHT_", "OTEL_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PYTHONPATH": str(ROOT)}


async def passes(process: Process, seconds: float) -> None:
    """Let the time pass, as long as the process runs. Raises EndedByItself."""
    try:
        await eventually(lambda: not process.running, seconds)
    except AssertionError:
        return
    process.must_run()

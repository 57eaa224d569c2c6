"""One child process: started through `launch.py`, watched by the event loop, ended by signals of
increasing force."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from service.embedded import launch
from service.embedded.account import Account

_AFTER_KILL_SECONDS = 5.0

StopSteps = Sequence[tuple[signal.Signals, float]]


class Child:
    """Create and use it in the event loop's thread: the kernel ties the parent-death signal to that
    thread.

    `exited` is set once the process has ended. The process stays a zombie until `end` reaps it in
    the loop's thread, so its pid can't be reused while it may still be signalled.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        directory: Path,
        account: Account | None,
        death_signal: signal.Signals,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.exited = asyncio.Event()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        log = os.open(log_path, flags, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                [
                    *(sys.executable, "-I", "-S", launch.__file__),
                    *(str(os.getpid()), str(int(death_signal))),
                    *((str(account.uid), str(account.gid)) if account else ("-1", "-1")),
                    str(directory),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **(environment or {})},
            )
        finally:
            os.close(log)
        self.pid = self._process.pid
        threading.Thread(
            target=_report_exit,
            args=(self.pid, asyncio.get_running_loop(), self.exited),
            name=f"exit of {self.pid}",
            daemon=True,
        ).start()

    async def wait(self, timeout_seconds: float) -> bool:
        """Whether the process ended within the time."""
        with contextlib.suppress(TimeoutError):
            # Not wait_for: in Python 3.11 it may swallow a cancellation that coincides with the
            # exit.
            async with asyncio.timeout(timeout_seconds):
                await self.exited.wait()
        return self.exited.is_set()

    async def end(self, steps: StopSteps) -> int | None:
        """End the process if it still runs, reap it, and return its exit status (negative: the
        signal).

        Each signal is given its seconds; SIGKILL follows the last. Returns None when even that did
        not end the process (it hangs in the kernel).
        """
        for number, wait_seconds in (*steps, (signal.SIGKILL, _AFTER_KILL_SECONDS)):
            if self.exited.is_set():
                break
            self._process.send_signal(number)
            await self.wait(wait_seconds)
        return self._process.wait() if self.exited.is_set() else None


def _report_exit(pid: int, loop: asyncio.AbstractEventLoop, exited: asyncio.Event) -> None:
    """Wait for the child in a separate thread, without reaping it."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    # The loop may be closed by now; then nothing waits for this.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(exited.set)

"""A person at a terminal who is asked: a command on a pseudo-terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.e2e.processes import ROOT

ANSWER_SECONDS = 30.0
_CHUNK = 4_096

# A password is asked for at the controlling terminal, which a child only has if it takes one.
_LAUNCH = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "service.cli", *sys.argv[1:]])
"""


class Dialogue:
    """A command that asks. Everything it and the person wrote is in `seen`, as on the screen."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.seen = ""
        self._read = 0
        self._screen, theirs = pty.openpty()
        self._child = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._screen)
        self._child.kill()
        self._child.wait()

    def asked(self, question: str) -> str:
        """Wait until this is asked; return what was on the screen since the last answer."""
        self._until(lambda new: re.search(f"{re.escape(question)}[^\\n]*: $", new) is not None)
        return self.seen[self._read :]

    def answers(self, text: str, *, enter: bool = True) -> None:
        """Type an answer, once the command waits for it."""
        self._wait_until_it_waits()
        self._read = len(self.seen)
        os.write(self._screen, f"{text}\n".encode() if enter else text.encode())

    def ends(self) -> int:
        """Wait for the end of the command; return its exit code."""
        self._until(lambda new: False)
        return self._child.wait(ANSWER_SECONDS)

    def _wait_until_it_waits(self) -> None:
        # An interruption between the question and the system's call that reads its answer is
        # kept by Python until that call ends: it would need another key, as a person would press.
        give_up = time.monotonic() + ANSWER_SECONDS
        status = Path(f"/proc/{self._child.pid}/stat")
        while status.read_text().rpartition(")")[2].split()[0] != "S":
            assert time.monotonic() < give_up, f"It never waited for an answer:\n{self.seen}"
            os.sched_yield()

    def _until(self, done: Callable[[str], bool]) -> None:
        give_up = time.monotonic() + ANSWER_SECONDS
        while not done(self.seen[self._read :]):
            ready, _, _ = select.select([self._screen], [], [], 1.0)
            assert time.monotonic() < give_up, f"Nothing more came after:\n{self.seen}"
            if not ready:
                continue
            try:
                came = os.read(self._screen, _CHUNK)
            except OSError:  # Linux's end of a pseudo-terminal
                return
            if not came:
                return
            self.seen += came.decode().replace("\r\n", "\n")

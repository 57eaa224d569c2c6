"""The demo's output: lines, and on a terminal one status line below them that is redrawn."""

from __future__ import annotations

import shutil
from typing import TextIO

STATUS = "\r"
"""A line that begins so is the status."""

CLEAR = "\r\x1b[K"


class Terminal:
    """Writes to a stream. Where no one watches a terminal, each new status is a line of its own."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        self._stream = stream
        self._width = width
        self._redraws = stream.isatty()
        self._status = ""

    def say(self, line: str) -> None:
        """Write a line, or replace the status."""
        if not self._redraws:
            self._stream.write(f"{line.removeprefix(STATUS).rstrip()}\n")
            self._stream.flush()
            return
        if line.startswith(STATUS):
            self._status = line.removeprefix(STATUS).rstrip()
        else:
            self._stream.write(f"{CLEAR}{line}\n")
        self._draw()

    def end_status(self) -> None:
        """Leave no status below what is written from now on."""
        if self._redraws and self._status:
            self._stream.write(CLEAR)
            self._stream.flush()
        self._status = ""

    def _draw(self) -> None:
        # A status that is wider than the terminal would wrap, and then only its end be replaced.
        width = self._width or shutil.get_terminal_size().columns
        status = self._status
        if len(status) >= width:
            status = f"{status[: width - 2]}…"
        self._stream.write(f"{CLEAR}{status}")
        self._stream.flush()

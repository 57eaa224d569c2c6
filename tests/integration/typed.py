"""A command typed beside a running service, in a process of its own.

To import the service takes most of a command's time, and the tests type hundreds. So the first time
a command is typed in a run it begins cold, as a person's does; typed again it begins as a copy
(fork) of a process that has imported everything and done nothing else,
`tests.integration.copies`.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from tests.e2e.processes import ROOT

START_SECONDS = 60.0
"""All imports on a busy machine."""

_LOCK = threading.Lock()
_typed: set[tuple[str, ...]] = set()


class Typed(msgspec.Struct, frozen=True):
    """What is typed: the words after `orderwright`, where, and in which environment."""

    words: tuple[str, ...]
    folder: str
    environ: dict[str, str]


class Ran(msgspec.Struct, frozen=True):
    """How a command ended (as subprocess tells it), and what it printed, both streams."""

    code: int
    said: str


def run(
    words: tuple[str, ...], folder: Path, environ: Mapping[str, str], *, seconds: float = 60.0
) -> Ran:
    """Run `orderwright` with these words. What configures the service from outside is left out of
    the environment; `environ` is added. Raises subprocess.TimeoutExpired."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORDERWRIGHT_", "OTEL_"))}
    typed = Typed(words, str(folder), {**kept, "PYTHONPATH": str(ROOT), **environ})
    # What is not ours may change how Python itself begins.
    plain = all(name.startswith("ORDERWRIGHT_") for name in environ)
    command = tuple(word for word in words[:2] if word.isalpha())
    with _LOCK:
        known = command in _typed
        _typed.add(command)
        copies = _copies() if known and plain else None
    return _cold(typed, seconds) if copies is None else _copied(copies, typed, seconds)


def _cold(typed: Typed, seconds: float) -> Ran:
    ran = subprocess.run(
        [sys.executable, "-m", "service.cli", *typed.words],
        cwd=typed.folder,
        env=typed.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout + ran.stderr)


def _copied(there: str, typed: Typed, seconds: float) -> Ran:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        asked.settimeout(START_SECONDS)
        asked.connect(there)
        # The standard library's, which takes what a terminal in another encoding has typed.
        request = json.dumps(msgspec.to_builtins(typed)).encode()
        socket.send_fds(asked, [request], [out.fileno(), err.fileno()])
        pid = int(asked.recv(32))
        asked.settimeout(seconds)
        try:
            code = int(asked.recv(32))
        except TimeoutError:
            os.kill(pid, 9)
            raise subprocess.TimeoutExpired(list(typed.words), seconds) from None
        said = [file.read().decode() for file in (out, err) if file.seek(0) == 0]
    return Ran(code, "".join(said))


@cache
def _copies() -> str:
    """Start the process that is copied; it ends with this one, whose pipe it holds. The address of
    its socket."""
    folder = tempfile.TemporaryDirectory(prefix="orderwright-typed-")
    place = f"{folder.name}/socket"
    held, hold = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.copies", place, str(held)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[held],
    )
    os.close(held)

    def end() -> None:
        os.close(hold)
        process.wait(10)
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    with process.stdout as listening:
        assert listening.readline() == b"listens\n"
    return place

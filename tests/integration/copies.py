"""Imports the command line and everything it may need, and copies itself for each command that is
typed (`tests.integration.typed`)."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time
from typing import NoReturn

import msgspec

import adapters
import service
from service.cli import __main__ as cli
from service.cli import main
from tests.integration.typed import Typed

_MAX_REQUEST_BYTES = 256 * 1024
"""The environment and the words of a command."""


def _import_all() -> None:
    for package in (adapters, service):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def _next(listening: socket.socket, held: int) -> socket.socket | None:
    """Wait for a command, or until who started us is gone: None."""
    ready, _, _ = select.select([listening.fileno(), held], [], [])
    return None if held in ready else listening.accept()[0]


def _begin(asked: socket.socket) -> bool:
    """Copy this process: whether this is the copy that runs the command."""
    if os.fork():
        asked.close()
        return False
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, files, _, _ = socket.recv_fds(asked, _MAX_REQUEST_BYTES, 2)
    pid = os.fork()
    if not pid:
        _become(msgspec.convert(json.loads(request), Typed), files)
        asked.close()
        return True
    asked.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    asked.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(typed: Typed, files: list[int]) -> None:
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.chdir(typed.folder)
    os.environ.clear()
    os.environ.update(typed.environ)
    time.tzset()
    # As `python -m service.cli` has it, which names itself so in its help.
    sys.argv = [cli.__file__, *typed.words]
    sys.modules["__main__"].__package__ = "service.cli"


def _serve(place: str, held: int) -> bool:
    """Listen there; whether this is a copy that runs a command."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(place)
        listening.listen(16)
        # Those that wait for a command's end are reaped by the kernel.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sys.stdout.write("listens\n")
        sys.stdout.flush()
        while (asked := _next(listening, held)) is not None:
            if _begin(asked):
                os.close(held)
                return True
    return False


def _run() -> NoReturn:
    """Run the command that this copy has become. What was imported is left to the kernel: to take
    it apart in good order would copy all of it."""
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except Exception:  # noqa: BLE001 - told as the interpreter tells it
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _import_all()
    gc.collect()
    gc.freeze()
    if _serve(sys.argv[1], int(sys.argv[2])):
        _run()

"""How a simulator ends (with its parent, at SIGTERM or SIGINT) and says that it is ready."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int | None) -> None:
    """Asks the kernel to end this process when its parent ends; 0 means: live on."""
    if parent_pid == 0:
        return
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return  # Not Linux: whoever starts simulators there ends them himself.
    if os.getppid() == 1 and parent_pid not in (None, 1):
        raise SystemExit("The parent process ended before its simulator was ready.")


def watch_process(pid: int | None, ended: asyncio.Event) -> None:
    """Sets the event when that process ends, also if it is not the direct parent (a shell
    between)."""
    if not pid or pid == os.getppid() or not hasattr(os, "pidfd_open"):
        return
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        ended.set()
        return
    except OSError:
        return
    asyncio.get_running_loop().add_reader(watched, ended.set)


def end_at_signals(ended: asyncio.Event) -> None:
    """SIGTERM and SIGINT set the event."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)


def say_ready(file: Path | None, details: Mapping[str, str | int]) -> None:
    """Writes the facts whole or not at all: who finds the file can parse it. `-` is stdout."""
    if file is None:
        return
    if str(file) == "-":
        print(json.dumps(details), flush=True)
        return
    draft = file.with_name(file.name + ".part")
    draft.write_text(json.dumps(details), encoding="utf-8")
    draft.replace(file)

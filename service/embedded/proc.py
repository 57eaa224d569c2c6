"""What /proc says about a process: the only evidence that we trust before we name or signal it.

A pid in a file proves nothing: pids are reused, and containers repeat the same small ones.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from service.app.errors import EmbeddedServerFailed

_DELETED = " (deleted)"
_POLL_SECONDS = 0.01


def start_ticks(pid: int) -> int | None:
    """Return the start time in clock ticks since boot, which together with the pid identifies one
    process; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    if fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def exists(pid: int) -> bool:
    """Whether there is a process, also one that has ended and was not reaped yet."""
    return os.path.exists(f"/proc/{pid}")


def executable(pid: int) -> str | None:
    """Return the path of the running program, None if it is gone or we may not look."""
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(_DELETED)
    except OSError:
        return None


def runs_in(pid: int, program: str, directory: Path) -> bool:
    """Whether `pid` runs a program file named `program` with `directory` as its working directory.

    Both servers, and each Postgres backend, work in their own data directory. This tells our
    orphans from other processes, whatever release started them. The directory is compared by device
    and inode, not by name.
    """
    found = executable(pid)
    if found is None or os.path.basename(found) != program:
        return False
    try:
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), os.stat(directory))
    except OSError:
        return False


def running_in(program: str, directory: Path) -> list[int]:
    """Return the pids of all processes for which `runs_in` holds, lowest first."""
    return sorted(
        int(entry)
        for entry in os.listdir("/proc")
        if entry.isdigit() and runs_in(int(entry), program, directory)
    )


def _signal_if_ours(pid: int, program: str, directory: Path, number: int) -> None:
    """Signal through a pidfd opened before the check, so that a reused pid can't be hit in
    between."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if runs_in(pid, program, directory):
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


async def end_orphans(
    program: str, directory: Path, steps: Sequence[tuple[signal.Signals, float]]
) -> int:
    """End the processes that an earlier run left in `directory`; return how many there were.

    `steps` are signals, each with the seconds to wait before the next. Call this only while holding
    the data directory's lock. Raises EmbeddedServerFailed if a process survives every step.
    """
    found = running_in(program, directory)
    left = found
    for number, wait_seconds in steps:
        for pid in left:
            _signal_if_ours(pid, program, directory, number)
        deadline = time.monotonic() + wait_seconds
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if runs_in(pid, program, directory)]
            if left:
                await asyncio.sleep(_POLL_SECONDS)
        left = running_in(program, directory)
        if not left:
            return len(found)
    if left:
        raise EmbeddedServerFailed(
            f"A {program} left over from an earlier run (process {left[0]}) still works in "
            f"{directory} and could not be ended; end it before starting again."
        )
    return len(found)

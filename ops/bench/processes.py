"""Our processes under test: started, awaited, measured with /proc, ended by pid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """The bench can't continue; the text says why."""


def say(text: str) -> None:
    """Report progress on the terminal."""
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def started(
    arguments: Sequence[str],
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    output: int | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `python -m …` until the end of the block; it is terminated, then killed."""
    words = [sys.executable, "-m", *arguments]
    async with program(words, log, environ=environ, output=output) as process:
        yield process


@asynccontextmanager
async def program(
    words: Sequence[str],
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    output: int | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until the end of the block; it is terminated, then killed."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file if output is None else output,
            stderr=file,
        )
    try:
        yield process
    finally:
        await stop(process)


async def stop(process: asyncio.subprocess.Process) -> None:
    """Terminate a process, and kill it if it does not end within 30 s."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def details_from(file: Path, process: asyncio.subprocess.Process) -> dict[str, object]:
    """Wait for a ready file and return its contents. Raises BenchFailed when none appears."""
    give_up = time.monotonic() + READY_SECONDS
    while not (lines := list(_lines(file))):
        _still(process, give_up, str(file))
        await asyncio.sleep(0.02)
    found: dict[str, object] = json.loads("\n".join(lines))
    return found


async def answers(url: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the address answers 200. Raises BenchFailed otherwise."""
    give_up = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while True:
            _still(process, give_up, url)
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)


async def listens(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until a port of this machine can be connected to. Raises BenchFailed otherwise."""
    give_up = time.monotonic() + READY_SECONDS
    while True:
        _still(process, give_up, f"port {port}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return


def _still(process: asyncio.subprocess.Process, give_up: float, what: str) -> None:
    if process.returncode is not None:
        raise BenchFailed(f"The process that should bring {what} ended ({process.returncode}).")
    if time.monotonic() > give_up:
        raise BenchFailed(f"{what} was not there within {READY_SECONDS:g} seconds.")


def _stat(pid: int) -> tuple[str, int, float, float] | None:
    """Return name, parent, CPU seconds and those of ended children; None when the process is
    gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    words = rest.split()
    own = (int(words[11]) + int(words[12])) / _TICKS
    ended = (int(words[13]) + int(words[14])) / _TICKS
    return name, int(words[1]), own, ended


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (found := _stat(int(entry))) is not None:
            parents.setdefault(found[1], []).append(int(entry))
    members = [pid]
    for member in members:
        members.extend(parents.get(member, ()))
    return members


def cpu_by_role(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds of each named process's family.

    Postgres and NATS are counted separately, whoever started them.
    """
    used: dict[str, float] = {}
    for role, root in pids.items():
        for pid in family(root):
            found = _stat(pid)
            if found is None:
                continue
            name, _, own, ended = found
            known = {"postgres": "postgres", "nats-server": "nats"}.get(name, role)
            # Ended children of the root itself were helpers of its start.
            used[known] = used.get(known, 0.0) + own + (ended if name == "postgres" else 0.0)
    return used


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory (RSS)."""
    return _field(Path(f"/proc/{pid}/status"), "VmRSS:")


def proportional_bytes(pids: Sequence[int]) -> int:
    """Return the memory of processes, with shared pages divided among their users (PSS)."""
    return sum(_field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in pids)


def _field(file: Path, name: str) -> int:
    for line in _lines(file):
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _lines(file: Path) -> Iterator[str]:
    try:
        yield from file.read_text("utf-8").splitlines()
    except OSError:
        return


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yield a list that contains the seconds of the block once it has ended."""
    told: list[float] = []
    began = time.monotonic()
    try:
        yield told
    finally:
        told.append(time.monotonic() - began)

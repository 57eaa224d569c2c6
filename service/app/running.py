"""The file in the data directory that tells the local command line where the service runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from service.app.errors import OperatorError
from service.embedded.data_directory import write_private
from service.embedded.proc import start_ticks

FILE = "runtime.json"


class NotRunning(OperatorError):
    """The data directory has no addresses of a service."""

    exit_code = 10


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where the running service and its servers are, and which file configures it ("": none). Only
    the owner can read it: the addresses contain passwords. `started` is when its process began, in
    clock ticks since boot: the pid alone may be another process's by now. `reloads` counts how
    often a configuration was to be taken over since; of the last time it is said how it ended."""

    pid: int
    url: str
    postgres_dsn: str
    nats_url: str
    postgres_pid: int = 0
    nats_pid: int = 0
    mappings_file: str = ""
    channels: tuple[str, ...] = ()
    config: str = ""
    started: int = 0
    port: int = 0
    reloads: int = 0
    reloaded: bool = True
    reload_words: str = ""


def write(data_dir: Path, running: Running) -> None:
    """Write the addresses; a reader never sees a partial file."""
    write_private(data_dir / FILE, msgspec.json.encode(running).decode())


def read(data_dir: Path) -> Running:
    """Read the addresses of the last start. Raises NotRunning."""
    try:
        return msgspec.json.decode((data_dir / FILE).read_bytes(), type=Running)
    except FileNotFoundError:
        raise NotRunning(
            f"No service runs with the data directory {data_dir}. Start one with `orderwright"
            " serve`, or name its directory with --data."
        ) from None
    except PermissionError:
        raise NotRunning(
            f"{data_dir / FILE} is not readable for this user; ask its owner."
        ) from None


def is_alive(found: Running) -> bool:
    """Whether the process that wrote the addresses still exists, and its pid is not reused. Earlier
    versions did not write when theirs began."""
    ticks = start_ticks(found.pid)
    return ticks is not None and found.started in (0, ticks)

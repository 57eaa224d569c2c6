"""What a running service leaves in its data directory for the command line of the same machine."""

from __future__ import annotations

from pathlib import Path

import msgspec

from service.app.errors import OperatorError
from service.embedded.data_directory import write_private

FILE = "runtime.json"


class NotRunning(OperatorError):
    """No service has left its addresses in the data directory."""

    exit_code = 10


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where the running service and its servers are. The file is readable for its owner only: the
    addresses hold passwords."""

    pid: int
    url: str
    postgres_dsn: str
    nats_url: str
    postgres_pid: int = 0
    nats_pid: int = 0
    mappings_file: str = ""
    channels: tuple[str, ...] = ()


def write(data_dir: Path, running: Running) -> None:
    """Leave the addresses; a reader never sees half of them."""
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
        raise NotRunning(f"{data_dir / FILE} can't be read by this user; ask its owner.") from None


def is_alive(found: Running) -> bool:
    """Whether the process that left the addresses still exists."""
    return Path(f"/proc/{found.pid}").exists()

"""Finds the configuration that a command means: that of the running service, if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from service.app import running
from service.settings import NO_FILE, configured_data_dir, file_in_use, load
from service.settings.model import Settings

DEMO_FOLDER = Path("orderwright-data")
"""Where the demo and a service without configuration keep their data."""


def folder_of(data: Path | None) -> Path:
    """Return the data directory that is meant: the one named, else the configured one. Of the
    configuration nothing but `data_dir` is read: its secrets may be the service's alone."""
    folder = data or Path(configured_data_dir())
    inner = folder / "data"  # the demo keeps its own files beside the service's data
    return inner if (inner / running.FILE).exists() else folder


def settings_of(found: running.Running) -> Settings:
    """Return the settings of the service that wrote its addresses: from the file that it read, with
    the environment it was started in. Raises ConfigurationRefused."""
    path = Path(found.config) if found.config else NO_FILE
    return load(_environment_of(found), path)


def settings_meant(
    config: Path | None, data: Path | None, say: Callable[[str], None] | None = None
) -> Settings:
    """Return the settings of `meant`."""
    return meant(config, data, say).settings


class Meant(Struct, frozen=True, kw_only=True):
    """Settings, and what they were loaded from: the environment (None: ours) and the file."""

    settings: Settings
    environ: Mapping[str, str] | None = None
    path: Path | None = None


def meant(
    config: Path | None, data: Path | None, say: Callable[[str], None] | None = None
) -> Meant:
    """Return the settings that a command means: of the file named, else of the service of the
    directory named, else of this place's file, else of the service that runs here, such as the
    demo. `say` is told when that service has ended, so that its variables are not known. Raises
    ConfigurationRefused, and NotRunning for a directory of no service."""
    if config is not None or (data is None and file_in_use() is not None):
        return Meant(settings=load(path=config), path=config)
    folder = folder_of(data)
    try:
        found = running.read(folder)
    except running.NotRunning:
        if data is not None:
            raise
        return Meant(settings=load())
    if say is not None and not running.is_alive(found):
        say(
            f"The service of {folder} (pid {found.pid}) has ended; this is what its file says now, "
            "with the variables of this terminal. Start it again with `orderwright serve`, or name "
            "a file with --config."
        )
    path = Path(found.config) if found.config else NO_FILE
    return Meant(settings=settings_of(found), environ=_environment_of(found), path=path)


def _environment_of(found: running.Running) -> Mapping[str, str] | None:
    """Return the environment of a running service; None (ours) when it has ended (its pid may be
    another process's) or is another user's."""
    if not running.is_alive(found):
        return None
    try:
        raw = Path(f"/proc/{found.pid}/environ").read_bytes()
    except OSError:
        return None
    words = raw.decode("utf-8", "surrogateescape").split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)

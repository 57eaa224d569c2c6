"""Finds the configuration that a command means: that of the running service, if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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


def settings_meant(config: Path | None, data: Path | None) -> Settings:
    """Return the settings that a command means: of the file named, else of the service of the
    directory named, else of this place's file, else of the service that runs here, such as the
    demo. Raises ConfigurationRefused, and NotRunning for a directory of no service."""
    if config is not None:
        return load(path=config)
    if data is not None:
        return settings_of(running.read(folder_of(data)))
    if file_in_use() is None:
        try:
            return settings_of(running.read(folder_of(None)))
        except running.NotRunning:
            pass
    return load()


def _environment_of(found: running.Running) -> Mapping[str, str] | None:
    """Return the environment of a running service; None (ours) when it has ended or is another
    user's."""
    try:
        raw = Path(f"/proc/{found.pid}/environ").read_bytes()
    except OSError:
        return None
    words = raw.decode("utf-8", "surrogateescape").split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)

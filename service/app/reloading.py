"""Asks a running service to reload, and waits until it says how that ended."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from service.app import located, running
from service.app.errors import OperatorError

WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1


class ReloadRefused(OperatorError):
    """The service goes on with the configuration that it had; the text says why."""

    exit_code = 1


async def reload(data: Path | None) -> str:
    """Have the service of a data directory take its configuration over; return what it says.

    The configuration is checked first, so that what is wrong is said here and not only in the log.
    Raises NotRunning, ConfigurationRefused and ReloadRefused.
    """
    folder = located.folder_of(data)
    before = running.read(folder)
    if not running.is_alive(before):
        raise running.NotRunning(
            f"The service of {folder} ran as pid {before.pid} and has ended; start it again with"
            " `orderwright serve`."
        )
    located.settings_of(before)
    try:
        os.kill(before.pid, signal.SIGHUP)
    except PermissionError:
        raise ReloadRefused(
            f"The service runs as another user (pid {before.pid}): run this as that user."
        ) from None
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                found = running.read(folder)
                if found.reloads != before.reloads:
                    break
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise ReloadRefused(
            f"The service (pid {before.pid}) said nothing for {WAIT_SECONDS:g} seconds; see its"
            " log."
        ) from None
    if not found.reloaded:
        raise ReloadRefused(found.reload_words)
    return found.reload_words

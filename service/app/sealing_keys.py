"""The secrets that seal personal data: from the settings, or from the data directory."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.postgres.sealing import Masters, Sealing
from service.app.errors import OperatorError
from service.embedded.data_directory import DataDirectory
from service.settings import Settings

MASTER = "sealing-key-"
NAMES = "sealing-names"
FIRST = "01"
MOST = 99
"""Master keys that a data directory may ever have: one a month for eight years."""

_FILE = re.compile(rf"{MASTER}([0-9]{{2}})")


class RotationRefused(OperatorError):
    """A master key can't be created here; the text says what to do instead."""


def sealing_of(settings: Settings, data: DataDirectory) -> Sealing:
    """Return the sealing for the process that holds the data directory. The first call creates the
    secrets unless the settings have them."""
    if settings.privacy is None:
        data.secret(NAMES)
        if not _made(data.path):
            data.secret(MASTER + FIRST)
    return sealing_in(settings, data.path)


def sealing_in(settings: Settings, folder: Path) -> Sealing:
    """Return the sealing for a process beside the running service. Raises OperatorError when there
    are no secrets."""
    return Sealing(lambda: _masters(settings, folder))


def rotate(settings: Settings, folder: Path) -> str:
    """Create a master key in the data directory and return its id; it seals new data from now on.
    Raises RotationRefused when the keys are in the settings."""
    if settings.privacy is not None:
        raise RotationRefused(
            "The master keys are in the settings: add a new one to privacy.keys, name it in"
            " privacy.active, and restart the service. Keep the old one until"
            " `orderwright privacy keys` shows that nothing needs it."
        )
    made = _made(folder)
    number = int(made[-1]) + 1 if made else 1
    if number > MOST:
        raise RotationRefused(
            f"The data directory already has {MOST} master keys: use privacy.keys."
        )
    fresh = f"{number:02d}"
    DataDirectory(folder).secret(MASTER + fresh)
    return fresh


def forget(settings: Settings, folder: Path, key_id: str) -> str:
    """Delete a master key that is no longer needed; return what else to do in words, "" for
    nothing. Backups of `secrets` still contain it, and with it open backups of the database."""
    if settings.privacy is not None:
        return ": take it out of privacy.keys as well"
    (folder / "secrets" / f"{MASTER}{key_id}").unlink(missing_ok=True)
    return ""


def _masters(settings: Settings, folder: Path) -> Masters:
    configured = settings.privacy
    if configured is not None:
        keys = {i: secret.reveal().encode() for i, secret in configured.keys.items()}
        return Masters(configured.active, keys, configured.names_key.reveal().encode())
    made = _made(folder)
    names = folder / "secrets" / NAMES
    if not made or not names.is_file():
        raise OperatorError(
            f"The keys of personal data are not in {folder / 'secrets'}: start the service once, or"
            " give privacy.keys as the service has them."
        )
    keys = {i: _read(folder, MASTER + i) for i in made}
    return Masters(made[-1], keys, _read(folder, NAMES))


def _made(folder: Path) -> list[str]:
    found = [_FILE.fullmatch(path.name) for path in (folder / "secrets").glob(f"{MASTER}*")]
    return sorted(one[1] for one in found if one)


def _read(folder: Path, name: str) -> bytes:
    return (folder / "secrets" / name).read_text("ascii").strip().encode()

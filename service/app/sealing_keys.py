"""Where the secrets come from that seal personal data: the settings, or the data directory."""

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
"""Master keys in a data directory's life: one a month is eight years."""

_FILE = re.compile(rf"{MASTER}([0-9]{{2}})")


class RotationRefused(OperatorError):
    """A new master key can't be made here; the text says what to do instead."""


def sealing_of(settings: Settings, data: DataDirectory) -> Sealing:
    """Return what seals and opens, for the process that holds the data directory; its secrets are
    made at the first call unless the settings have them."""
    if settings.privacy is None:
        data.secret(NAMES)
        if not _made(data.path):
            data.secret(MASTER + FIRST)
    return sealing_in(settings, data.path)


def sealing_in(settings: Settings, folder: Path) -> Sealing:
    """Return what seals and opens, for somebody beside the running service. Raises OperatorError
    when there are no secrets."""
    return Sealing(lambda: _masters(settings, folder))


def rotate(settings: Settings, folder: Path) -> str:
    """Make a new master key in the data directory, and return its id: it seals from now on. Raises
    RotationRefused where the settings have the keys."""
    if settings.privacy is not None:
        raise RotationRefused(
            "The master keys are in the settings: add a new one to privacy.keys, name it in"
            " privacy.active, and restart the service. Keep the old one until"
            " `orderwright privacy keys` shows that nothing needs it."
        )
    made = _made(folder)
    number = int(made[-1]) + 1 if made else 1
    if number > MOST:
        raise RotationRefused(f"{MOST} master keys were made here already: use privacy.keys.")
    fresh = f"{number:02d}"
    DataDirectory(folder).secret(MASTER + fresh)
    return fresh


def forget(settings: Settings, folder: Path, key_id: str) -> str:
    """Delete a master key that nothing needs; return what else is to do, in words, "" for nothing.
    Backups of `secrets` still have it, and open what backups of the database hold."""
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

"""A disk whose power can be cut: what was never synced is not on it afterwards.

An ext4 file system in an image file, mounted through a loop device. Written data stay in the page
cache of that file system until somebody syncs them; only then do they reach the image. A copy of
the image, taken while the writers stand still, is therefore what a disk would hold after a power
failure at that instant. Two limits: the kernel writes back by itself some 30 s after a write, so a
trial must be shorter; and the image is read through the outer page cache, so a disk that forgets
its own write cache is not shown.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

IMAGE_BYTES = 768 * 1024 * 1024
_TOOLS = ("mkfs.ext4", "mount", "umount", "cp")
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def _run(*command: str | Path) -> None:
    finished = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PATH": _PATH},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if finished.returncode != 0:
        raise OSError(f"{command[0]} failed: {finished.stderr.strip()[:200]}")


@contextmanager
def _mounted(image: Path, place: Path) -> Iterator[Path]:
    place.mkdir()
    # No journal commit by the clock within a trial: only what is synced may reach the image.
    _run("mount", "-o", "loop,commit=300,noatime", image, place)
    try:
        yield place
    finally:
        _run("umount", place)


def why_impossible() -> str | None:
    """The reason why this machine can't run such a trial, or None if it can (tried, not
    guessed)."""
    if os.geteuid() != 0:
        return "mounting a file system image needs root"
    missing = [tool for tool in _TOOLS if shutil.which(tool, path=_PATH) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    with tempfile.TemporaryDirectory() as home:
        try:
            with Disk(Path(home)).mounted():
                return None
        except OSError as error:
            return f"an image cannot be mounted here ({error})"


class Disk:
    """One image in `home`, first empty; `cut_power` leaves the copy as a disk to be mounted
    again."""

    def __init__(self, home: Path, image: Path | None = None) -> None:
        self._home = home
        self._image = image or home / "disk.img"
        if image is None:
            with open(self._image, "wb") as file:
                file.truncate(IMAGE_BYTES)
            # Nothing left to be initialised later by the kernel, which would write in the
            # background.
            _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", self._image)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """Where the file system is, for the length of the block."""
        with _mounted(self._image, self._home / f"{self._image.stem}.mounted") as place:
            yield place

    def cut_power(self, writers: Sequence[int]) -> Disk:
        """The disk as it would be found after a failure now; the writers are stopped for the copy.

        `writers` are pids of every process that writes to this file system.
        """
        for pid in writers:
            os.kill(pid, signal.SIGSTOP)
        try:
            copy = self._home / f"{self._image.stem}-after.img"
            _run("cp", "--sparse=always", self._image, copy)
        finally:
            for pid in writers:
                os.kill(pid, signal.SIGCONT)
        return Disk(self._home, copy)

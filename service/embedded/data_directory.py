"""The directory that holds all data of the embedded servers, and the lock on it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
from pathlib import Path
from types import TracebackType

from service.app.errors import DataDirectoryHeld, DataDirectoryUnusable
from service.embedded.account import Account, account_for_servers, closed_directory
from service.embedded.proc import executable, start_ticks

MINIMUM_FREE_BYTES = 256 * 1024 * 1024
STARTING_BYTES = 48 * 1024 * 1024
RESTORING = "restoring"
"""A file that is there while a restore fills the directory: it is not whole before it is gone."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write a file of mode 0600; a crash leaves either the old text or the new, never a part.

    With an account, the file belongs to that user (only root can do this).
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
        file.flush()
        os.fsync(descriptor)
    os.rename(fresh, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make created and renamed names in a directory survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class DataDirectory:
    """Created when missing; owners and modes of its parents are never changed.

    Layout: `lock`, `instance-id`, `secrets/` and `logs/` (ours alone), and one directory per server
    owned by the user the servers run as. When we are root, the directory itself is ours with mode
    0710, so that this user's group may pass through it but neither list nor change it; otherwise
    everything is 0700.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        run_as: str | None = None,
        restoring: bool = False,
    ) -> None:
        self._restoring = restoring
        self.path = Path(path).absolute()
        self.account = account_for_servers(run_as)
        self._lock_descriptor: int | None = None

    def lock(self) -> None:
        """Lock the directory for this process, creating it if necessary.

        Raises DataDirectoryHeld when another process holds it, DataDirectoryUnusable when it can't
        be used. The lock is the kernel's (flock) and ends with the process, however that ends.
        """
        if self._lock_descriptor is not None:
            raise DataDirectoryHeld(f"This process already holds the data directory {self.path}.")
        try:
            self._make()
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = DataDirectoryHeld(
                f"The data directory {self.path} is held by {self._holder(descriptor)}; "
                f"stop that process, or give this one a directory of its own."
            )
            os.close(descriptor)
            raise held from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {start_ticks(os.getpid())}\n".encode(), 0)
        self._lock_descriptor = descriptor
        try:
            self._settle()
        except OSError as error:
            self.unlock()
            raise self._unusable(error) from error
        except BaseException:
            self.unlock()
            raise

    def unlock(self) -> None:
        """Release the directory; harmless when it is not held. The lock file stays: removing it
        would race."""
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def __enter__(self) -> DataDirectory:
        self.lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unlock()

    @property
    def instance_id(self) -> str:
        """Return 16 random hexadecimal digits, generated at the first lock and stable from then
        on."""
        return (self.path / "instance-id").read_text(encoding="ascii").strip()

    def secret(self, name: str) -> str:
        """Return 48 hexadecimal digits, generated at the first call and kept in a file of mode
        0600.

        `name` matches `[a-z0-9_.-]`, at most 100 characters. Call this while holding the lock.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} can't name a secret: use a-z, 0-9, '_', '.' and '-'.")
        path = self.path / "secrets" / name
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            write_private(path, secrets.token_hex(24) + "\n")
            return path.read_text(encoding="ascii").strip()

    def directory(self, name: str) -> Path:
        """Return a directory of mode 0700 owned by the user that the servers run as."""
        path = self.path / name
        self._own(path)
        return path

    def free_bytes(self) -> int:
        """Return how much an ordinary user may still write on this file system."""
        return shutil.disk_usage(self.path).free

    def has_room(self) -> bool:
        """Whether servers can be started here: Postgres needs a new log file of 16 MiB."""
        return self.free_bytes() >= STARTING_BYTES

    def _own(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)
        path.chmod(0o700)

    def _make(self) -> None:
        for missing in reversed([p for p in (self.path, *self.path.parents) if not p.exists()]):
            missing.mkdir(mode=0o700)
            if self.account is not None:
                os.chown(missing, 0, self.account.gid)
                missing.chmod(0o710)
        if not self.path.is_dir():
            raise DataDirectoryUnusable(
                f"{self.path} is not a directory; name a directory to keep the data in."
            )
        entries = set(os.listdir(self.path))
        # `secrets` alone was put there by hand, for a stand-by.
        if not (entries & {"lock", "instance-id"} or entries <= {"secrets", "lost+found"}):
            raise DataDirectoryUnusable(
                f"{self.path} holds files that aren't ours; name an empty or a new directory for "
                f"the data."
            )
        if RESTORING in entries and not self._restoring:
            raise DataDirectoryUnusable(
                f"A restore into {self.path} did not get to its end, so the data is not whole; run "
                f"`orderwright restore` again, which begins again from the start."
            )
        if self.path.stat().st_uid == os.geteuid():
            # Ours: close it to others. A directory provided by someone else (a mounted volume)
            # stays as it is.
            if self.account is not None:
                os.chown(self.path, 0, self.account.gid)
            self.path.chmod(0o700 if self.account is None else 0o710)
        if self.account is not None:
            closed = closed_directory(self.path, self.account)
            if closed is not None:
                raise DataDirectoryUnusable(
                    f"The user {self.account.name}, as whom the embedded servers run because this "
                    f"process is root, cannot reach {self.path}: {closed} is closed to it; put the "
                    f"data where that user can pass, such as /var/lib/orderwright, or run the "
                    f"service as an ordinary user."
                )

    def _settle(self) -> None:
        for private in ("secrets", "logs"):
            (self.path / private).mkdir(mode=0o700, exist_ok=True)
        if not (self.path / "instance-id").exists():
            free = self.free_bytes()
            if free < MINIMUM_FREE_BYTES:
                raise DataDirectoryUnusable(
                    f"The file system of {self.path} has {free // 2**20} MiB free, and a new data "
                    f"directory needs {MINIMUM_FREE_BYTES // 2**20} MiB; free some space or name "
                    f"another place."
                )
            write_private(self.path / "instance-id", secrets.token_hex(8) + "\n")
        if not self.has_room():
            raise DataDirectoryUnusable(
                f"The disk of {self.path} is full: {self.free_bytes() // 2**20} MiB are free, and "
                f"the embedded servers need {STARTING_BYTES // 2**20} MiB to start. Nothing is "
                f"lost; make room, then start again."
            )

    def _unusable(self, error: OSError) -> DataDirectoryUnusable:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DataDirectoryUnusable(
                f"The disk of {self.path} is full ({error.filename} can't be written). Nothing is "
                f"lost; make room, then start again."
            )
        return DataDirectoryUnusable(
            f"The data directory {self.path} cannot be used ({error.strerror}: {error.filename}); "
            f"give this user the right to write there, or name another directory."
        )

    @staticmethod
    def _holder(descriptor: int) -> str:
        """Say who holds the lock; only what /proc confirms is stated as certain."""
        words = os.pread(descriptor, 100, 0).decode("ascii", "replace").split()
        if len(words) == 2 and words[0].isdigit():
            pid = int(words[0])
            if str(start_ticks(pid)) == words[1]:
                program = executable(pid)
                return f"process {pid} ({program})" if program else f"process {pid}"
            return (
                f"a process that can't be seen from here (it wrote that its pid is {pid}; "
                f"perhaps it runs in another container)"
            )
        return "another process that is just starting"

"""The user that the embedded servers run as, and what that user can reach.

Postgres refuses to run as root, and neither server needs it. If this process is root, both run as a
named user; otherwise they run as the same user.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from service.app.errors import DataDirectoryUnusable

PREFERRED_USERS = ("orderwright", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user with its primary group. Supplementary groups are dropped and grant nothing."""

    name: str
    uid: int
    gid: int


def account_for_servers(run_as: str | None = None) -> Account | None:
    """Return the user to drop to, None when we are not root (only root can change the user).

    Raises DataDirectoryUnusable when `run_as` is not a user, or is root.
    """
    if os.geteuid() != 0:
        return None
    for name in (run_as,) if run_as else PREFERRED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid == 0:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    wanted = run_as or ", ".join(PREFERRED_USERS)
    raise DataDirectoryUnusable(
        f"The embedded servers must not run as root, and this machine has no user to run them as "
        f"(looked for: {wanted}); create the user orderwright or name another one."
    )


def _may(status: os.stat_result, account: Account, permission: int) -> bool:
    """Whether the mode bits grant `permission` (0o1 traverse, 0o4 read); ACLs are ignored."""
    if status.st_uid == account.uid:
        return bool(status.st_mode & (permission << 6))
    if status.st_gid == account.gid:
        return bool(status.st_mode & (permission << 3))
    return bool(status.st_mode & permission)


def closed_directory(path: Path, account: Account) -> Path | None:
    """Return the topmost directory on the way to `path` (itself included) that is closed to the
    account, if any."""
    resolved = path.resolve()
    for directory in [*reversed(resolved.parents), resolved]:
        try:
            status = directory.stat()
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(status.st_mode) and not _may(status, account, 0o1):
            return directory
    return None


def can_execute(path: Path, account: Account) -> bool:
    """Whether the account can start this program file."""
    status = path.resolve().stat()
    return closed_directory(path.parent, account) is None and _may(status, account, 0o1)

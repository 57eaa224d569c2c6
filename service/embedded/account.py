"""Which user the embedded servers run as, and what that user can reach.

Postgres refuses to run as root, and neither server needs root. When we are root, both run as a
named user; when we aren't, they run as we do.
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
    """A user with its primary group; supplementary groups are dropped, so they give no access."""

    name: str
    uid: int
    gid: int


def account_for_servers(run_as: str | None = None) -> Account | None:
    """The user to drop to, or None when we aren't root (a process can't change its user then).

    Raises DataDirectoryUnusable when `run_as` names no user, or names root.
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
    """Whether the classic mode bits grant `permission` (0o1 traverse, 0o4 read); ACLs aren't
    read."""
    if status.st_uid == account.uid:
        return bool(status.st_mode & (permission << 6))
    if status.st_gid == account.gid:
        return bool(status.st_mode & (permission << 3))
    return bool(status.st_mode & permission)


def closed_directory(path: Path, account: Account) -> Path | None:
    """The topmost directory on the way to `path` (itself included) closed to the account, if
    any."""
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

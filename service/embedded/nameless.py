"""A user id without an entry in /etc/passwd, as container platforms choose one.

Postgres asks for its user's name once, when it makes a cluster, and gives up without one. The
library nss_wrapper answers it instead; the image has it.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from service.app.errors import EmbeddedServerFailed
from service.embedded.data_directory import write_private

PLACES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")
LIBRARY = "libnss_wrapper.so"


def is_nameless() -> bool:
    """Whether the user that this process runs as has no name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return True
    return False


def wrapper() -> Path | None:
    """Return the library, wherever distributions put it."""
    for place in map(Path, PLACES):
        found = [place / LIBRARY, *sorted(place.glob(f"*-linux-gnu*/{LIBRARY}"))]
        for path in found:
            if path.is_file():
                return path
    return None


def naming(home: Path, name: str) -> dict[str, str]:
    """Return the variables under which a program finds this process's user by a name. Writes two
    files into `home`. Raises EmbeddedServerFailed where the library is missing."""
    library, uid, gid = wrapper(), os.geteuid(), os.getegid()
    if library is None:
        raise EmbeddedServerFailed(
            f"The user id {uid} has no entry in /etc/passwd, and Postgres needs one to make its "
            "cluster: install the package libnss-wrapper, add an entry, or use another user id."
        )
    users, groups = home / "passwd", home / "group"
    write_private(users, f"{name}:x:{uid}:{gid}::{home}:/usr/sbin/nologin\n")
    write_private(groups, f"{name}:x:{gid}:\n")
    return {
        "LD_PRELOAD": str(library),
        "NSS_WRAPPER_PASSWD": str(users),
        "NSS_WRAPPER_GROUP": str(groups),
    }

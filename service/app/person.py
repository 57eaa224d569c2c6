"""Who types a command, as the audit names them."""

from __future__ import annotations

import getpass
import os


def this_person() -> str:
    """Return the user's name; `uid 54321` for a user id without one, as container platforms choose.

    `LOGNAME` and `USER` come first, as for every program."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"

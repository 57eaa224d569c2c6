"""Becomes the server: drops root, ties its life to its parent's, then executes the program.

Run as a script by `process.py`, one per child, in a fresh interpreter: doing this between fork and
exec of a process with threads could deadlock. Arguments: our pid, signal number to die by, uid, gid
(-1: keep), working directory, program, its arguments. It imports nothing of ours, so that it starts
in some 15 ms.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Take the arguments described above; never returns."""
    parent, death_signal, uid, gid = (int(word) for word in sys.argv[1:5])
    directory, program = sys.argv[5:7]
    # A separate session: Ctrl-C in our terminal must not end the servers before we have drained.
    os.setsid()
    os.umask(0o077)
    os.chdir(directory)
    if uid >= 0:
        os.setgroups([gid])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    # After the change of user, which would clear it; it survives the exec below.
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("The supervisor ended before its server had started.")
    os.execv(program, sys.argv[6:])  # noqa: S606 - the program is one of our two servers


if __name__ == "__main__":
    main()

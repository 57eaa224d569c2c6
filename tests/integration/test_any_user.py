"""The service under a user id that the machine does not know, as container platforms choose one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from service.app import running
from service.embedded.nameless import wrapper
from tests.e2e.processes import ROOT
from tests.integration.servers import temporary_home
from tests.waiting import eventually

UID = 54_321
AS_UID = (
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"),
    # It may read what this machine keeps to root, such as the interpreter, and write none of it.
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
needs_setpriv = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root and setpriv (util-linux) to become another user",
)


def _start(volume: Path, words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    environ = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORDERWRIGHT_DATA": str(volume),
        "ORDERWRIGHT_PORT": "0",
    }
    with log.open("wb") as out:
        return subprocess.Popen(
            [*AS_UID, sys.executable, "-m", "service.cli", *words],
            cwd=volume,
            env=environ,  # without HOME, and without a name of the user
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


@needs_setpriv
async def test_a_user_id_without_a_name_runs_the_service() -> None:
    """Without HOME, without an entry in /etc/passwd and where the code can't be written, it starts
    in an open volume, closes what it makes, answers a command of that user, and ends with 0. Where
    nss_wrapper is not installed it says what to install instead, and makes nothing."""
    with temporary_home() as home:
        volume, log = home / "volume", home / "serve.log"
        volume.mkdir()
        volume.chmod(0o1777)
        service = _start(volume, ["serve"], log)
        try:
            if wrapper() is None:
                assert await eventually(lambda: service.poll() is not None, 60.0)
                said = log.read_text()
                assert service.returncode == 7, said
                assert f"The user id {UID} has no entry in /etc/passwd" in said
                assert "install the package libnss-wrapper" in said
                pytest.skip("libnss_wrapper.so is not installed: only its absence was shown")

            def ready() -> bool:
                assert service.poll() is None, log.read_text()
                return (volume / running.FILE).exists()

            await eventually(ready, 60.0)
            made = [one.stat() for one in volume.iterdir()]
            assert {one.st_uid for one in made} == {UID}
            assert all(one.st_mode & 0o077 == 0 for one in made)
            told = home / "keys.log"
            words = "keys create k --scope orders:read --channel *"
            key = _start(volume, words.split(), told)
            assert await eventually(lambda: key.poll() is not None, 60.0)
            assert key.returncode == 0, told.read_text()
            service.send_signal(signal.SIGTERM)
            assert await eventually(lambda: service.poll() is not None, 60.0)
            assert service.returncode == 0, log.read_text()
        finally:
            if service.poll() is None:
                service.kill()
            service.wait(10)

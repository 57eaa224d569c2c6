"""The code as it was before the newest migration came: what runs beside ours in an upgrade."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT

MIGRATIONS = "adapters/postgres/migrations"
PACKAGES = ("schemas", "actors", "adapters", "service", "ops")


def older_code(folder: Path) -> Path:
    """Write the version before the newest migration into a folder, and return it. Skips the test
    where the history does not reach that far, as in a shallow clone."""
    brought = _git("log", "--first-parent", "-m", "--diff-filter=A", "-1", "--format=%H", "--",
                   MIGRATIONS)  # fmt: skip
    commit = f"{brought.decode().strip()}^1"
    archive = _git("archive", "--format=tar", commit, *PACKAGES)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder


def names(code: Path) -> set[str]:
    """The migrations that a checkout has."""
    return {path.name for path in (code / MIGRATIONS).glob("*.sql")}


def _git(*words: str) -> bytes:
    try:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"The version before the newest migration is not in this checkout ({error}).")
    return found.stdout

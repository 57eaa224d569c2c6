"""What a built wheel holds: all code, and the SQL and JSON that the code reads."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "actors", "adapters", "service", "ops")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("orderwright-*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("pattern", ["*.py", "*.sql", "*.json", "*.html", "*.css", "*.js"])
def test_the_wheel_holds_every_file_the_code_needs(wheel: set[str], pattern: str) -> None:
    """Code, SQL statements, migrations and JSON Schemas all travel with the package."""
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob(pattern)
    }
    assert wanted
    assert wanted <= wheel


def test_the_wheel_holds_nothing_else_of_the_checkout(wheel: set[str]) -> None:
    """Tests, locks and settings of the build stay at home; the licence goes along."""
    tops = {name.split("/")[0] for name in wheel}
    assert tops - set(PACKAGES) == {"orderwright-0.1.0.dist-info"}
    assert "orderwright-0.1.0.dist-info/licenses/LICENSE" in wheel

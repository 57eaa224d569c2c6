"""The browser of these tests: Debian's Chromium, driven by Playwright.

Where it is missing it is installed, if that can be done without asking; else the tests skip and say
so, and fail with `BROWSER=required`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.integration.whole import Whole

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = "axe-core@4.14.1"

INSTALL_SECONDS = 240
"""Of a download of a hundred megabytes; then the tests skip."""


def missing(why: str) -> NoReturn:
    """Skip, or fail where a browser is required."""
    if os.environ.get("BROWSER") == "required":
        pytest.fail(f"BROWSER=required, but {why}")
    pytest.skip(why)


def chromium() -> str:
    """The program; it is installed where it is missing and that is possible."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(
                ["apt-get", *words],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=INSTALL_SECONDS,
                check=False,
            )
        found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing("Chromium is missing, and can't be installed here (apt-get install chromium).")
    return found


@pytest.fixture(scope="module")
def browser(whole: Whole) -> Iterator[Browser]:
    """One browser for the tests of a module. While it is there Playwright has this thread's loop:
    the service is started before, and no test of such a module is asynchronous."""
    program = chromium()
    with sync_playwright() as playwright:
        # Its own sandbox needs rights that a container lacks; it only sees our own pages.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker, as a script for a page."""
    if shutil.which("npm") is None:
        missing("npm is missing, so axe can't be fetched.")
    home = tmp_path_factory.mktemp("axe")
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", AXE]
    got = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=120, check=False)
    if got.returncode:
        missing(f"npm does not get {AXE}: {got.stderr[-300:]}")
    return Path(home / "node_modules" / "axe-core" / "axe.min.js").read_text()

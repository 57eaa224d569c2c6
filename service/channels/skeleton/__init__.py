"""Writes the skeleton of a new kind of channel: a package of its own that runs as it is."""

from __future__ import annotations

from pathlib import Path

from adapters.kinds import NAME, OURS
from service.app.errors import OperatorError

_HERE = Path(__file__).parent


class SkeletonRefused(OperatorError):
    """The skeleton can't be written there, or not under that name."""


def write_skeleton(name: str, folder: Path) -> list[Path]:
    """Write the package into a folder that does not exist yet; return its files.

    Raises SkeletonRefused.
    """
    if not NAME.fullmatch(name):
        raise SkeletonRefused(
            f"{name!r} can't be a kind's name: up to 32 small letters, digits and underscores,"
            " a letter first."
        )
    if name in OURS:
        raise SkeletonRefused(f"Orderwright has a kind {name!r} already; choose another name.")
    if folder.exists():
        raise SkeletonRefused(f"{folder} exists already; name another folder with --into.")
    written = []
    for template in sorted(_HERE.rglob("*.txt")):
        place = template.relative_to(_HERE)
        parts = [f"orderwright_{name}" if part == "package" else part for part in place.parts]
        target = folder.joinpath(*parts).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(template.read_text(), name))
        written.append(target)
    return written


def _filled(text: str, name: str) -> str:
    words = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("@name@", name).replace("@Class@", words)

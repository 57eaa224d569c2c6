"""A secret that does not show itself in logs, tracebacks or `config show`."""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Mapping
from pathlib import Path

MASK = "••••"

MAX_SECRET_BYTES = 65_536
"""A file larger than this is not a secret but a wrong path; the longest known are certificates."""


class Secret:
    """Holds a text; `repr`, `str` and `format` give the mask, only `reveal` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, to hand to a server or a signature; never to a log."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


def resolve(reference: str, environ: Mapping[str, str]) -> Secret:
    """Turn `env:NAME`, `file:/path` (one trailing line end is dropped) or a literal into a secret.

    Raises ValueError with a sentence that never quotes the secret.
    """
    scheme, _, rest = reference.partition(":")
    if scheme == "env":
        if not environ.get(rest):
            raise ValueError(f"names the environment variable {rest}, which is not set")
        return Secret(environ[rest])
    if scheme == "file":
        return Secret(_read(Path(rest)))
    if not reference:
        raise ValueError("is empty; leave the key out when there is no secret")
    return Secret(reference)


def _read(path: Path) -> str:
    try:
        # Checked before it is opened: opening a pipe would wait indefinitely.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError(f"names {path}, which is not an ordinary file")
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise ValueError(f"names the file {path}, which can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"names the file {path}, which is not UTF-8 text") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"names the file {path}, which is larger than any secret")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"names the file {path}, which is empty")
    return text

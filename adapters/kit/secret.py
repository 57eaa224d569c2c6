"""A secret that does not show itself in logs, tracebacks or `config show`."""

from __future__ import annotations

import hmac
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

MASK = "••••"

MAX_SECRET_BYTES = 65_536
"""A file larger than this is not a secret but a wrong path; the longest known are certificates."""

_LOOKS_LIKE_ONE = re.compile(
    r"\$\{[^}]*\}"  # a shell's or Compose's, also inside an address
    r"|\{\{.*\}\}"  # a template's
    r"|^\s*\$\w+\s*$|^\s*\$\(.*\)\s*$|^\s*%\w+%\s*$"
    r"|^\s*(?i:env|file)\s*[:=]"  # ours, misspelt
    r"|^(?i:vault|op|ssm|awssm|secretsmanager|gcpsm|keyvault|doppler|sops):|^arn:aws:(?:secretsmanager|ssm):"
    r"|^<[A-Za-z][\w -]*>$"  # what an example leaves open
)


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

    Raises ValueError with the end of a sentence that never quotes the secret.
    """
    if not reference:
        raise ValueError("is empty; leave the key out when there is no secret")
    return Secret(referenced(reference, environ))


def is_reference(text: str) -> bool:
    """Whether a text is `env:NAME` or `file:/path`."""
    return text.startswith(("env:", "file:"))


def referenced(text: str, environ: Mapping[str, str]) -> str:
    """Return what `env:NAME` or `file:/path` leads to; any other text leads to itself.

    Raises ValueError with the end of a sentence when it leads nowhere or to another reference, and
    for a text that only other tools would follow: it would be used as it stands.
    """
    if not is_reference(text):
        if _LOOKS_LIKE_ONE.search(text):
            raise ValueError(
                "looks like a reference that was not filled in; write env:NAME or file:/path (a"
                " value that really looks so belongs in a file or a variable)"
            )
        return text
    scheme, _, rest = text.partition(":")
    if scheme == "file":
        found = _read(Path(rest))
    elif not (found := environ.get(rest, "")):
        raise ValueError(f"names the environment variable {rest}, which is not set")
    if is_reference(found):
        raise ValueError(f"names {rest}, which holds another reference; name the value itself")
    return found


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

"""Cutting texts to partners' limits, deliberately: whole characters, whole words if possible."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_PICTURES = frozenset({"So", "Sk", "Me"})
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def printable(text: str, *, pictures: bool = True) -> str:
    """Return the text on one line without control, direction and unassigned characters.

    With `pictures=False` emoji go as well, and compatibility forms (`№`, full-width digits) become
    plain letters: what label printers can draw.
    """
    if text.isascii() and text.isprintable():
        # As nearly all are: a space is the only printable one of ASCII.
        if "  " not in text and text[:1] != " " and text[-1:] != " ":
            return text
        return " ".join(text.split())
    kept = []
    for sign in unicodedata.normalize("NFC" if pictures else "NFKC", text):
        kind = unicodedata.category(sign)
        if sign.isspace():
            kept.append(" ")
        elif kind in _UNPRINTABLE or (
            not pictures and (kind in _PICTURES or ord(sign) in _VARIATION_SELECTORS)
        ):
            continue
        else:
            kept.append(sign)
    return " ".join("".join(kept).split())


_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories of characters that a terminal obeys, or that turn, hide or part what follows."""


_LAID_OUT = frozenset("\n\t\u200c\u200d")
"""Line breaks and tabs, and what joins the letters of some scripts and parts of an emoji."""


def visible(text: str) -> str:
    """Return the text with what a terminal would obey written out, such as `\\x1b`. Line breaks and
    tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(sign: str) -> str:
    if sign in _LAID_OUT or unicodedata.category(sign) not in _OBEYED:
        return sign
    return sign.encode("unicode_escape").decode("ascii")


def utf16_length(text: str) -> int:
    """Return the length as Windows counts it: characters beyond 65,535 are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def fit(text: str, limit: int, *, length: Callable[[str], int] = len) -> str:
    """Return at most `limit` of the text's length, never half a letter with its accents."""
    if length(text) <= limit:
        return text
    end = min(limit, len(text))
    while end > 0 and length(text[:end]) > limit:
        end -= 1
    while end > 0 and end < len(text) and unicodedata.category(text[end]) in ("Mn", "Mc"):
        end -= 1
    return text[:end].rstrip()


def fill(
    lines: Sequence[str], limits: Sequence[int], *, length: Callable[[str], int] = len
) -> list[str]:
    """Return the lines as they are where they fit, else set again in lines of these limits.

    Words are kept whole unless longer than a line; what is left after the last line is cut off.
    Empty lines are dropped.
    """
    lines = [line for line in lines if line]
    if len(lines) <= len(limits) and all(
        length(line) <= limit for line, limit in zip(lines, limits, strict=False)
    ):
        return lines
    words = ", ".join(lines).split()
    filled: list[str] = []
    for limit in limits:
        line = ""
        while words:
            wider = f"{line} {words[0]}" if line else words[0]
            if length(wider) > limit:
                break
            line = wider
            words.pop(0)
        if not line and words:
            line = fit(words[0], limit, length=length)
            words[0] = words[0][len(line) :]
        if line:
            filled.append(line.rstrip(","))
    return filled


def phrases(parts: Sequence[str]) -> str:
    """Join what a partner said into one sentence, without repeating itself."""
    cleaned = [printable(part).rstrip(". ") for part in parts if part]
    unique = cleaned[:1] + [later for before, later in pairwise(cleaned) if later != before]
    return fit("; ".join(unique), 500) or "it gave no reason"

"""What `doctor` finds: one sentence about one thing."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was checked. `words` says what was found and, if bad, how to fix it."""

    what: str
    good: bool
    words: str


def good(what: str, words: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(what=what, good=True, words=words)


def bad(what: str, words: str) -> Finding:
    """Return a finding that someone must act on."""
    return Finding(what=what, good=False, words=words)

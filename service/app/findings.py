"""What `doctor` finds: one sentence about one thing."""

from __future__ import annotations

from msgspec import Struct

YOURS = "yours, in the settings"
MACHINES = "the machine's operator's"
PARTNERS = "the partner's, or the network's in between"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was checked. `words` says what was found and, if bad, how to fix it; `turn`
    whose turn it is. `details` are for those who ask."""

    what: str
    good: bool
    words: str
    turn: str = ""
    details: tuple[str, ...] = ()

    def line(self) -> str:
        """Return it as one line."""
        turn = f" Whose turn: {self.turn}." if self.turn else ""
        return f"{'✔' if self.good else '✘'} {self.what}: {self.words}{turn}"


def good(what: str, words: str, *, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that is as it should be."""
    return Finding(what=what, good=True, words=words, details=details)


def bad(what: str, words: str, turn: str = YOURS, *, details: tuple[str, ...] = ()) -> Finding:
    """Return a finding that someone must act on."""
    return Finding(what=what, good=False, words=words, turn=turn, details=details)

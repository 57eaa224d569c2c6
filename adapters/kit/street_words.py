"""Whether two streets of the United States are the same one, as people and the post write them."""

from __future__ import annotations

import re

_UNITS = frozenset(
    (
        *("APT", "APARTMENT", "UNIT", "STE", "SUITE", "FL", "FLOOR", "RM", "ROOM", "BLDG"),
        *("BUILDING", "LOT", "NO", "NUMBER"),
    )
)
"""Words before the number of a unit: USPS writes the right one, and the number is what matters."""
_WORD = re.compile(r"[0-9A-Z]+")
_MOST_SHORT = 5
"""Letters of the longest abbreviation of a word, of Publication 28's usual ones."""


def is_same(ours: str, theirs: str) -> bool:
    """Say whether two texts name the same: in any order, shortened, or in small letters."""
    rest = _words(theirs)
    for one in _words(ours):
        other = next((x for x in rest if x == one), None)
        if other is None:
            other = next((x for x in rest if _is_short(x, one) or _is_short(one, x)), None)
        if other is None:
            return False
        rest.remove(other)
    return not rest


def _words(text: str) -> list[str]:
    plain = text.upper().replace("'", "").replace(".", "")
    return [one for one in _WORD.findall(plain) if one not in _UNITS]


def _is_short(short: str, long: str) -> bool:
    """Say whether a word is the other one shortened, as ST is of STREET: the same first letter, and
    letters left out, at least two of them, so that MAIN is not taken for MAINE."""
    if not long.isalpha() or len(short) > _MOST_SHORT or len(short) + 2 > len(long):
        return False
    rest = iter(long)
    return short[0] == long[0] and all(one in rest for one in short)

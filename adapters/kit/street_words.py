"""Streets of the United States as people and the post write them: which line is the street, and
whether two are the same one."""

from __future__ import annotations

import re

from schemas.order.canonical import Address
from schemas.order.regions import plain

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


_DIGIT = re.compile(r"\d")


def lines_of(at: Address, most: int) -> tuple[str, str]:
    """Return street and unit, of `most` characters each. The street is the first line with a digit;
    what stands before it says who, such as a company or a care-of, and what comes after it where
    inside."""
    lines = [" ".join(plain(one).split()) for one in _said(at)]
    if not lines:
        return "", ""
    first = _first(lines)
    return lines[first][:most], " ".join(lines[first + 1 :])[:most]


def who_lines(at: Address) -> tuple[str, ...]:
    """Return the lines before the street, as the order has them."""
    lines = _said(at)
    return tuple(lines[: _first(lines)])


def _said(at: Address) -> list[str]:
    return [line for line in at.lines if plain(line).split()]


def _first(lines: list[str]) -> int:
    first = next((at for at, one in enumerate(lines) if _DIGIT.search(plain(one))), 0)
    if first and _is_unit(lines[first]) and not _is_unit(lines[first - 1]):
        first -= 1  # "Broadway House" and then "Apt 4": the house has a name and no number.
    return first


_UNIT = re.compile(r"\W*(?:#|apt|apartment|unit|ste|suite|fl|floor|rm|room|bldg|lot)\b", re.I)


def _is_unit(line: str) -> bool:
    return _UNIT.match(line) is not None

"""An address as USPS is asked for it: street, unit, city, state and ZIP code, and no one's name."""

from __future__ import annotations

import re

from schemas.order.canonical import Address
from schemas.order.regions import TERRITORIES, plain, region_code

MAX_LINE = 50
"""Characters of a street or unit, as USPS bounds them in its answers."""

_ZIP = re.compile(r"(\d{5})(?:\W{0,3}(\d{4}))?")
_DIGIT = re.compile(r"\d")


def asked_for(at: Address) -> dict[str, str]:
    """Return the query for an address; empty for one that lacks what USPS must be told: a street, a
    state, and a city or a ZIP code."""
    state = at.country if at.country in TERRITORIES else region_code("US", at.region)
    street, secondary = lines_of(at)
    zipped = _ZIP.fullmatch(plain(at.postal_code).strip())
    if not state or not street or not (at.city.strip() or zipped):
        return {}
    asked = {
        "streetAddress": street,
        "secondaryAddress": secondary,
        "city": plain(at.city).strip(),
        "state": state,
    }
    if zipped is not None:
        asked["ZIPCode"] = zipped[1]
        asked["ZIPPlus4"] = zipped[2] or ""
    return {name: value for name, value in asked.items() if value}


def lines_of(at: Address) -> tuple[str, str]:
    """Return street and unit. The street is the first line with a digit; what stands before it says
    who, such as a company or a care-of, and what comes after it where inside."""
    lines = [" ".join(plain(one).split()) for one in _said(at)]
    if not lines:
        return "", ""
    first = _first(lines)
    return lines[first][:MAX_LINE], " ".join(lines[first + 1 :])[:MAX_LINE]


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

"""What USPS's answers mean: a verdict, and in which parts its address differs from the order's.

https://developers.usps.com/addressesv3
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from adapters.addresses.usps.shapes import Found
from schemas.order.world import AddressPart, Deliverability, Verdict, WhyVerdict

SEVERAL = "more than one address was found"
"""How USPS says, with status 404, that it can't choose; every other 404 says that there is none."""

_MORE_IS_NEEDED, _MANY = "32", "22"
"""Codes of `AddressCorrections`: the building is found and the unit missing; several are found."""

_CONFIRMED: Mapping[str, tuple[Verdict, WhyVerdict]] = {
    "Y": ("deliverable", ""),
    "D": ("missing_unit", ""),
    "S": ("missing_unit", "unit_not_confirmed"),
    "N": ("undeliverable", "not_confirmed"),
}
"""What `DPVConfirmation` says."""

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


def verdict_of(found: Found, asked: Mapping[str, str]) -> Deliverability:
    """Return what an answer with status 200 means for the address that was asked for."""
    info = found.info
    codes = {one.code for one in found.corrections}
    verdict, why = _CONFIRMED.get(info.confirmed, ("unknown", "not_confirmed"))
    if verdict == "unknown" and _MANY in codes:
        why = "several"
    elif verdict == "unknown" and _MORE_IS_NEEDED in codes:
        verdict, why = "missing_unit", ""
    differs = tuple(_differing(found, asked))
    if verdict == "deliverable" and differs:
        verdict = "corrected"
    return Deliverability(
        verdict=verdict,
        why=why,
        differs=differs,
        post_box=info.route.upper().startswith("B"),
        vacant=info.vacant == "Y",
        agency=info.agency == "Y",
        business=info.business == "Y",
    )


def none_found(message: str) -> Deliverability:
    """Return what an answer with status 404 means."""
    if SEVERAL in message.lower():
        return Deliverability(verdict="unknown", why="several")
    return Deliverability(verdict="undeliverable", why="no_match")


def _differing(found: Found, asked: Mapping[str, str]) -> Iterator[AddressPart]:
    theirs = found.address
    street = f"{asked['streetAddress']} {asked.get('secondaryAddress', '')}"
    if not _is_same(street, f"{theirs.street} {theirs.secondary}"):
        yield "street"
    city, zip_code = asked.get("city", ""), asked.get("ZIPCode", "")
    if city and theirs.city and not _is_same(city, theirs.city):
        yield "city"
    if theirs.state and theirs.state != asked["state"]:
        yield "region"
    if theirs.zip_code and theirs.zip_code != zip_code:
        yield "postal_code"


def _is_same(ours: str, theirs: str) -> bool:
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

"""What USPS's answers mean: a verdict, and in which parts its address differs from the order's.

https://developers.usps.com/addressesv3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapters.addresses.usps.shapes import Found
from adapters.kit.street_words import is_same
from schemas.order.regions import TERRITORIES
from schemas.order.world import (
    AddressPart,
    Deliverability,
    Verdict,
    WhyVerdict,
    Written,
    corrected,
)

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


def verdict_of(
    found: Found, asked: Mapping[str, str], before: Sequence[str] = ()
) -> Deliverability:
    """Return what an answer with status 200 means for the address that was asked for. `before` are
    its lines that say who, which USPS was not told."""
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
    told = Deliverability(
        verdict=verdict,
        why=why,
        differs=differs,
        post_box=info.route.upper().startswith("B"),
        vacant=info.vacant == "Y",
        agency=info.agency == "Y",
        business=info.business == "Y",
    )
    theirs = _written(found, asked, differs, before) if verdict == "corrected" else None
    return told if theirs is None else corrected(told, theirs)


def _written(
    found: Found, asked: Mapping[str, str], differs: Sequence[AddressPart], before: Sequence[str]
) -> Written | None:
    """Return the parts that differ as USPS writes them. What is a territory's by USPS and was
    stated as another's would change the country: a person has to see to that."""
    theirs = found.address
    if "region" in differs and TERRITORIES & {theirs.state, asked["state"]}:
        return None
    lines: tuple[str, ...] = ()
    if "street" in differs:
        lines = (*before, *(one for one in (theirs.street, theirs.secondary) if one))
    code = theirs.zip_code
    if "ZIPPlus4" in asked and theirs.plus4:
        code = f"{code}-{theirs.plus4}"
    return Written(
        lines=lines,
        city=theirs.city if "city" in differs else "",
        region=theirs.state if "region" in differs else "",
        postal_code=code if "postal_code" in differs else "",
    )


def none_found(message: str) -> Deliverability:
    """Return what an answer with status 404 means."""
    if SEVERAL in message.lower():
        return Deliverability(verdict="unknown", why="several")
    return Deliverability(verdict="undeliverable", why="no_match")


def _differing(found: Found, asked: Mapping[str, str]) -> Iterator[AddressPart]:
    theirs = found.address
    street = f"{asked['streetAddress']} {asked.get('secondaryAddress', '')}"
    if not is_same(street, f"{theirs.street} {theirs.secondary}"):
        yield "street"
    city, zip_code = asked.get("city", ""), asked.get("ZIPCode", "")
    if city and theirs.city and not is_same(city, theirs.city):
        yield "city"
    if theirs.state and theirs.state != asked["state"]:
        yield "region"
    if theirs.zip_code and theirs.zip_code != zip_code:
        yield "postal_code"

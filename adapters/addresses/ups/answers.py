"""What UPS's answers mean: a verdict, and in which parts its address differs from the order's.

https://developer.ups.com/api/reference/addressvalidation
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.addresses.ups.shapes import Found, Key
from adapters.kit.street_words import is_same
from schemas.order.world import AddressPart, Deliverability, Written, corrected

COMMERCIAL = "1"
"""`AddressClassification` of an address that is none of a household."""


def verdict_of(found: Found, asked: Mapping[str, Any], before: Sequence[str]) -> Deliverability:
    """Return what an answer with status 200 means for the address that was asked for. `before` are
    its lines that say who, which UPS was not told.

    UPS confirms an address by itself or with a correction, and says neither whether a unit is
    missing nor whether it is a box: candidates are for a person.
    """
    business = found.address_classification.code == COMMERCIAL
    if found.valid_address_indicator is None:
        if found.no_candidates_indicator is not None:
            return Deliverability(verdict="undeliverable", why="no_match")
        ambiguous = found.ambiguous_address_indicator is not None
        return Deliverability(why="several" if ambiguous else "not_confirmed", business=business)
    if len(found.candidates) != 1:
        return Deliverability(verdict="deliverable", why="", business=business)
    theirs = found.candidates[0].address_key_format
    differs = tuple(_differing(theirs, asked))
    if not differs:
        return Deliverability(verdict="deliverable", why="", business=business)
    told = Deliverability(verdict="corrected", why="", differs=differs, business=business)
    if theirs.country_code and theirs.country_code != asked["CountryCode"]:
        return told  # it would be another country's: a person has to see to that
    return corrected(told, _written(theirs, asked, differs, before))


def _differing(theirs: Key, asked: Mapping[str, Any]) -> Iterator[AddressPart]:
    if theirs.lines and not is_same(" ".join(asked["AddressLine"]), " ".join(theirs.lines)):
        yield "street"
    city = asked.get("PoliticalDivision2", "")
    if city and theirs.political_division2 and not is_same(city, theirs.political_division2):
        yield "city"
    state = theirs.political_division1
    if state and state != asked["PoliticalDivision1"]:
        yield "region"
    code = theirs.postcode_primary_low
    if code and code != asked.get("PostcodePrimaryLow", ""):
        yield "postal_code"


def _written(
    theirs: Key, asked: Mapping[str, Any], differs: Sequence[AddressPart], before: Sequence[str]
) -> Written:
    code = theirs.postcode_primary_low
    if "PostcodeExtendedLow" in asked and theirs.postcode_extended_low:
        code = f"{code}-{theirs.postcode_extended_low}"
    return Written(
        lines=(*before, *theirs.lines)[:4] if "street" in differs else (),
        city=theirs.political_division2 if "city" in differs else "",
        region=theirs.political_division1 if "region" in differs else "",
        postal_code=code if "postal_code" in differs else "",
    )

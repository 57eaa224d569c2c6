"""An address as USPS is asked for it: street, unit, city, state and ZIP code, and no one's name."""

from __future__ import annotations

import re

from adapters.kit.street_words import lines_of
from schemas.order.canonical import Address
from schemas.order.regions import TERRITORIES, plain, region_code

MAX_LINE = 50
"""Characters of a street or unit, as USPS bounds them in its answers."""

_ZIP = re.compile(r"(\d{5})(?:\W{0,3}(\d{4}))?")


def asked_for(at: Address) -> dict[str, str]:
    """Return the query for an address; empty for one that lacks what USPS must be told: a street, a
    state, and a city or a ZIP code."""
    state = at.country if at.country in TERRITORIES else region_code("US", at.region)
    street, secondary = lines_of(at, MAX_LINE)
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

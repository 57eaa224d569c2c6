"""An address as UPS is asked for it: street, unit, city, state and ZIP code, and no one's name."""

from __future__ import annotations

import re

from adapters.kit.street_words import lines_of
from schemas.order.canonical import Address
from schemas.order.regions import TERRITORIES, plain, region_code

MAX_LINE, MAX_CITY = 100, 30
"""Characters of a line and of a city, as UPS bounds them."""

_ZIP = re.compile(r"(\d{5})(?:\W{0,3}(\d{4}))?")
_UNKNOWN = (TERRITORIES - {"PR"}) | {"AA", "AE", "AP", "FM", "MH", "PW"}
"""States that UPS's database, of the United States and Puerto Rico, may not have: that it finds
nothing there would say nothing."""


def asked_for(at: Address) -> dict[str, object]:
    """Return what `AddressKeyFormat` has for an address; empty for one that lacks what UPS must be
    told, a street, a state, and a city or a ZIP code, and for one that it does not know."""
    state = at.country if at.country in TERRITORIES else region_code("US", at.region)
    street, unit = lines_of(at, MAX_LINE)
    city = plain(at.city).strip()
    zipped = _ZIP.fullmatch(plain(at.postal_code).strip())
    if not state or state in _UNKNOWN or not street or not (city or zipped):
        return {}
    told: dict[str, object] = {
        "AddressLine": [one for one in (street, unit) if one],
        "PoliticalDivision2": city[:MAX_CITY],
        "PoliticalDivision1": state,
        "PostcodePrimaryLow": zipped[1] if zipped else "",
        "PostcodeExtendedLow": (zipped[2] or "") if zipped else "",
        "CountryCode": "PR" if state == "PR" else "US",
    }
    return {name: value for name, value in told.items() if value}

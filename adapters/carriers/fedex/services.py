"""Where FedEx sells which of its services, and what its labels have room for.

Names: https://developer.fedex.com/api/en-us/guides/api-reference.html (Service Types)
"""

from __future__ import annotations

from actors.kernel.setup import ABROAD, HOME, Reach
from adapters.kit.services import Offers
from adapters.kit.services import service_of as _service_of

STREET_LINES = (35, 35, 35)
"""Characters of the lines for a street."""
GROUND = frozenset({"FEDEX_GROUND", "GROUND_HOME_DELIVERY"})

_AT_HOME = frozenset(
    {
        "FIRST_OVERNIGHT", "PRIORITY_OVERNIGHT", "STANDARD_OVERNIGHT", "FEDEX_2_DAY",
        "FEDEX_2_DAY_AM", "FEDEX_EXPRESS_SAVER", "GROUND_HOME_DELIVERY", "SMART_POST",
        "FEDEX_FIRST_FREIGHT", "FEDEX_1_DAY_FREIGHT", "FEDEX_2_DAY_FREIGHT", "FEDEX_3_DAY_FREIGHT",
        "FEDEX_FREIGHT_ECONOMY", "FEDEX_FREIGHT_PRIORITY", "SAME_DAY", "SAME_DAY_CITY",
    }
)  # fmt: skip
_GROUND_BETWEEN = {"US": "CA", "CA": "US"}
"""FEDEX_GROUND is FedEx International Ground between these two."""


def sold_to(code: str, home: str) -> tuple[str, ...]:
    """Return where FedEx sells a service to from a country: what is called international is for
    other countries alone. A name that we do not know is believed."""
    if "INTERNATIONAL" in code:
        return (ABROAD,)
    if code == "FEDEX_GROUND":
        return (HOME, _GROUND_BETWEEN[home]) if home in _GROUND_BETWEEN else (HOME,)
    return (HOME,) if code in _AT_HOME else (HOME, ABROAD)


def service_of(offers: Offers, home: str, away: str, method: str) -> str:
    """Return the name for an order's shipping method to a country, "" where none is offered.
    Territories of the United States are other countries."""
    return _service_of(offers, HOME if home == away else ABROAD, away, method)


def reach_of(offers: Offers, home: str, *, declares: bool) -> Reach:
    """Return where these offers reach, for decisions. `declares`: the settings say where goods were
    made, which customs wants to know of every parcel to another country."""
    lacks = "" if declares else "set country_of_manufacture of FedEx, which customs wants to know"
    return Reach(home=home, offered=frozenset(offers), lacks_abroad=lacks)

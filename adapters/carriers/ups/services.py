"""Where UPS sells which of its services, and what its labels have room for."""

from __future__ import annotations

from actors.kernel.setup import ABROAD, HOME, Reach
from adapters.kit.services import Offers
from adapters.kit.services import service_of as _service_of
from schemas.order.regions import US_COUNTRIES, is_domestic

STREET_LINES = (35, 35, 35)
"""Characters of the lines for a street."""

# Shipping.yaml, Service; which is sold where: UPS's developer guide, appendix "Service Codes".
_WITHIN_US = frozenset({"01", "02", "03", "12", "13", "14", "59"})
_FROM_US = frozenset({"07", "08", "11", "17", "54", "65", "71", "72", "96"})
_CODED = frozenset({"VN"})
"""Countries for which Shipping.yaml requires the province's code (StateProvinceCode)."""
_US_ALONE = frozenset({"03", "59"})


def is_sold(code: str, home: str, *, abroad: bool) -> bool:
    """Say whether UPS sells a service from this country within it, or to another one. Territories
    of the United States are no other country; a code that we do not know is believed."""
    if home in US_COUNTRIES:
        return code not in (_WITHIN_US if abroad else _FROM_US)
    return code not in (_US_ALONE if home == "CA" else _WITHIN_US)


def sold_to(code: str, home: str) -> tuple[str, ...]:
    """Return where UPS sells a service to from a country."""
    zones = ((HOME, False), (ABROAD, True))
    return tuple(zone for zone, abroad in zones if is_sold(code, home, abroad=abroad))


def service_of(offers: Offers, home: str, away: str, method: str) -> str:
    """Return the code for an order's shipping method to a country, "" where none is offered."""
    zone = HOME if is_domestic(home, away) else ABROAD
    return _service_of(offers, zone, away, method)


def reach_of(offers: Offers, home: str) -> Reach:
    """Return where these offers reach, for decisions."""
    return Reach(home=home, offered=frozenset(offers), calls_abroad=True, coded=_CODED)

"""Which of UPS's services an order goes by: by its shipping method and where it goes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from actors.kernel.setup import ABROAD, ANY_METHOD, HOME, Reach, method_of
from schemas.order.regions import US_COUNTRIES, is_domestic

# Shipping.yaml, Service; which is sold where: UPS's developer guide, appendix "Service Codes".
_WITHIN_US = frozenset({"01", "02", "03", "12", "13", "14", "59"})
_FROM_US = frozenset({"07", "08", "11", "17", "54", "65", "71", "72", "96"})
_US_ALONE = frozenset({"03", "59"})
_COUNTRY = re.compile(r"[A-Z]{2}")
_PARTED = " > "

Offers = Mapping[tuple[str, str], str]
"""Service codes by folded shipping method (ANY_METHOD: any other) and where it goes."""


def is_sold(code: str, home: str, *, abroad: bool) -> bool:
    """Say whether UPS sells a service from this country within it, or to another one. Territories
    of the United States are no other country; a code that we do not know is believed."""
    if home in US_COUNTRIES:
        return code not in (_WITHIN_US if abroad else _FROM_US)
    return code not in (_US_ALONE if home == "CA" else _WITHIN_US)


def parted(key: str) -> tuple[str, str]:
    """Read a key of `services`: the folded method, and `home`, `abroad`, a country or "". Raises
    ValueError with what is wrong."""
    method, there, where = key.rpartition(_PARTED)
    if not there:
        return method_of(key), ""
    where = where.strip()
    if where not in (HOME, ABROAD) and _COUNTRY.fullmatch(where) is None:
        raise ValueError(
            f"the name {key!r} of services ends in {where!r}, which is neither home, abroad nor a "
            "country in two capitals"
        )
    return method_of(method), where


def offers_from(
    home: str, services: Mapping[str, str], default_home: str, default_abroad: str
) -> Offers:
    """Return what the settings offer from a country. A service without a destination counts where
    UPS sells it; a default is "" where there is none."""
    found: dict[tuple[str, str], str] = {}
    zones = ((HOME, False), (ABROAD, True))
    for where, abroad in zones:
        usual = default_abroad if abroad else default_home
        if usual and is_sold(usual, home, abroad=abroad):
            found[ANY_METHOD, where] = usual
    read = {parted(key): code for key, code in services.items()}
    for (method, where), code in read.items():
        if not where:
            for zone, abroad in zones:
                if is_sold(code, home, abroad=abroad):
                    found[method, zone] = code
    # What names its destination counts before what does not, in whichever order they are written.
    found.update({key: code for key, code in read.items() if key[1]})
    return found


def service_of(offers: Offers, home: str, away: str, method: str) -> str:
    """Return the code for an order's shipping method to a country, "" where none is offered."""
    zone = HOME if is_domestic(home, away) else ABROAD
    ours = method_of(method)
    for key in ((ours, away), (ours, zone), (ANY_METHOD, away), (ANY_METHOD, zone)):
        if code := offers.get(key):
            return code
    return ""


def reach_of(offers: Offers, home: str) -> Reach:
    """Return where these offers reach, for decisions."""
    return Reach(home=home, offered=frozenset(offers), calls_abroad=True)

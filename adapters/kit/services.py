"""Which of a carrier's services an order goes by: by its shipping method and where it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from actors.kernel.setup import ABROAD, ANY_METHOD, HOME, method_of

_COUNTRY = re.compile(r"[A-Z]{2}")
_PARTED = " > "

Offers = Mapping[tuple[str, str], str]
"""Service codes by folded shipping method (ANY_METHOD: any other) and where it goes."""
Sold = Callable[[str], Collection[str]]
"""Says where a carrier sells a service to: HOME, ABROAD or countries' codes."""


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


def refuse_twice(keys: Iterable[str]) -> None:
    """Raise ValueError for two keys of `services` that mean the same."""
    seen: dict[tuple[str, str], str] = {}
    for key in keys:
        read = parted(key)
        if read in seen:
            raise ValueError(f"the names {seen[read]!r} and {key!r} of services are one")
        seen[read] = key


def offers_from(
    services: Mapping[str, str], default_home: str, default_abroad: str, *, sold: Sold
) -> Offers:
    """Return what the settings offer from a country. A service without a destination counts where
    the carrier sells it; a default is "" where there is none."""
    found: dict[tuple[str, str], str] = {}
    for where, usual in ((HOME, default_home), (ABROAD, default_abroad)):
        if usual and where in sold(usual):
            found[ANY_METHOD, where] = usual
    read = {parted(key): code for key, code in services.items()}
    for (method, where), code in read.items():
        if not where:
            found.update({(method, there): code for there in sold(code)})
    # What names its destination counts before what does not, in whichever order they are written.
    found.update({key: code for key, code in read.items() if key[1]})
    return found


def service_of(offers: Offers, zone: str, away: str, method: str) -> str:
    """Return the code for an order's shipping method to a country, "" where none is offered. `zone`
    is HOME or ABROAD, as the carrier counts that country."""
    ours = method_of(method)
    for key in ((ours, away), (ours, zone), (ANY_METHOD, away), (ANY_METHOD, zone)):
        if code := offers.get(key):
            return code
    return ""

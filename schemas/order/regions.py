"""States and provinces by name, for carriers that want the two letters (US and Canada)."""

from __future__ import annotations

import unicodedata

from schemas.order.canonical import Address

TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""Carriers want these as country codes, and no state with them."""
US_COUNTRIES = frozenset({"US", *TERRITORIES})
"""Domestic services of the United States reach all of them."""

_US = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware
DC District of Columbia|DC Washington DC|DC Washington D.C.|DC Washington, D.C.|DC Washington, DC
FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa
KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota
MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey
NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon
PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah
VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming
AA Armed Forces Americas|AE Armed Forces Europe|AP Armed Forces Pacific
AE Armed Forces Africa|AE Armed Forces Canada|AE Armed Forces Middle East
AS American Samoa|GU Guam|MP Northern Mariana Islands|PR Puerto Rico|VI Virgin Islands
VI U.S. Virgin Islands|VI US Virgin Islands
"""
_CANADA = """
AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador
NL Newfoundland|NL Labrador
NS Nova Scotia|NT Northwest Territories|NT Northwest Territory
NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec
QC Québec|SK Saskatchewan|YT Yukon|YT Yukon Territory
"""


def _table(text: str) -> dict[str, str]:
    entries = text.strip().replace("\n", "|").split("|")
    pairs = [entry.split(" ", 1) for entry in entries]
    return {name.casefold(): code for code, name in pairs} | {
        code.casefold(): code for code, _ in pairs
    }


_CODES = {"US": _table(_US), "CA": _table(_CANADA)}
REGIONS = frozenset(_CODES)
"""Countries whose regions are all known by code and English name."""


def is_domestic(home: str, away: str) -> bool:
    """Say whether domestic services reach from one country to another: they reach the territories
    of the United States, too."""
    return home == away or (home in US_COUNTRIES and away in US_COUNTRIES)


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    signs = (x if x.isprintable() else " " for x in unicodedata.normalize("NFKC", text))
    return " ".join("".join(signs).split())


def region_code(country: str, region: str) -> str | None:
    """Return the two letters for a US or Canadian region: from letters, ISO code or English name.

    For other countries the region is returned as it is; None means it is not known.
    """
    text = _plain(region)
    codes = _CODES.get(country)
    if codes is None:
        return text
    name = text.casefold().removeprefix(f"{country.casefold()}-")
    return codes.get(name) or codes.get(name.rstrip("."))


def postal_country(address: Address) -> str:
    """Return the country as carriers write it: a territory of the United States by its own code,
    whether the address has it as a country or as a state."""
    if address.country == "US":
        code = region_code("US", address.region) or ""
        return code if code in TERRITORIES else "US"
    return address.country

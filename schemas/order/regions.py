"""States and provinces by name, for carriers that want the two letters (US and Canada), and the
countries that carriers see where people write another one."""

from __future__ import annotations

import re
import unicodedata

from schemas.order.canonical import Address

TERRITORIES = frozenset({"AS", "GU", "MP", "PR", "VI"})
"""Carriers want these as country codes, and no state with them."""
US_COUNTRIES = frozenset({"US", *TERRITORIES})
"""Domestic services of the United States reach all of them."""
ASSOCIATED = frozenset({"FM", "MH", "PW"})
"""Countries with ZIP codes, which the United States' mail counts as states and no carrier does."""

_US = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware
DC District of Columbia|DC Washington DC|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois
IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts
MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada
NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio
OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island
RI Rhode Island and Providence Plantations|SC South Carolina|SD South Dakota
TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin
WY Wyoming|AA Armed Forces Americas|AE Armed Forces Europe|AP Armed Forces Pacific
AE Armed Forces Africa|AE Armed Forces Canada|AE Armed Forces Middle East
AA Armed Forces AA|AE Armed Forces AE|AP Armed Forces AP|AA Armed Forces Americas except Canada
AS American Samoa|GU Guam|MP Northern Mariana Islands|PR Puerto Rico|VI Virgin Islands
VI US Virgin Islands|VI United States Virgin Islands|VI Virgin Islands US
FM Micronesia|FM Federated States of Micronesia|FM Micronesia Federated States of
MH Marshall Islands|PW Palau
"""
_CANADA = """
AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador
NL Newfoundland|NL Labrador|NL NF|NS Nova Scotia|NT Northwest Territories|NT Northwest Territory
NT NWT|NU Nunavut|ON Ontario|PE Prince Edward Island|PE PEI|QC Quebec|QC PQ|SK Saskatchewan
YT Yukon|YT Yukon Territory
BC Colombie Britannique|NB Nouveau Brunswick|NL Terre Neuve et Labrador|NL Terre Neuve
NS Nouvelle Écosse|NT Territoires du Nord Ouest|PE Île du Prince Édouard|YT Territoire du Yukon
"""

_OVERSEAS = {
    "971": "GP", "972": "MQ", "973": "GF", "974": "RE", "975": "PM", "976": "YT", "986": "WF",
    "987": "PF", "988": "NC", "980": "MC",
}  # fmt: skip
"""Countries by the beginning of their postal codes, which are France's in form."""
_DROPPED = re.compile(r"[.'\u2018\u2019\u02bb\u02bc`]")
_JOINED = re.compile(r"[\s,()\-\u2010-\u2015]+")


def folded(name: str) -> str:
    """Return a region's name as tables have it: in lower case, without accents, points, apostrophes
    and marks between its words."""
    if not name.isascii():
        signs = unicodedata.normalize("NFKD", name)
        name = "".join(x for x in signs if x.isspace() or unicodedata.category(x)[0] in "LNP")
    plain = _DROPPED.sub("", name.replace("&", " and "))
    return _JOINED.sub(" ", plain).strip().casefold()


def _table(text: str) -> dict[str, str]:
    entries = text.strip().replace("\n", "|").split("|")
    pairs = [entry.split(" ", 1) for entry in entries]
    return {folded(name): code for code, name in pairs} | {
        code.casefold(): code for code, _ in pairs
    }


_CODES = {"US": _table(_US), "CA": _table(_CANADA)}
REGIONS = frozenset(_CODES)
"""Countries whose regions are all known by code and by name, Canada's in both of its languages."""


def is_domestic(home: str, away: str) -> bool:
    """Say whether domestic services reach from one country to another: they reach the territories
    of the United States, too."""
    return home == away or (home in US_COUNTRIES and away in US_COUNTRIES)


def plain(text: str) -> str:
    """Return a text on one line, full-width signs as plain ones."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    signs = (x if x.isprintable() else " " for x in unicodedata.normalize("NFKC", text))
    return " ".join("".join(signs).split())


def region_code(country: str, region: str) -> str | None:
    """Return the two letters for a US or Canadian region: from letters, ISO code or name.

    For other countries the region is returned as it is; None means it is not known.
    """
    codes = _CODES.get(country)
    if codes is None:
        return plain(region)
    if (usual := codes.get(region.casefold())) is not None:
        return usual
    name = folded(region)
    return codes.get(name) or codes.get(name.removeprefix(f"{country.casefold()} "))


def postal_country(address: Address) -> str:
    """Return the country as carriers write it: a territory of the United States or of France, and a
    country that is associated with the former, by its own code, whether the address has it as a
    country or as a part of another one."""
    if address.country == "US":
        code = region_code("US", address.region) or ""
        return code if code in TERRITORIES or code in ASSOCIATED else "US"
    if address.country == "FR":
        return _OVERSEAS.get(plain(address.postal_code).replace(" ", "")[:3], "FR")
    return address.country

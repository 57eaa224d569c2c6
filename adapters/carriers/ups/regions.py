"""States and provinces by name, for carriers that want the two letters (US and Canada)."""

from __future__ import annotations

from adapters.kit.fitting import printable

_US = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware
DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa
KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota
MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey
NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon
PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah
VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming
AA Armed Forces Americas|AE Armed Forces Europe|AP Armed Forces Pacific
AS American Samoa|GU Guam|MP Northern Mariana Islands|PR Puerto Rico|VI Virgin Islands
"""
_CANADA = """
AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador
NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec
QC Québec|SK Saskatchewan|YT Yukon
"""


def _table(text: str) -> dict[str, str]:
    entries = text.strip().replace("\n", "|").split("|")
    pairs = [entry.split(" ", 1) for entry in entries]
    return {name.casefold(): code for code, name in pairs} | {
        code.casefold(): code for code, _ in pairs
    }


_CODES = {"US": _table(_US), "CA": _table(_CANADA)}


def region_code(country: str, region: str) -> str | None:
    """Return the two letters for a US or Canadian region: from letters, ISO code or English name.

    For other countries the region is returned as it is; None means it is not known.
    """
    text = printable(region)
    codes = _CODES.get(country)
    if codes is None:
        return text
    return codes.get(text.casefold().removeprefix(f"{country.casefold()}-").rstrip("."))

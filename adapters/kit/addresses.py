"""A channel's address within what `order.v1` takes: what is too long is cut, what is blank is none.

Forms let people type more than any label holds. No order is refused for that: what a carrier can't
deliver to is held before anything is spent on it.
"""

from __future__ import annotations

from schemas.order.canonical import Address

MAX_TEXT, MAX_POSTAL_CODE, MAX_PHONE, MAX_EMAIL, MAX_LOCALE = 256, 32, 64, 320, 35
"""Characters that `order.v1` takes of each part."""
MAX_LINES = 4
"""Lines of a street."""


def first_of(*texts: str | None) -> str:
    """Return the first text that is not blank, "" for none."""
    for one in texts:
        if one and (found := one.strip()):
            return found[:MAX_TEXT]
    return ""


def said(text: str | None) -> str:
    """Return a text, "" for one that says nothing: a dash or a dot, as forms and apps put it where
    a part of an address is not needed."""
    return text if text and any(map(str.isalnum, text)) else ""


def street_of(*lines: str | None) -> tuple[str, ...]:
    """Return the lines that say something."""
    return tuple([one[:MAX_TEXT] for one in lines if one and said(one)][:MAX_LINES])


_USUAL = {"UK": "GB", "EL": "GR"}
"""Codes in everyday use that ISO 3166-1 has kept free for these countries."""


def phone_of(*texts: str | None) -> str:
    """Return the first telephone number that is one."""
    found = first_of(*map(said, texts))
    return found if len(found) <= MAX_PHONE else found[:MAX_PHONE].rstrip()


def country_of(code: str | None) -> str:
    """Return a country's code as ISO 3166-1 has it: in capitals, without what people write instead;
    "" for none."""
    if not code:
        return ""
    if not code.isascii() or (len(code) == 2 and code.isupper() and code not in _USUAL):
        return code
    plain = code.strip().upper()
    return _USUAL.get(plain, plain)


def address_of(
    *,
    names: tuple[str | None, ...],
    lines: tuple[str, ...],
    city: str | None,
    country: str | None,
    company: str | None,
    region: str,
    postal_code: str | None,
    phone: str | None,
    pickup_point: bool = False,
) -> Address:
    """Return the address; its name is the first of the names that is not blank. What is missing is
    for the schema to refuse, or for the order to be held."""
    return Address(
        name=first_of(*names),
        lines=lines,
        city=said(city)[:MAX_TEXT],
        country=country_of(country),
        company=said(company)[:MAX_TEXT],
        region=said(region)[:MAX_TEXT],
        postal_code=said(postal_code)[:MAX_POSTAL_CODE],
        phone=phone_of(phone) if phone else "",
        pickup_point=pickup_point,
    )

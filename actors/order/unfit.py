"""What our partners could not carry out of an order: known when it is placed, before stock, ERP and
warehouse are spent on it. Pure; the sentences quote no part of an address, which is personal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from actors.kernel.setup import Place, Setup
from actors.order.normalise import ACCOUNT, ADDRESS, ITEM_NUMBER, SERVICE, SKU, Unmapped
from schemas.order.canonical import UNLISTED, Address, Line, Order
from schemas.order.regions import REGIONS, US_COUNTRIES, postal_country, region_code

_POST_BOX = re.compile(
    r"\b(p\W{0,2}o\W{0,2}box|post\s?(office)?\s?box|packstation|postfach)\b", re.IGNORECASE
)
_EXTENSION = re.compile(r"(?:\bext(?:ension|n)?\b|\bx|#)[\s.:]*\d{1,8}\D*$", re.IGNORECASE)
_MILITARY_PLACES = frozenset({"APO", "FPO", "DPO"})
_MILITARY_REGIONS = frozenset({"AA", "AE", "AP"})
_POSTAL_CODES = {
    "US": re.compile(r"[0-9]{5}(-?[0-9]{4})?"),
    "CA": re.compile(r"[A-Z][0-9][A-Z][ -]?[0-9][A-Z][0-9]", re.IGNORECASE),
}
_WORDS = {
    "gift_card": "a gift card", "tip": "a tip", "fee": "a fee", "service": "a service",
    "shipping": "shipping", "duty": "duty",
}  # fmt: skip


def unfit(order: Order, setup: Setup) -> Iterator[Unmapped]:
    """Yield what no partner could carry out, a sentence each (an unlisted SKU by itself)."""
    for line in order.lines:
        if line.sku.startswith(UNLISTED):
            yield Unmapped(SKU, line.sku)
        elif is_item(line) and 0 < setup.longest_sku < len(line.sku):
            yield Unmapped(
                ITEM_NUMBER,
                f"the SKU {line.sku[:60]!r} has {len(line.sku)} characters and {setup.erp} takes "
                f"{setup.longest_sku}: give it an alias in the SKU table",
            )
    if setup.unbooked:
        for what in _money(order):
            if what in setup.unbooked:
                yield Unmapped(
                    ACCOUNT,
                    f"the customer paid for {_WORDS[what]}, and the settings of {setup.erp} name "
                    f"no account for it: set {what}_account there",
                )
    for sentence in _of_address(order, setup):
        yield Unmapped(ADDRESS, sentence)
    for sentence in _of_service(order, setup):
        yield Unmapped(SERVICE, sentence)


def is_item(line: Line) -> bool:
    """Whether an ERP books a line as an item: goods, and what a table of SKUs made one."""
    return line.kind == "goods" or bool(line.channel_sku)


def _money(order: Order) -> list[str]:
    found = dict.fromkeys(x.kind for x in order.lines if not is_item(x) and x.total_minor)
    totals = order.totals
    beside = (("shipping", totals.shipping_minor), ("duty", totals.duty_minor))
    return [*found, *(name for name, minor in beside if minor)]


def _of_address(order: Order, setup: Setup) -> Iterator[str]:
    """Labels are bought by us: then its address must be one that a label can show."""
    places = _labelled(order, setup)
    if not places:
        return
    at = order.ship_to
    if at is None:
        yield "the shipping address is missing"
        return
    for what, is_there in (
        ("name", _shows(at.name) or _shows(at.company)),
        ("street", any(map(_shows, at.lines))),
        ("city", _shows(at.city)),
    ):
        if not is_there:
            yield f"in the shipping address the {what} is missing"
    country = postal_country(at)
    if country in REGIONS and region_code(country, at.region) is None:
        yield f"in the shipping address the state or province is none of {country}"
    pattern = _POSTAL_CODES.get(country)
    if pattern is not None and pattern.fullmatch(at.postal_code.strip()) is None:
        yield f"in the shipping address the postal code is none of {country}"
    for one in places:
        calls = one.reach is not None and one.reach.calls_abroad and one.reach.home != country
        if calls and not _can_be_dialled(at.phone or order.customer.phone, country):
            yield (
                "in the shipping address the telephone number is missing or can't be dialled, and "
                f"{one.carrier} needs it for a parcel to another country"
            )
        if "military" in one.refuses and _is_military(at):
            yield f"{one.carrier} does not deliver to military post offices (APO, FPO, DPO)"
        elif "post_box" in one.refuses and _is_post_box(at):
            yield f"{one.carrier} does not deliver to post office boxes"


def _labelled(order: Order, setup: Setup) -> list[Place]:
    """Return the places for which we buy the labels of the order's parcels."""
    if not any(_is_parcel(line) for line in order.lines):
        return []
    return [one for one in setup.places if one.carrier and one.labels == "us"]


def _of_service(order: Order, setup: Setup) -> Iterator[str]:
    """A label needs a service that somebody chose for this shipping method and country."""
    if order.ship_to is None:
        return
    country, method = postal_country(order.ship_to), order.shipping_method
    for one in _labelled(order, setup):
        if one.reach is not None and not one.reach.has(method, country):
            named = f"the shipping method {method[:60]!r}" if method else "no shipping method"
            yield (
                f"for {named} to {country} from {one.reach.home}, {one.carrier} has no service: "
                "name one in its `services`, or a default"
            )


def _shows(text: str) -> bool:
    """Whether a label can show anything of a text: pictures and signs alone it can't."""
    return any(sign.isalnum() for sign in text)


def _can_be_dialled(phone: str, country: str) -> bool:
    """Whether it is a number without its extension: ten digits in North America."""
    digits = [sign for sign in _EXTENSION.sub("", phone) if sign.isdecimal()]
    if country in US_COUNTRIES or country == "CA":
        return len(digits) == 10 or (len(digits) == 11 and int(digits[0]) == 1)
    return 0 < len(digits) <= 15


def _is_parcel(line: Line) -> bool:
    return line.delivery == "parcel" or (not line.delivery and line.requires_shipping)


def _is_military(at: Address) -> bool:
    if at.country != "US":
        return False
    return (
        at.city.strip().upper() in _MILITARY_PLACES
        or region_code("US", at.region) in _MILITARY_REGIONS
    )


def _is_post_box(at: Address) -> bool:
    return any(_POST_BOX.search(line) for line in at.lines)

"""What our partners could not carry out of an order: known when it is placed, before stock, ERP and
warehouse are spent on it. Pure; the sentences quote no part of an address, which is personal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from actors.kernel.setup import Place, Setup
from actors.order.addresses import is_cut, is_military, is_post_box
from actors.order.normalise import (
    ACCOUNT,
    ADDRESS,
    ITEM_NUMBER,
    LABELS,
    SERVICE,
    SKU,
    UNMAPPED,
    Unmapped,
)
from schemas.order.canonical import UNLISTED, Line, Order
from schemas.order.phones import dialled
from schemas.order.regions import REGIONS, US_COUNTRIES, plain, postal_country, region_code

_POSTAL_CODES = {
    **dict.fromkeys(US_COUNTRIES, re.compile(r"[0-9]{5}(\W{0,3}[0-9]{4})?")),
    "CA": re.compile(r"[A-Z][0-9][A-Z]\W{0,3}[0-9][A-Z][0-9]", re.IGNORECASE),
}
_CODED = re.compile(r"[A-Z]{2}-[0-9A-Z]{2}")
_WORDS = {
    "gift_card": "a gift card", "tip": "a tip", "fee": "a fee", "service": "a service",
    "shipping": "shipping", "duty": "duty",
}  # fmt: skip

_BY_CHANNEL = (
    "the channel takes only labels that are bought from it (such as Prime's of Amazon), which is "
    "not done from here: buy the label and confirm the shipment there, or release the hold to ship "
    "it with ours"
)


def unfit(order: Order, setup: Setup, staying: frozenset[str] = frozenset()) -> Iterator[Unmapped]:
    """Yield what no partner could carry out, a sentence each (an unlisted SKU by itself). What only
    some places can't send to goes from another one, except what is at a place of `staying`."""
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
    if order.labels_from and any(map(is_parcel, order.lines)):
        yield Unmapped(LABELS, _BY_CHANNEL)
    for sentence in _of_address(order, setup):
        yield Unmapped(ADDRESS, sentence)
    refusals = {one.name: told for one in setup.places if (told := _refusal(one, order))}
    everywhere = len(refusals) == len(setup.places)
    yield from dict.fromkeys(
        told for name, told in refusals.items() if everywhere or name in staying
    )


def is_item(line: Line) -> bool:
    """Whether an ERP books a line as an item: goods, and what a table of SKUs made one."""
    return line.kind == "goods" or bool(line.channel_sku)


def _money(order: Order) -> list[str]:
    found = dict.fromkeys(x.kind for x in order.lines if not is_item(x) and x.total_minor)
    totals = order.totals
    beside = (("shipping", totals.shipping_minor), ("duty", totals.duty_minor))
    return [*found, *(name for name, minor in beside if minor)]


def refusing(order: Order | None, setup: Setup, waived: Collection[str] = ()) -> frozenset[str]:
    """Return the places from which an order's parcels can't be sent to its address. `waived` are
    ids of holds that a person released: refusals of their kinds don't count."""
    if order is None:
        return frozenset()
    told = ((one.name, _refusal(one, order)) for one in setup.places)
    return frozenset(
        name for name, why in told if why is not None and f"{UNMAPPED}{why.kind}" not in waived
    )


def _refusal(place: Place, order: Order) -> Unmapped | None:
    """Return why a place does not send to an order's address; None where it does, or buys no
    label."""
    at = order.ship_to
    if at is None or not place.carrier or place.labels != "us":
        return None
    if not any(is_parcel(line) for line in order.lines):
        return None
    country, reach = postal_country(at), place.reach
    if "military" in place.refuses and is_military(at):
        told = f"{place.carrier} does not deliver to military post offices (APO, FPO, DPO, BFPO)"
        return Unmapped(ADDRESS, told)
    if "post_box" in place.refuses and is_post_box(at):
        return Unmapped(ADDRESS, f"{place.carrier} does not deliver to post office boxes")
    if place.label_lines and is_cut(at, place.label_lines):
        told = (
            "in the shipping address the street is longer than a label of "
            f"{place.carrier} has room for ({len(place.label_lines)} lines of "
            f"{place.label_lines[0]} characters): shorten it, or release the hold to have its end "
            "left out"
        )
        return Unmapped(ADDRESS, told)
    if at.pickup_point and "pickup_point" in place.refuses:
        told = (
            "the customer collects it at a pickup point (a locker, a counter or a shop), of which "
            f"{place.carrier} may serve none: see whose it is, and release the hold if it does"
        )
        return Unmapped(ADDRESS, told)
    if reach is None:
        return None
    abroad = reach.calls_abroad and reach.home != country
    phones = (at.phone, order.customer.phone)
    if abroad and not any(_can_be_dialled(one, country) for one in phones):
        told = (
            "in the shipping address the telephone number is missing or can't be dialled, and "
            f"{place.carrier} needs it for a parcel to another country"
        )
        return Unmapped(ADDRESS, told)
    if country in reach.coded and _CODED.fullmatch(at.region) is None:
        told = (
            f"in the shipping address the province is not a code of {country}, such as "
            f"{country}-44, and {place.carrier} takes nothing else"
        )
        return Unmapped(ADDRESS, told)
    if reach.lacks_abroad and reach.home != country:
        told = (
            f"{place.carrier} sells no label from {reach.home} to {country}: {reach.lacks_abroad}"
        )
        return Unmapped(SERVICE, told)
    method = order.shipping_method
    if not reach.has(method, country):
        named = f"the shipping method {method[:60]!r}" if method else "no shipping method"
        told = (
            f"for {named} to {country} from {reach.home}, {place.carrier} has no service: "
            "name one in its `services`, or a default"
        )
        return Unmapped(SERVICE, told)
    return None


def _of_address(order: Order, setup: Setup) -> Iterator[str]:
    """Labels are bought by us: then its address must be one that a label can show."""
    labelled = any(one.carrier and one.labels == "us" for one in setup.places)
    if not labelled or not any(is_parcel(line) for line in order.lines):
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
    if pattern is not None and not (
        pattern.fullmatch(at.postal_code) or pattern.fullmatch(plain(at.postal_code))
    ):
        yield f"in the shipping address the postal code is none of {country}"


def _shows(text: str) -> bool:
    """Whether a label can show anything of a text: pictures and signs alone it can't."""
    return any(sign.isalnum() for sign in text)


def _can_be_dialled(phone: str, country: str) -> bool:
    """Whether it is a number without its extension: ten digits in North America."""
    number, _ = dialled(phone)
    if country in US_COUNTRIES or country == "CA":
        return len(number) == 10 or (len(number) == 11 and number.startswith("1"))
    return 0 < len(number) <= 15


def is_parcel(line: Line) -> bool:
    """Whether a line travels in a parcel."""
    return line.delivery == "parcel" or (not line.delivery and line.requires_shipping)

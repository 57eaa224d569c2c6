"""What our partners could not carry out of an order: known when it is placed, before stock, ERP and
warehouse are spent on it. Pure; the sentences quote no part of an address, which is personal."""

from __future__ import annotations

import re
from collections.abc import Iterator

from actors.kernel.setup import Place, Setup
from actors.order.normalise import ACCOUNT, ADDRESS, ITEM_NUMBER, SKU, Unmapped
from schemas.order.canonical import UNLISTED, Address, Line, Order
from schemas.order.regions import REGIONS, postal_country, region_code

_POST_BOX = re.compile(
    r"\b(p\W{0,2}o\W{0,2}box|post\s?(office)?\s?box|packstation|postfach)\b", re.IGNORECASE
)
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
    for sentence in _of_address(order, setup, staying):
        yield Unmapped(ADDRESS, sentence)


def is_item(line: Line) -> bool:
    """Whether an ERP books a line as an item: goods, and what a table of SKUs made one."""
    return line.kind == "goods" or bool(line.channel_sku)


def _money(order: Order) -> list[str]:
    found = dict.fromkeys(x.kind for x in order.lines if not is_item(x) and x.total_minor)
    totals = order.totals
    beside = (("shipping", totals.shipping_minor), ("duty", totals.duty_minor))
    return [*found, *(name for name, minor in beside if minor)]


def refusing(order: Order | None, setup: Setup) -> frozenset[str]:
    """Return the places whose carrier does not deliver to an order's address."""
    at = order.ship_to if order is not None else None
    if at is None:
        return frozenset()
    return frozenset(one.name for one in setup.places if one.refuses and _refusal(one, at))


def _refusal(place: Place, at: Address) -> str:
    """Return why a place does not send to an address; "" where it does, or takes no label."""
    if not place.carrier or place.labels != "us":
        return ""
    if "military" in place.refuses and _is_military(at):
        return f"{place.carrier} does not deliver to military post offices (APO, FPO, DPO)"
    if "post_box" in place.refuses and _is_post_box(at):
        return f"{place.carrier} does not deliver to post office boxes"
    return ""


def _of_address(order: Order, setup: Setup, staying: frozenset[str]) -> Iterator[str]:
    """Labels are bought by us: then its address must be one that a label can show."""
    places = [one for one in setup.places if one.carrier and one.labels == "us"]
    if not places or not any(_is_parcel(line) for line in order.lines):
        return
    at = order.ship_to
    if at is None:
        yield "the shipping address is missing"
        return
    for what, is_there in (
        ("name", at.name.strip() or at.company.strip()),
        ("street", any(line.strip() for line in at.lines)),
        ("city", at.city.strip()),
    ):
        if not is_there:
            yield f"in the shipping address the {what} is missing"
    country = postal_country(at)
    if country in REGIONS and region_code(country, at.region) is None:
        yield f"in the shipping address the state or province is none of {country}"
    pattern = _POSTAL_CODES.get(country)
    if pattern is not None and pattern.fullmatch(at.postal_code.strip()) is None:
        yield f"in the shipping address the postal code is none of {country}"
    refusals = {one.name: told for one in setup.places if (told := _refusal(one, at))}
    for name, told in refusals.items():
        if len(refusals) == len(setup.places) or name in staying:
            yield told


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

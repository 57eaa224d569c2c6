"""Whether goods can be delivered to an order's address, as a service says that knows the addresses
of its country. Pure; the sentences quote no part of an address, which is personal.

A service that is away, or that can't tell, holds up no order.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from actors.kernel.setup import Setup
from actors.order.normalise import ADDRESS as ADDRESS_KIND
from actors.order.unfit import is_parcel, unfit
from schemas.order.canonical import Address, Order
from schemas.order.regions import US_COUNTRIES
from schemas.order.world import Corrected, Deliverability, World, known

ADDRESS = frozenset({"address"})
"""What is asked for of an order whose address can be checked."""

_NO_UNIT = (
    "in the shipping address the number of the flat or suite is missing: ask the customer, and "
    "correct the address, or release the hold to send it as it is"
)
_WRONG_UNIT = (
    "in the shipping address the number of the flat or suite is none of that building: ask the "
    "customer, and correct the address, or release the hold to send it as it is"
)
_PARTS = {
    "street": "the street", "city": "the city", "region": "the state",
    "postal_code": "the postal code",
}  # fmt: skip


def checker_of(setup: Setup, at: Address) -> str:
    """Return the lane of the service that knows the addresses of an address's country, "" for
    none. Territories of the United States are written as countries by some."""
    country = "US" if at.country in US_COUNTRIES else at.country
    return next((name for name, countries in setup.addresses if country in countries), "")


def asked_of(order: Order, setup: Setup) -> frozenset[str]:
    """Return the parts of the world that `doubted` asks for."""
    at = order.ship_to
    if at is None or not setup.addresses or at.pickup_point:
        return frozenset()
    if not checker_of(setup, at) or not any(map(is_parcel, order.lines)):
        return frozenset()
    return ADDRESS


def doubted(order: Order, setup: Setup, world: World | None) -> Iterator[str]:
    """Yield what is said against the shipping address, a sentence each. Raises WorldAsked for an
    order whose address was not asked about."""
    if not asked_of(order, setup) or order.ship_to is None:
        return
    found = known(world, order, ADDRESS).address
    service = checker_of(setup, order.ship_to)
    if (
        found.verdict in setup.held_addresses
        and found.why != "no_answer"
        and to_take(order, setup, found) is None
    ):
        yield _words(found, service)
    labelled = [one for one in setup.places if one.carrier and one.labels == "us"]
    if found.post_box and labelled and all("post_box" in one.refuses for one in labelled):
        carriers = " and ".join(dict.fromkeys(one.carrier for one in labelled))
        yield f"{service} says that it is a post office box, and {carriers} does not deliver to one"


def written(order: Order, setup: Setup, found: Deliverability) -> Address | None:
    """Return the shipping address as a service writes it; None where it writes it the same, or so
    that no partner could send there."""
    at = order.ship_to
    if at is None or not isinstance(found, Corrected):
        return None
    theirs = found.written
    there = replace(
        at,
        lines=theirs.lines or at.lines,
        city=theirs.city or at.city,
        region=theirs.region or at.region,
        postal_code=theirs.postal_code or at.postal_code,
    )
    if there == at:
        return None
    known = {one.value for one in unfit(order, setup) if one.kind == ADDRESS_KIND}
    after = unfit(replace(order, ship_to=there), setup)
    is_worse = any(one.kind == ADDRESS_KIND and one.value not in known for one in after)
    return None if is_worse else there


def to_take(order: Order, setup: Setup, found: Deliverability) -> Address | None:
    """Return the address that is taken over by itself, None where a person decides."""
    return written(order, setup, found) if setup.takes_corrections else None


def parts(found: Deliverability) -> str:
    """Name the parts in which an address differs from the service's."""
    return " and ".join(_PARTS[one] for one in found.differs) or "a part"


def _words(found: Deliverability, service: str) -> str:
    match found.verdict:
        case "missing_unit" if found.why == "unit_not_confirmed":
            return _WRONG_UNIT
        case "missing_unit":
            return _NO_UNIT
        case "corrected":
            told = f"in the shipping address {parts(found)} is not as {service} has it: "
            take = "take that over, " if isinstance(found, Corrected) else ""
            return f"{told}{take}correct it, or release the hold to send it as it is"
        case "undeliverable":
            return (
                f"{service} knows no such shipping address: ask the customer, and correct it, or "
                "release the hold to send it as it is"
            )
    return (
        f"{service} can't say whether the shipping address is right: look at it, and release the "
        "hold if it is"
    )

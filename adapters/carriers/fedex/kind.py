"""The kind `fedex`: FedEx."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.carriers.fedex.services import STREET_LINES, reach_of
from adapters.carriers.fedex.settings import FedexSettings
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind, Limits
from adapters.kit.lineage import Carried, travelling_units
from schemas.messages.effects import BuyLabel, PackedParcel
from schemas.order.canonical import Order
from schemas.order.things import FULFILMENT, PARCEL, key_of

if TYPE_CHECKING:
    from adapters.carriers.fedex.partner import Fedex


def _partner(settings: FedexSettings, kit: Kit) -> Fedex:
    from adapters.carriers.fedex.partner import Fedex

    return Fedex(kit.client, settings, name=kit.name, origins=kit.origins)


async def _probe(settings: FedexSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


def _effect(order: Order) -> BuyLabel:
    # Unweighed, so that the goods' own weights count, as they do when a warehouse has no scale.
    parcel = PackedParcel(parcel=key_of(PARCEL, 1), units=travelling_units(order))
    return BuyLabel(fulfilment=key_of(FULFILMENT, 1), place="main", parcels=(parcel,))


def _limits(settings: FedexSettings) -> Limits:
    """A street and a civilian who signs: neither boxes nor military post offices; a service that
    goes there, and what customs wants to know."""
    return Limits(
        refuses=frozenset({"post_box", "military", "pickup_point"}),
        label_lines=STREET_LINES,
        reach_from=lambda home: reach_of(
            settings.offers(home),
            home or settings.shipper.country,
            declares=bool(settings.country_of_manufacture),
        ),
    )


KIND = Kind(
    name="fedex",
    title="FedEx",
    words="Labels are bought, found again and cancelled, parcels tracked (Ship and Track API v1).",
    roles=("carrier",),
    settings=FedexSettings,
    example={
        "base_url": "https://partner.invalid",
        "client_id": "example",
        "client_secret": "an example's secret",
        "account_number": "510087000",
        "services": {"express": "FEDEX_2_DAY"},
        "country_of_manufacture": "US",
        "shipper": {
            "name": "Shop",
            "phone": "5025550100",
            "lines": ["1 Dock Road"],
            "city": "Louisville",
            "region": "KY",
            "postal_code": "40202",
            "country": "US",
        },
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(effect=_effect),
    limits=_limits,
)

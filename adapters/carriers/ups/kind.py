"""The kind `ups`: UPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.carriers.ups.services import STREET_LINES, reach_of
from adapters.carriers.ups.settings import UpsSettings
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind, Limits
from adapters.kit.lineage import Carried, travelling_units
from schemas.messages.effects import BuyLabel, PackedParcel
from schemas.order.canonical import Order
from schemas.order.things import FULFILMENT, PARCEL, key_of

if TYPE_CHECKING:
    from adapters.carriers.ups.partner import Ups


def _partner(settings: UpsSettings, kit: Kit) -> Ups:
    from adapters.carriers.ups.partner import Ups

    return Ups(kit.client, settings, name=kit.name, origins=kit.origins)


async def _probe(settings: UpsSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


def _effect(order: Order) -> BuyLabel:
    # Unweighed, so that the goods' own weights count, as they do when a warehouse has no scale.
    parcel = PackedParcel(parcel=key_of(PARCEL, 1), units=travelling_units(order))
    return BuyLabel(fulfilment=key_of(FULFILMENT, 1), place="main", parcels=(parcel,))


def _limits(settings: UpsSettings) -> Limits:
    """A street and a civilian who signs: neither boxes nor military post offices; and a service
    that the settings name."""
    return Limits(
        refuses=frozenset({"post_box", "military", "pickup_point"}),
        label_lines=STREET_LINES,
        reach_from=lambda home: reach_of(settings.offers(home), home or settings.shipper.country),
    )


KIND = Kind(
    name="ups",
    title="UPS",
    words="Labels are bought, found again and voided, parcels tracked (Shipping v2409, Track v1).",
    roles=("carrier",),
    settings=UpsSettings,
    example={
        "base_url": "https://partner.invalid",
        "client_id": "example",
        "client_secret": "an example's secret",
        "account_number": "A1B2C3",
        "services": {"express": "02", "express > abroad": "07"},
        "default_service": "03",
        "default_service_abroad": "65",
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

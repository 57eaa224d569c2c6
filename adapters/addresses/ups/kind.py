"""The kind `ups_addresses`: UPS, asked about addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.errors import Rejected
from adapters.addresses.ups.settings import UpsAddressSettings
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind
from adapters.kit.lineage import Carried
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.addresses.ups.partner import UpsAddresses


def _partner(settings: UpsAddressSettings, kit: Kit) -> UpsAddresses:
    from adapters.addresses.ups.partner import UpsAddresses

    return UpsAddresses(kit.client, settings, name=kit.name)


async def _probe(settings: UpsAddressSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


async def _asked(adapter: UpsAddresses, order: Order) -> object:
    if order.ship_to is None:
        raise Rejected("An order without a shipping address has none to ask for.")
    return await adapter.deliverability(order.ship_to)


KIND = Kind(
    name="ups_addresses",
    title="UPS addresses",
    words="Says whether an address of the United States or Puerto Rico can be delivered to "
    "(Address Validation v2).",
    roles=("address",),
    settings=UpsAddressSettings,
    example={
        "base_url": "https://partner.invalid",
        "client_id": "example",
        "client_secret": "an example's secret",
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(
        asks=_asked,
        answers=lambda order: {"/addressvalidation": {"XAVResponse": {}}},
    ),
    addresses=frozenset({"US"}),
)

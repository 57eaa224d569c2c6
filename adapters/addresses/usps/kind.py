"""The kind `usps`: USPS, asked about addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.runtime.errors import Rejected
from adapters.addresses.usps.settings import UspsSettings
from adapters.kit.instance import Kit
from adapters.kit.kind import Kind
from adapters.kit.lineage import Carried
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.addresses.usps.partner import Usps


def _partner(settings: UspsSettings, kit: Kit) -> Usps:
    from adapters.addresses.usps.partner import Usps

    return Usps(kit.client, settings, name=kit.name)


async def _probe(settings: UspsSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


async def _asked(adapter: Usps, order: Order) -> object:
    if order.ship_to is None:
        raise Rejected("An order without a shipping address has none to ask for.")
    return await adapter.deliverability(order.ship_to)


KIND = Kind(
    name="usps",
    title="USPS",
    words="Says whether an address of the United States can be delivered to (Addresses v3).",
    roles=("address",),
    settings=UspsSettings,
    example={
        "base_url": "https://partner.invalid",
        "client_id": "example",
        "client_secret": "an example's secret",
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(asks=_asked, answers=lambda order: {"/address": {}}),
    addresses=frozenset({"US"}),
)

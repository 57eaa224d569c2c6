"""The kind `warehouse`: any warehouse or 3PL that keeps our HTTP contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.kit.instance import Instance, Kit
from adapters.kit.kind import Kind
from adapters.kit.lineage import Carried, travelling_units
from adapters.warehouses.http.settings import WarehouseSettings
from schemas.messages.effects import CreateTask
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.kit.counting import CountsReport
    from adapters.warehouses.http.callbacks import WarehouseCallbacks
    from adapters.warehouses.http.partner import HttpWarehouse


def _reports(settings: WarehouseSettings, instance: Instance) -> WarehouseCallbacks:
    from adapters.warehouses.http.callbacks import WarehouseCallbacks

    return WarehouseCallbacks(settings, name=instance.name, keys=instance.keys)


def _partner(settings: WarehouseSettings, kit: Kit) -> HttpWarehouse:
    from adapters.warehouses.http.partner import HttpWarehouse

    return HttpWarehouse(kit.client, settings, name=kit.name, own_url=kit.own_url, keys=kit.keys)


async def _probe(settings: WarehouseSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


def _counts(settings: WarehouseSettings, raw: bytes) -> CountsReport:
    from adapters.warehouses.http.counts import counts

    return counts(settings, raw)


def _effect(order: Order) -> CreateTask:
    return CreateTask(place="main", units=travelling_units(order))


KIND = Kind(
    name="warehouse",
    title="Any warehouse or 3PL that keeps our contract",
    words="Tasks go there by HTTP; what it picked, packed and shipped comes back as webhooks.",
    roles=("warehouse", "3pl"),
    settings=WarehouseSettings,
    example={
        "base_url": "https://partner.invalid",
        "token": "an example's token",
        "callback_secrets": ["an example's secret"],
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(effect=_effect),
    reports=_reports,
    counts=_counts,
)

"""The kind `business_central`: Microsoft Dynamics 365 Business Central."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from adapters.erp.business_central.settings import (
    ACCOUNTS,
    MAX_ITEM_NUMBER,
    BusinessCentralSettings,
)
from adapters.kit.instance import Kit
from adapters.kit.kind import Bookkeeping, Kind, Limits
from adapters.kit.lineage import Carried, all_units
from schemas.messages.effects import PostSalesOrder
from schemas.order.canonical import Order

if TYPE_CHECKING:
    from adapters.erp.business_central.books import BusinessCentralBooks
    from adapters.erp.business_central.counting import ItemCounts
    from adapters.erp.business_central.partner import BusinessCentral


def _partner(settings: BusinessCentralSettings, kit: Kit) -> BusinessCentral:
    from adapters.erp.business_central.partner import BusinessCentral

    return BusinessCentral(kit.client, settings, name=kit.name, zones=kit.zones)


async def _probe(settings: BusinessCentralSettings, kit: Kit) -> str:
    return await _partner(settings, kit).probe()


def _counter(settings: BusinessCentralSettings, kit: Kit) -> ItemCounts:
    return _partner(settings, kit).counts


def _books(settings: BusinessCentralSettings, kit: Kit) -> BusinessCentralBooks:
    return _partner(settings, kit).books


def _effect(order: Order) -> PostSalesOrder:
    return PostSalesOrder(units=all_units(order))


def _answers(order: Order) -> Mapping[str, object]:
    """Every SKU is an item there, as long as it may be."""
    numbers = {line.sku.upper() for line in order.lines}
    return {"/items": {"value": [{"number": one} for one in numbers]}}


def _limits(settings: BusinessCentralSettings) -> Limits:
    booked = (x for x in ACCOUNTS if getattr(settings, f"{x}_account"))
    return Limits(longest_sku=MAX_ITEM_NUMBER, unbooked=ACCOUNTS.difference(booked))


KIND = Kind(
    name="business_central",
    title="Microsoft Dynamics 365 Business Central",
    words="Sales orders are posted, amended and cancelled by the API v2.0.",
    roles=("erp",),
    settings=BusinessCentralSettings,
    example={
        "base_url": "https://partner.invalid/api/v2.0",
        "token_url": "https://partner.invalid/token",
        "company_id": "company",
        "client_id": "example",
        "client_secret": "an example's secret",
        "customer_number": "10000",
        "shipping_account": "40100",
        "duty_account": "40200",
        "gift_card_account": "22300",
        "tip_account": "40300",
        "fee_account": "40400",
        "service_account": "40500",
    },
    partner=_partner,
    probe=_probe,
    carried=Carried(effect=_effect, answers=_answers),
    limits=_limits,
    accounts=True,
    counter=_counter,
    books=Bookkeeping(
        sources=dict.fromkeys(("salesOrders", "salesInvoices", "salesCreditMemos"), "erp"),
        reader=_books,
    ),
)

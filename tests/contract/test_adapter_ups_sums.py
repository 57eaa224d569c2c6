"""UPS: a recorder of all ship requests, which sums up what customs and collectors are told."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest
from msgspec.structs import replace

from adapters.kit.http_client import HttpClient
from schemas.messages.effects import BuyLabel, PackedParcel, Units
from schemas.order.canonical import Line, Order, Totals
from schemas.order.money import decimal_text
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed, ups
from tests.contract.simulated import Json
from tests.contract.ups_words import BERLIN, BUY, shipment_answer
from tests.orders import an_order


def sold_to_canada(dice: random.Random) -> Order:
    """Goods with a discount that leaves each piece worth something, and a tip, which is none."""
    lines = []
    for index in range(dice.randint(1, 5)):
        quantity, price = dice.randint(1, 4), dice.randint(2_000, 5_000)
        lines.append(
            Line(
                line_id=str(index), sku=f"SKU-{index}", title="x", quantity=quantity,
                unit_price_minor=price, total_minor=quantity * price, weight_grams=100,
            )
        )  # fmt: skip
    tip = Line(
        line_id="tip", sku="TIP", title="Tip", quantity=1, unit_price_minor=700, total_minor=700,
        requires_shipping=False, kind="tip",
    )  # fmt: skip
    subtotal = sum(x.total_minor for x in lines) + 700
    discount = dice.randint(0, 900)
    totals = Totals(
        subtotal_minor=subtotal, discount_minor=discount, shipping_minor=900, tax_minor=0,
        total_minor=subtotal - discount + 900,
    )  # fmt: skip
    there = replace(
        BERLIN, country="CA", region="ON", city="Ottawa", postal_code="K1A 0B1",
        phone="613 555 0100",
    )  # fmt: skip
    return an_order(lines=(*lines, tip), totals=totals, ship_to=there)


def dealt(order: Order, dice: random.Random) -> list[BuyLabel]:
    """All goods of an order in up to three shipments of up to two parcels."""
    pieces = [
        Units(line.line_id, line.sku, 1)
        for line in order.lines
        if line.kind == "goods"
        for _ in range(line.quantity)
    ]
    dice.shuffle(pieces)
    count = min(len(pieces), dice.randint(1, 3))
    effects = []
    for index in range(count):
        mine = pieces[index::count]
        halves = [mine[::2], mine[1::2]] if dice.random() < 0.5 and len(mine) > 1 else [mine]
        parcels = tuple(
            PackedParcel(parcel=Key(f"K{at}"), units=tuple(units), weight_grams=500)
            for at, units in enumerate(halves, 1)
        )
        effects.append(replace(BUY, parcels=parcels))
    return effects


async def sent(order: Order, effect: BuyLabel, client: HttpClient) -> Json:
    """The shipment that is asked for."""
    async with stubbed(shipment_answer(len(effect.parcels))) as stub:
        await ups(client, stub.url).perform(a_call(effect, order))
        found: Json = json.loads(stub.sent("/ship")[3])["ShipmentRequest"]["Shipment"]
        return found


async def test_customs_are_told_what_the_goods_are_worth_however_they_are_packed(
    client: HttpClient,
) -> None:
    """All shipments of an order together are worth its goods after discounts, within the smallest
    unit for each share, and none of them nothing; shipping and tips are not goods."""
    dice = random.Random(20_261_128)
    shipments = 0
    for _ in range(25):
        order = sold_to_canada(dice)
        effects = dealt(order, dice)
        worth = [
            Decimal((await sent(order, one, client))["InvoiceLineTotal"]["MonetaryValue"])
            for one in effects
        ]
        assert min(worth) >= 1
        totals = order.totals
        goods = totals.subtotal_minor - 700
        net = Decimal(goods - totals.discount_minor * goods // totals.subtotal_minor) / 100
        pieces = sum(x.quantity for x in order.lines)
        assert abs(sum(worth) - net) <= Decimal(pieces) / 100
        shipments += len(effects)
    assert shipments > 25


@pytest.mark.parametrize("minor", [1, 2250, 99_999])
async def test_the_amount_to_collect_is_told_once(minor: int, client: HttpClient) -> None:
    """Of several parcels one carries all of it: together they collect what is due."""
    parcels = tuple(replace(BUY.parcels[0], parcel=Key(f"K{at}")) for at in range(1, 4))
    effect = replace(BUY, parcels=parcels, collect_minor=minor, collect_currency="USD")
    packages = (await sent(an_order(), effect, client))["Package"]
    told = [
        Decimal(one["PackageServiceOptions"]["COD"]["CODAmount"]["MonetaryValue"])
        for one in packages
        if "PackageServiceOptions" in one
    ]
    assert told == [Decimal(decimal_text(minor, "USD"))]

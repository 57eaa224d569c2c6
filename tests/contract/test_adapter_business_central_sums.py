"""Business Central: a recorder of all requests, by which what is told is summed up."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace

from adapters.kit.http_client import HttpClient
from schemas.messages.effects import AmendSalesOrder, PostSalesOrder
from schemas.order.canonical import Line, Order, Totals
from schemas.order.money import decimal_text
from tests.contract.partner_calls import (
    a_call,
    all_units,
    business_central,
    items_asked_for,
    served,
)
from tests.contract.simulated import Json
from tests.orders import an_order

POST = PostSalesOrder(units=())
AMEND = AmendSalesOrder(erp_id="i", units=(), digest="d")


class Recorder:
    """What Business Central is told of an order, request by request, as sums of money."""

    def __init__(self) -> None:
        self.lines: dict[str, Json] = {}
        self.header: Json = {}
        self.said: list[str] = []

    def take(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        """One request; every write is checked by what all of them come to afterwards."""
        path, sent = request.path.rpartition("/")[2], json.loads(raw or b"{}", parse_float=Decimal)
        if path == "items":
            return items_asked_for(request)
        self.said.append(f"{request.method} {path.partition('(')[0]}")
        if request.method == "POST":
            for line in sent.pop("salesOrderLines", [sent] if path == "salesOrderLines" else []):
                assert line["lineType"] in ("Item", "Account", "Comment")
                self.lines[f"l{len(self.said)}-{len(self.lines)}"] = line
            self.header = {**self.header, **(sent if path == "salesOrders" else {})}
        elif request.method == "DELETE":
            del self.lines[path.partition("(")[2][:-1]]
            return web.Response(status=204)
        elif request.method == "PATCH":
            here = self.lines[path.partition("(")[2][:-1]] if "Lines" in path else self.header
            here.update(sent)
        lines = [
            {"id": name, "sequence": index, "@odata.etag": "e", **line}
            for index, (name, line) in enumerate(self.lines.items())
        ]
        answer = {**self.header, "id": "i", "number": "S1", "@odata.etag": "e"}
        return web.Response(
            status=201 if request.method == "POST" else 200,
            content_type="application/json",
            text=json.dumps({**answer, "salesOrderLines": lines}, default=float),
        )

    @property
    def total(self) -> Decimal:
        """What the lines come to, to the smallest unit."""
        return sum(
            (
                Decimal(str(one.get("quantity", 0))) * Decimal(str(one.get("unitPrice", 0)))
                - Decimal(str(one.get("discountAmount", 0)))
                for one in self.lines.values()
            ),
            Decimal(0),
        )


def sold(dice: random.Random, currency: str) -> Order:
    """An order of up to six lines of all kinds, with a discount that it can bear."""
    lines = []
    for index in range(dice.randint(1, 6)):
        quantity, price = dice.randint(1, 7), dice.randint(0, 5_000)
        kind = dice.choice(["goods", "goods", "gift_card", "tip", "fee", "service"])
        line = Line(
            line_id=str(index), sku=f"SKU-{index}", title="x", quantity=quantity,
            unit_price_minor=price, total_minor=quantity * price,
        )  # fmt: skip
        lines.append(msgspec.convert({**msgspec.to_builtins(line), "kind": kind}, Line))
    subtotal, shipping = sum(x.total_minor for x in lines), dice.choice([0, 590])
    discount = dice.randint(0, subtotal)
    totals = Totals(
        subtotal_minor=subtotal, discount_minor=discount, shipping_minor=shipping, tax_minor=0,
        total_minor=subtotal - discount + shipping,
    )  # fmt: skip
    return an_order(lines=tuple(lines), totals=totals, currency=currency)


@pytest.mark.parametrize("currency", ["USD", "JPY"])
async def test_what_is_told_sums_to_what_is_owed(currency: str, client: HttpClient) -> None:
    """Whatever an order is and becomes, the requests together come to its total: once posted, and
    again once amended, fees, tips and shipping on their accounts included."""
    dice = random.Random(20_261_128)
    accounts = {f"{x}_account": x for x in ("gift_card", "tip", "fee", "service")}
    amended = 0
    for _ in range(60):
        recorder = Recorder()
        async with served(recorder.take) as base:
            partner = business_central(client, base, **accounts)  # type: ignore[arg-type]  # one dict of settings, for tests to change
            for effect, order in ((POST, sold(dice, currency)), (AMEND, sold(dice, currency))):
                told = replace(effect, units=all_units(order))
                await partner.perform(a_call(told, order))
                owed = decimal_text(order.totals.total_minor, currency)
                assert recorder.total == Decimal(owed)
        amended += len(recorder.said) > 3
    assert amended > 30

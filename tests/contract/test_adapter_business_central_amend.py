"""Business Central: sales orders amended in place, until they say what the order says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Unknown
from actors.runtime.partner import Call, Partner
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    AmendSalesOrder,
    CancelSalesOrder,
    PostSalesOrder,
    SalesOrderAmended,
    SalesOrderPosted,
    Units,
)
from schemas.order.canonical import Line, Order, Totals
from tests.contract.partner_calls import (
    a_call,
    all_units,
    business_central,
    items_asked_for,
    stubbed,
)
from tests.contract.simulated import BEARER, Client, Json, Running, started
from tests.orders import an_order

MADE = {"@odata.etag": 'W/"1"', "id": "b6f4017a-b749-ee11-ad0b-a1422c0f7f1f", "number": "101005"}
NONE: Json = {"value": []}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


class Company:
    """Sales orders with lines, as v2.0 documents them: each change needs the etag it was read with,
    and makes a new one."""

    def __init__(self) -> None:
        self.order: Json = {}
        self.lines: list[Json] = []
        self.writes: list[tuple[str, str]] = []
        self.proxied = False
        """Something in between answers what would change anything."""
        self._serial = 0

    def _tagged(self, fields: Json) -> Json:
        self._serial += 1
        return {**fields, "@odata.etag": f'W/"{self._serial}"'}

    def take(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """One request."""
        parts = request.path.rpartition("/")[2]
        sent = json.loads(body) if body else {}
        if request.method != "GET":
            self.writes.append((request.method, parts))
            if self.proxied:
                return web.Response(text="<p>Just a moment…</p>", content_type="text/html")
        if parts == "items":
            return items_asked_for(request)
        if request.method == "GET":
            return web.json_response({**self.order, "salesOrderLines": self.lines})
        if parts == "salesOrders":
            for line in sent.pop("salesOrderLines"):
                self._add(line)
            self.order = self._tagged({**sent, "id": MADE["id"], "number": "101005"})
            return web.json_response(self.order, status=201)
        if parts == "salesOrderLines":
            self._add(sent)
            return web.json_response(self.lines[-1], status=201)
        match = request.headers["If-Match"]
        if parts.startswith("salesOrders("):
            assert match == self.order["@odata.etag"]
            self.order = self._tagged({**self.order, **sent})
            return web.json_response(self.order)
        found = next(one for one in self.lines if f"salesOrderLines({one['id']})" == parts)
        assert match == found["@odata.etag"]
        if request.method == "DELETE":
            self.lines.remove(found)
            return web.Response(status=204)
        if {"quantity", "unitPrice"} & set(sent):
            found["discountAmount"] = 0
        found.update(self._tagged(sent))
        return web.json_response(found)

    def _add(self, line: Json) -> None:
        number = len(self.writes) * 100 + len(self.lines)
        fields = {"id": f"l{number}", "sequence": 10_000 * (len(self.lines) + 1), **line}
        self.lines.append(self._tagged(fields))

    @property
    def total(self) -> Decimal:
        """What the lines come to."""
        return sum(
            (
                Decimal(str(one.get("quantity", 0))) * Decimal(str(one.get("unitPrice", 0)))
                - Decimal(str(one.get("discountAmount", 0)))
                for one in self.lines
            ),
            Decimal(0),
        )


@asynccontextmanager
async def a_company(client: HttpClient, order: Order) -> AsyncIterator[tuple[Company, Partner]]:
    """A company with this order's sales order in it."""
    company = Company()
    application = web.Application()

    async def take(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/token"):
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return company.take(request, await request.read())

    application.router.add_route("*", "/{anything:.*}", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        partner = business_central(client, base)
        await partner.perform(a_call(PostSalesOrder(units=all_units(order)), order))
        company.writes.clear()
        yield company, partner
    finally:
        await runner.cleanup()


def amended(order: Order, units: tuple[Units, ...] | None = None) -> Call:
    """The call that makes the sales order say what this order says."""
    effect = AmendSalesOrder(erp_id=MADE["id"], units=units or all_units(order), digest="d1")
    return a_call(effect, order)


async def test_an_amendment_changes_adds_and_deletes(client: HttpClient) -> None:
    """Address, note, a quantity, a new line and one that is gone: then the document says what the
    order says, and a repeat writes nothing. Comments that people wrote stay."""
    order = an_order(note="Ring twice")
    assert order.ship_to is not None
    async with a_company(client, order) as (company, partner):
        company._add({"lineType": "Comment", "description": "Called the customer"})
        moved = replace(order.ship_to, lines=("9 New Street",), company="Acme")
        lines = (
            replace(order.lines[0], quantity=3, total_minor=1500),
            Line(
                line_id="3", sku="SKU-3", title="Lid", quantity=1, unit_price_minor=100,
                total_minor=100,
            ),
        )  # fmt: skip
        totals = Totals(
            subtotal_minor=1600, discount_minor=100, shipping_minor=500, tax_minor=0,
            total_minor=2000,
        )  # fmt: skip
        edited = replace(order, ship_to=moved, note="", lines=lines, totals=totals)
        call = amended(edited)
        assert await partner.look_up(call) is None
        assert await partner.perform(call) == SalesOrderAmended(digest="d1")
        assert company.total == Decimal("20.00")
        assert company.order["shipToAddressLine1"] == "9 New Street"
        assert company.order["shipToName"] == "Acme"
        told = [
            (one["lineType"], one.get("lineObjectNumber", ""), one.get("quantity", 0))
            for one in company.lines
        ]
        assert sorted(told) == [
            ("Account", "40100", 1), ("Comment", "", 0), ("Comment", "", 0),
            ("Item", "SKU-1", 3), ("Item", "SKU-3", 1),
        ]  # fmt: skip
        assert "Called the customer" in [one["description"] for one in company.lines]
        company.writes.clear()
        assert await partner.look_up(call) == SalesOrderAmended(digest="d1")
        assert await partner.perform(call) == SalesOrderAmended(digest="d1")
        assert company.writes == []


async def test_an_amendment_goes_on_where_it_was_cut_off(client: HttpClient) -> None:
    """A repeat takes only the steps that are missing."""
    order = an_order()
    async with a_company(client, order) as (company, partner):
        units = (Units("1", "SKU-1", 1),)
        item = next(one for one in company.lines if one.get("lineObjectNumber") == "SKU-1")
        item["quantity"] = 1
        assert await partner.perform(amended(order, units)) == SalesOrderAmended(digest="d1")
        assert [method for method, _ in company.writes] == ["DELETE"]
        assert company.total == Decimal("10.00")


async def test_an_amendment_that_does_not_take(client: HttpClient) -> None:
    """Where the document still differs after the changes, a person is told in what."""
    order = an_order()
    async with a_company(client, order) as (company, partner):
        company._tagged = lambda fields: {**fields, "@odata.etag": "x", "shipToCity": "Elsewhere"}  # type: ignore[method-assign]  # a document that keeps its city
        company.order["@odata.etag"] = "x"
        assert order.ship_to is not None
        moved = replace(order, ship_to=replace(order.ship_to, city="Newtown"))
        with pytest.raises(NeedsPerson, match="still differs from the order in shipToCity"):
            await partner.perform(amended(moved))


async def test_amending_what_is_gone_or_another_s(client: HttpClient) -> None:
    """A deleted document and one without our reference are left to a person."""
    strange = web.json_response({**MADE, "externalDocumentNumber": "another"})
    missing = [web.json_response({}, status=404), *(web.json_response(NONE) for _ in range(3))]
    async with stubbed(strange, *missing) as stub:
        partner = business_central(client, stub.url)
        with pytest.raises(NeedsPerson, match="no longer has our reference"):
            await partner.perform(amended(an_order()))
        with pytest.raises(NeedsPerson, match="does not have the sales order any more"):
            await partner.perform(amended(an_order()))


async def test_amendments_and_posting_at_the_simulated_company(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """A second server that knows Microsoft's rules takes the same changes, keeps the number in
    capitals, and has the order no more once it was invoiced."""
    partner = business_central(client, running.http, gross_customer_number="WEB-GROSS")
    order = an_order(ref="88003", note="Ring twice")
    made = await partner.perform(a_call(PostSalesOrder(units=all_units(order)), order))
    assert isinstance(made, SalesOrderPosted)
    assert order.ship_to is not None
    moved = replace(order, ship_to=replace(order.ship_to, city="Newtown"), note="")
    totals = replace(order.totals, subtotal_minor=1000, total_minor=1500)
    fewer = replace(moved, lines=order.lines[:1], totals=totals)
    effect = AmendSalesOrder(erp_id=made.erp_id, units=all_units(fewer), digest="d1")
    assert await partner.look_up(a_call(effect, fewer)) is None
    for _ in range(2):
        assert await partner.perform(a_call(effect, fewer)) == SalesOrderAmended(digest="d1")
    assert await partner.look_up(a_call(effect, fewer)) == SalesOrderAmended(digest="d1")
    path = f"/bc/api/v2.0/companies(3e5f)/salesOrders({made.erp_id})?$expand=salesOrderLines"
    shown = (await simulators.call("GET", path, None, BEARER)).json
    assert shown["totalAmountExcludingTax"] == 15.0
    assert shown["shipToCity"] == "Newtown"
    gross = replace(
        an_order(ref="88004"),
        totals=replace(order.totals, tax_minor=359, taxes_included=True),
    )
    post = a_call(PostSalesOrder(units=all_units(gross)), gross)
    assert isinstance(await partner.perform(post), SalesOrderPosted)
    posted_ = await simulators.call("POST", "/_sim/erp/post", {"order": made.number})
    assert posted_.status == 200, posted_.text
    assert await partner.look_up(a_call(PostSalesOrder(units=all_units(fewer)), fewer)) == made
    with pytest.raises(NeedsPerson, match="was posted"):
        await partner.perform(a_call(effect, fewer))
    with pytest.raises(NeedsPerson, match="was posted"):
        await partner.perform(a_call(CancelSalesOrder(erp_id=made.erp_id), fewer))


@pytest.mark.parametrize("what", ["change", "cancel"])
async def test_a_page_in_place_of_an_answer_is_no_success(what: str, client: HttpClient) -> None:
    """A proxy's HTML with status 200 is Unknown: it is looked up, and then done."""
    order = an_order()
    moved = replace(order, note="Ring twice", deliver_by="2026-12-04")
    cancel = a_call(CancelSalesOrder(erp_id=MADE["id"]), order)
    call = amended(moved) if what == "change" else cancel
    async with a_company(client, order) as (company, partner):
        company.proxied = True
        with pytest.raises(Unknown, match="can't be understood"):
            await partner.perform(call)
        assert await partner.look_up(call) is None
        company.proxied = False
        assert await partner.perform(call) is not None


async def test_a_day_of_delivery_that_is_taken_away_goes(client: HttpClient) -> None:
    """What we set is taken back with the shop's wish, or follows it; the day that a person chose in
    Business Central instead stays, and so does one of an order without a wish."""
    wish = an_order(deliver_by="2026-12-04")
    async with a_company(client, wish) as (company, partner):
        assert company.order["requestedDeliveryDate"] == "2026-12-04"
        await partner.perform(amended(replace(wish, deliver_by="2026-12-05")))
        assert company.order["requestedDeliveryDate"] == "2026-12-05"
        call = amended(replace(wish, deliver_by=None))
        assert await partner.look_up(call) is None
        await partner.perform(call)
        assert company.order["requestedDeliveryDate"] == "0001-01-01"
        assert not [one for one in company.lines if "Delivery by" in one["description"]]
        assert await partner.look_up(call) == SalesOrderAmended(digest="d1")
        company.order["requestedDeliveryDate"] = "2026-12-24"
        await partner.perform(amended(replace(wish, deliver_by=None, note="Ring twice")))
        assert company.order["requestedDeliveryDate"] == "2026-12-24"
    async with a_company(client, wish) as (company, partner):
        company.order["requestedDeliveryDate"] = "2026-12-24"
        await partner.perform(amended(replace(wish, deliver_by=None)))
        assert company.order["requestedDeliveryDate"] == "2026-12-24"

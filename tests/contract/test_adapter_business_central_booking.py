"""Business Central: on whom an order is booked and when, how it is found again, and what it sums
to."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.runtime.errors import NeedsPerson, Rejected
from adapters.erp.business_central.partner import BusinessCentral
from adapters.erp.business_central.sales_order import external_number
from adapters.erp.business_central.settings import BusinessCentralSettings, which_of
from adapters.kit.fitting import utf16_length
from adapters.kit.http_client import HttpClient
from adapters.kit.secret import Secret
from schemas.messages.effects import (
    CancelSalesOrder,
    PostSalesOrder,
    SalesOrderPosted,
)
from schemas.order.canonical import Order
from tests.contract.partner_calls import (
    a_call,
    all_units,
    business_central,
    items_asked_for,
    served,
    stubbed,
)
from tests.contract.simulated import BEARER, ORDERS, Client, Json, Running, started
from tests.orders import an_order

POST = PostSalesOrder(units=all_units())
NUMBER = "ACME-US #1042"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


def marked(reference: str, **fields: object) -> Json:
    """A document with this reference on a comment line ("": with no line of ours)."""
    lines = [{"id": "1", "lineType": "Item", "lineObjectNumber": "SKU-1"}]
    if reference:
        lines.append({"id": "2", "lineType": "Comment", "description": f"Reference {reference}"})
    return {
        "id": "b6f4017a-b749-ee11-ad0b-a1422c0f7f1f",
        "number": "S-ORD1",
        "externalDocumentNumber": NUMBER,
        "salesOrderLines": lines,
        **fields,
    }


async def booked_on(client: HttpClient, order: Order, **changes: object) -> Json:
    """The header that is posted for this order."""
    answer = web.json_response(marked("", salesOrderLines=[]), status=201)
    async with stubbed(answer) as stub:
        partner = business_central(client, stub.url, **changes)  # type: ignore[arg-type]  # one dict of settings, for tests to change
        await partner.perform(a_call(PostSalesOrder(units=all_units(order)), order))
        found: Json = json.loads(stub.sent("/salesOrders")[3])
        return found


@given(st.text(max_size=64))
def test_an_external_number_fits_and_keeps_the_shop_s_number(number: str) -> None:
    """At most 35 characters as Windows counts them, in capitals; of a long pair the channel is
    cut."""
    found = external_number("a-channel-with-a-name-of-32-signs", number)
    assert utf16_length(found) <= 35
    assert found == found.strip()
    assert external_number("acme-us", "#a" + "1" * 28) == "ACME #A" + "1" * 28
    assert external_number("acme-us", "#1042") == NUMBER
    assert external_number("acme-us", "9" * 64) == "9" * 35


async def test_the_customer_follows_channel_tax_basis_and_currency(client: HttpClient) -> None:
    """What names most of an order counts; an order that nothing names goes to the usual customer.
    The currency of each order is told."""
    customers = {
        "acme-us": "US", "gross": "GROSS", "gross EUR": "GROSS-EUR",
        "EUR acme-us gross": "US-GROSS-EUR", "acme-de": "DE",
    }  # fmt: skip
    totals = replace(an_order().totals, tax_minor=100, taxes_included=True)
    gross = an_order(totals=totals)
    euro = replace(gross, currency="EUR")
    for order, wanted in ((an_order(), "US"), (gross, "US"), (euro, "US-GROSS-EUR")):
        body = await booked_on(client, order, customers=customers)
        assert (body["customerNumber"], body["currencyCode"]) == (wanted, order.currency)
    del customers["acme-us"]
    assert (await booked_on(client, gross, customers=customers))["customerNumber"] == "GROSS"
    assert (await booked_on(client, an_order(), customers=customers))["customerNumber"] == "WEB"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["acme-us Gross"], "'Gross', which is neither a channel, net, gross nor a currency"),
        (["net gross"], "has two words for the tax"),
        (["EUR gross", "gross EUR"], "'EUR gross' and 'gross EUR' of customers are one"),
    ],
)
def test_customers_that_say_nothing_clear_are_refused(names: list[str], words: str) -> None:
    """A name that can't be read, or that is there twice, is refused when the settings are read."""
    raw = {
        "kind": "business_central", "base_url": "https://x.invalid", "token_url": "https://x.invalid",
        "company_id": "c", "client_id": "i", "customer_number": "WEB",
        "customers": dict.fromkeys(names, "C"),
    }  # fmt: skip
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(
            {**raw, "client_secret": "s"}, BusinessCentralSettings, dec_hook=lambda _, x: Secret(x)
        )
    assert which_of("EUR gross acme") == which_of("acme  gross EUR")


async def test_the_order_s_day_is_the_shop_s(client: HttpClient) -> None:
    """At one in the night of UTC it is still yesterday in New York; without a zone the day is the
    one that the channel states."""
    order = an_order(placed_at="2026-12-01T01:30:00Z")
    days = {"America/New_York": "2026-11-30", "Asia/Tokyo": "2026-12-01", "": "2026-12-01"}
    for zone, day in days.items():
        body = await booked_on(client, order, zones={"acme-us": zone})
        assert body["orderDate"] == day
    stated = an_order(placed_at="2026-11-30T23:30:00-05:00")
    assert (await booked_on(client, stated))["orderDate"] == "2026-11-30"
    first = an_order(placed_at="0001-01-01T00:00:00Z")
    day = (await booked_on(client, first, zones={"acme-us": "America/New_York"}))["orderDate"]
    assert day == "0001-01-01"


async def test_an_unknown_or_blocked_item_is_refused_before_anything_is_posted(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """All numbers that are not there are named at once and nothing is made; once they are there the
    order is posted, and what is known is not asked for again."""
    await simulators.call("POST", "/_sim/erp/settings", {"items": ["SKU-1"]})
    partner = business_central(client, running.http)
    order = an_order(ref="89001")
    call = a_call(PostSalesOrder(units=all_units(order)), order)
    with pytest.raises(Rejected, match=r"has no item SKU-2\. Nothing was posted") as caught:
        await partner.perform(call)
    assert "alias" in str(caught.value)
    assert await simulators.ledger("erp_order") == []
    await simulators.call("POST", "/_sim/erp/settings", {"items": ["SKU-1", "sku-2"]})
    assert isinstance(await partner.perform(call), SalesOrderPosted)
    await simulators.call("DELETE", "/_sim/erp/settings")
    made = [web.json_response(marked(""), status=201) for _ in range(2)]
    async with stubbed(*made) as stub:
        partner = business_central(client, stub.url)
        for _ in made:
            await partner.perform(a_call(POST))
        assert sum("/items" in one[1] for one in stub.requests) == 1


async def test_a_blocked_item_and_items_that_can_not_be_read(client: HttpClient) -> None:
    """A blocked item is named; where the credentials may not read items, the order is posted, for
    Business Central itself refuses what it does not know."""
    posts = []
    refuses = False

    def take(request: web.Request, _: bytes) -> web.StreamResponse:
        if request.path.endswith("/items"):
            if refuses:
                return web.json_response({"error": {"code": "Denied"}}, status=400)
            return items_asked_for(request, blocked="SKU-2")
        posts.append(request.path)
        return web.json_response(marked("", salesOrderLines=[]), status=201)

    async with served(take) as base:
        partner = business_central(client, base)
        with pytest.raises(Rejected, match="has blocked the item SKU-2"):
            await partner.perform(a_call(POST))
        assert posts == []
        refuses = True
        assert isinstance(await partner.perform(a_call(POST)), SalesOrderPosted)


async def test_two_orders_of_one_number_are_told_apart_by_our_reference(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """A second order of the same channel and number is not the first; each finds its own, and a
    cancelled attempt is not taken for the next."""
    partner = business_central(client, running.http)
    one, two = (a_call(POST, an_order(ref=ref)) for ref in ("89002", "89003"))
    made = [await partner.perform(call) for call in (one, two)]
    assert [await partner.look_up(call) for call in (one, two)] == made
    again = a_call(POST, an_order(ref="89002"), key="D2")
    assert await partner.look_up(again) is None
    entries = {x["reference"]: x["detail"] for x in await simulators.ledger("erp_order")}
    assert {entries[call.reference]["external_number"] for call in (one, two)} == {NUMBER}


async def test_a_document_without_our_reference_is_left_to_a_person(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Entered by hand under the order's number, it may be this order: it is named, with the line
    that would claim it, and nothing is made meanwhile."""
    order = an_order(ref="89004", number="#89004")
    call = a_call(PostSalesOrder(units=all_units(order)), order)
    body = {"externalDocumentNumber": "acme-us #89004", "customerNumber": "WEB"}
    by_hand = (await simulators.call("POST", ORDERS, body, BEARER)).json
    partner = business_central(client, running.http)
    with pytest.raises(NeedsPerson, match=by_hand["number"]) as caught:
        await partner.look_up(call)
    assert not caught.value.outcome_known
    assert f'"Reference {call.reference}"' in str(caught.value)
    line = {"lineType": "Comment", "description": f"reference {call.reference.lower()} (web)"}
    await simulators.call("POST", f"{ORDERS}({by_hand['id']})/salesOrderLines", line, BEARER)
    found = await partner.look_up(call)
    assert found == SalesOrderPosted(erp_id=by_hand["id"], number=by_hand["number"])


async def test_a_posted_order_is_found_again_in_all_it_has_become(
    running: Running, simulators: Client, client: HttpClient
) -> None:
    """Shipped, invoiced and credited: until the credit the order counts as made, under its own
    number; after it a person is told of the documents. It was made, so that who tries it again has
    it looked up again: nothing is ever made twice."""
    partner = business_central(client, running.http)
    order = an_order(ref="89005", number="O'Brien 5")
    call = a_call(PostSalesOrder(units=all_units(order)), order)
    made = await partner.perform(call)
    assert isinstance(made, SalesOrderPosted)
    cancel = a_call(CancelSalesOrder(erp_id=made.erp_id), order)
    for what in ("ship", "invoice"):
        done = await simulators.call("POST", "/_sim/erp/post", {"order": made.number, "what": what})
        assert done.status == 200, done.text
        assert await partner.look_up(call) == made
    with pytest.raises(NeedsPerson, match="was posted in Business Central as invoice PS-INV"):
        await partner.look_up(cancel)
    await simulators.call("POST", "/_sim/erp/post", {"order": made.number, "what": "credit"})
    with pytest.raises(NeedsPerson, match="was posted") as caught:
        await partner.look_up(call)
    assert not caught.value.outcome_known
    made_of = [x["reference"] for x in await simulators.ledger("erp_order")]
    assert made_of.count(call.reference) == 1


@pytest.mark.parametrize("collection", ["salesShipments", "salesCreditMemos"])
async def test_a_document_without_its_order_is_named(collection: str, client: HttpClient) -> None:
    """A shipment or a credit memo alone says that the order existed: a person is told its number,
    in whichever collection it is."""
    call = a_call(POST)
    lines = f"{collection.removesuffix('s')}Lines"
    found = marked(call.reference, number="PS-9")
    found[lines] = found.pop("salesOrderLines")

    def answer(request: web.Request) -> web.StreamResponse:
        field = "externalDocumentNumber"
        wanted = f"{field} eq '{NUMBER}' or {field} eq '{call.reference}'"
        assert request.query["$filter"] == wanted
        assert (
            request.query["$expand"] == f"{request.path.rpartition('/')[2].removesuffix('s')}Lines"
        )
        here = request.path.endswith(collection)
        return web.json_response({"value": [found] if here else []})

    async with stubbed() as stub:
        stub.answers += [answer] * 8
        with pytest.raises(NeedsPerson, match="PS-9"):
            await business_central(client, stub.url).look_up(call)


async def test_a_document_in_another_currency_goes_to_a_person(client: HttpClient) -> None:
    """Prices of one currency are never booked as another's."""
    answer = web.json_response(marked("", currencyCode="EUR", salesOrderLines=[]), status=201)
    async with stubbed(answer) as stub:
        with pytest.raises(NeedsPerson, match="as EUR, and the shop's are USD"):
            await business_central(client, stub.url).perform(a_call(POST))


async def test_the_probe_names_channels_that_are_not_there(client: HttpClient) -> None:
    """A customer for a channel that is not configured is found before an order is booked wrong."""
    answers = [web.json_response({"value": []}) for _ in range(2)]
    async with stubbed(*answers) as stub:
        partner = business_central(
            client, stub.url, zones={"acme-us": ""}, customers={"acme-uk gross": "UK"}
        )
        with pytest.raises(Rejected, match="names acme-uk, and no channel is called so"):
            await partner.probe()
        assert isinstance(partner, BusinessCentral)
        known = business_central(
            client, stub.url, zones={"acme-us": ""}, customers={"acme-us": "U"}
        )
        assert "shows the sales orders" in await known.probe()


async def test_a_document_of_an_earlier_version_is_ours(client: HttpClient) -> None:
    """Earlier versions wrote our reference where the shop's number stands now, and no comment line:
    it is found, so that nothing is posted twice."""
    call = a_call(POST)
    earlier = marked("", externalDocumentNumber=call.reference, number="S-7", salesOrderLines=[])
    async with stubbed(web.json_response({"value": [earlier]})) as stub:
        found = await business_central(client, stub.url).look_up(call)
    assert isinstance(found, SalesOrderPosted)
    assert found.number == "S-7"

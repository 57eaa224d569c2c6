"""The simulated Business Central amends, posts and refuses orders as Microsoft's pages say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.simulated import (
    BEARER,
    ORDERS,
    Answer,
    Client,
    Json,
    Running,
    calling,
    sales_order,
    spec,
    started,
)

COMPANY = ORDERS.removesuffix("/salesOrders")
TOKEN = "/bc/oauth2/v2.0/token"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        await client.call("DELETE", "/_sim/credentials")
        await client.call("DELETE", "/_sim/erp/settings")
        yield client


async def made(sim: Client, reference: str, **more: object) -> Json:
    """A new sales order."""
    answer = await sim.call("POST", ORDERS, {**sales_order(reference), **more}, BEARER)
    assert answer.status == 201, answer.text
    return answer.json


async def change(sim: Client, method: str, path: str, etag: str, body: object = None) -> Answer:
    """A change that knows what it changes."""
    return await sim.call(method, path, body, {**BEARER, "If-Match": etag})


def at(order: Json) -> str:
    """The address of an order."""
    return f"{ORDERS}({order['id']})"


async def fetched(sim: Client, order: Json) -> Json:
    """The order as it is now."""
    return (await sim.call("GET", f"{at(order)}?$expand=salesOrderLines", None, BEARER)).json


async def posted(sim: Client, kind: str, wish: str) -> list[Json]:
    """Posted documents by a filter, with their lines."""
    params = {"$filter": wish, "$expand": f"{kind.removesuffix('s')}Lines"}
    answer = await sim.call("GET", f"{COMPANY}/{kind}", None, BEARER, params=params)
    found: list[Json] = answer.json["value"]
    return found


def documented(name: str) -> set[str]:
    """The properties of a resource on Microsoft's page."""
    page = spec("dynamics365-bc", "v2.0", "resources", f"dynamics_{name}.md").read_text()
    table = page.partition("## Properties")[2].partition("## JSON")[0]
    return set(re.findall(r"(?m)^\|(\w+)\|", table))


def names(value: Json) -> set[str]:
    """The properties of an answer, without annotations and expanded lines."""
    return {name for name in value if not name.startswith("@") and not name.endswith("Lines")}


async def test_a_header_is_amended_with_its_etag(sim: Client) -> None:
    """PATCH changes what it names, needs If-Match, and makes the old ETag stale."""
    order = await made(sim, "D1")
    body = {"shipToAddressLine1": "2 Elm Street", "shipToCity": "Dallas"}
    assert (await sim.call("PATCH", at(order), body, BEARER)).status == 400
    changed = await change(sim, "PATCH", at(order), order["@odata.etag"], body)
    assert changed.status == 200
    assert (changed.json["shipToCity"], changed.json["shipToName"]) == ("Dallas", "Ada Archer")
    late = await change(sim, "PATCH", at(order), order["@odata.etag"], body)
    assert (late.status, late.json["error"]["code"]) == (409, "Request_EntityChanged")
    (entry,) = await sim.ledger("erp_order_update")
    assert (entry["reference"], entry["detail"]["what"]) == ("D1", "header")
    assert entry["detail"]["fields"] == ["shipToAddressLine1", "shipToCity"]
    assert (await sim.call("GET", "/_sim/ledger/summary")).json["duplicates"] == []


async def test_lines_are_added_changed_and_deleted(sim: Client) -> None:
    """Each line has its own address and ETag; totals follow; a number never returns."""
    order = await made(sim, "D2")
    lines = f"{at(order)}/salesOrderLines"
    comment = {"lineType": "Comment", "description": "Ring twice."}
    added = await sim.call("POST", lines, comment, BEARER)
    assert (added.status, added.json["sequence"]) == (201, 30_000)
    first, second, third = (await sim.call("GET", lines, None, BEARER)).json["value"]
    assert third["lineType"] == "Comment"
    more = await change(
        sim, "PATCH", f"{lines}({first['id']})", first["@odata.etag"], {"quantity": 3}
    )
    assert (more.json["quantity"], more.json["amountExcludingTax"]) == (3, 28.5)
    # Another line's change does not make this line's ETag stale.
    short = f"{COMPANY}/salesOrderLines({second['id']})"
    assert (await change(sim, "DELETE", short, second["@odata.etag"])).status == 204
    assert (await change(sim, "DELETE", short, second["@odata.etag"])).status == 404
    now = await fetched(sim, order)
    assert now["totalAmountExcludingTax"] == 28.5
    assert [line["sequence"] for line in now["salesOrderLines"]] == [10_000, 30_000]
    item = {"documentId": order["id"], "lineObjectNumber": "SKU-9", "quantity": 1}
    again = await sim.call("POST", f"{COMPANY}/salesOrderLines", item, BEARER)
    assert again.json["sequence"] == 40_000
    told = [entry["detail"]["what"] for entry in await sim.ledger("erp_order_update")]
    assert told == ["line_added", "line_changed", "line_deleted", "line_added"]


async def test_answers_have_every_documented_property(sim: Client) -> None:
    """Lines, invoices and shipments have the fields of Microsoft's pages, no more and no fewer."""
    order = await fetched(sim, await made(sim, "D3"))
    assert names(order["salesOrderLines"][0]) == documented("salesorderline")
    await sim.call("POST", "/_sim/erp/post", {"order": "D3"})
    (invoice,) = await posted(sim, "salesInvoices", "externalDocumentNumber eq 'D3'")
    assert names(invoice) == documented("salesinvoice")
    (shipment,) = await posted(sim, "salesShipments", "externalDocumentNumber eq 'D3'")
    assert names(shipment) == documented("salesShipment")
    assert names(shipment["salesShipmentLines"][0]) == documented("salesShipmentLine")


async def test_a_posted_order_is_found_as_what_it_became(sim: Client) -> None:
    """Shipping keeps the order, invoicing ends it; its documents are found by its number."""
    order = await made(sim, "D4")
    await sim.call("POST", "/_sim/erp/post", {"order": order["number"], "what": "ship"})
    shipped = await fetched(sim, order)
    assert (shipped["fullyShipped"], shipped["status"]) == (True, "Open")
    assert shipped["salesOrderLines"][0]["shippedQuantity"] == 2
    kept = await change(sim, "DELETE", at(order), shipped["@odata.etag"])
    assert (kept.status, kept.json["error"]["code"]) == (400, "Application_DialogException")
    done = await sim.call("POST", "/_sim/erp/post", {"order": "D4", "what": "invoice"})
    (document,) = done.json["posted"]
    assert (await sim.call("GET", at(order), None, BEARER)).status == 404
    wish = f"orderNumber eq '{order['number']}'"
    (invoice,) = await posted(sim, "salesInvoices", wish)
    assert (invoice["id"], invoice["orderId"]) == (document["id"], order["id"])
    assert invoice["totalAmountIncludingTax"] == 23.49
    one = await sim.call("GET", f"{COMPANY}/salesInvoices({document['id']})", None, BEARER)
    assert one.json["number"] == document["number"]
    assert len(await posted(sim, "salesShipments", wish)) == 1


async def test_an_order_can_be_posted_by_its_own_action(sim: Client) -> None:
    """Microsoft.NAV.shipAndInvoice answers 204, and the order does not exist any more."""
    order = await made(sim, "D5")
    path = f"{at(order)}/Microsoft.NAV.shipAndInvoice"
    assert (await sim.call("POST", path, None, BEARER)).status == 204
    assert (await sim.call("GET", at(order), None, BEARER)).status == 404


async def test_a_released_order_keeps_its_lines(sim: Client) -> None:
    """Until it is reopened, a released order refuses changes of lines and addresses."""
    order = await made(sim, "D6")
    await sim.call("POST", "/_sim/erp/post", {"order": "D6", "what": "release"})
    lines = f"{at(order)}/salesOrderLines"
    item = {"lineObjectNumber": "SKU-9", "quantity": 1}
    refused = await sim.call("POST", lines, item, BEARER)
    assert "Current value is 'Released'" in refused.json["error"]["message"]
    now = await fetched(sim, order)
    moved = await change(sim, "PATCH", at(order), now["@odata.etag"], {"shipToCity": "Dallas"})
    assert moved.status == 400
    await sim.call("POST", "/_sim/erp/post", {"order": "D6", "what": "reopen"})
    assert (await sim.call("POST", lines, item, BEARER)).status == 201


async def test_a_number_is_kept_in_capitals(sim: Client) -> None:
    """The field is a code: it is shown in capitals, and a filter finds it in any case."""
    assert (await made(sim, " aB7 "))["externalDocumentNumber"] == "AB7"
    params = {"$filter": "externalDocumentNumber eq 'Ab7'"}
    (found,) = (await sim.call("GET", ORDERS, None, BEARER, params=params)).json["value"]
    assert found["externalDocumentNumber"] == "AB7"


async def test_the_ledger_knows_an_order_by_the_reference_on_a_comment_line(sim: Client) -> None:
    """Thirty-five characters on a comment line are the reference; the number is told beside it."""
    body = sales_order("Shop 1001")
    reference = "1" * 34 + "Z"
    body["salesOrderLines"].append({"lineType": "Comment", "description": f"Reference {reference}"})
    assert (await sim.call("POST", ORDERS, body, BEARER)).status == 201
    (entry,) = await sim.ledger("erp_order")
    assert entry["reference"] == reference
    assert entry["detail"]["external_number"] == "SHOP 1001"


async def test_an_invoice_is_credited_by_hand(sim: Client) -> None:
    """A corrective credit memo has the order's number and all its lines, and names its invoice."""
    order = await made(sim, "D8")
    unknown = await sim.call("POST", "/_sim/erp/post", {"order": "D8", "what": "credit"})
    assert unknown.status == 404
    await sim.call("POST", "/_sim/erp/post", {"order": "D8"})
    done = await sim.call("POST", "/_sim/erp/post", {"order": "D8", "what": "credit"})
    (told,) = done.json["posted"]
    assert told["kind"] == "salesCreditMemos"
    (memo,) = await posted(sim, "salesCreditMemos", "externalDocumentNumber eq 'd8'")
    assert names(memo) == documented("salescreditmemo")
    (invoice,) = await posted(sim, "salesInvoices", f"orderNumber eq '{order['number']}'")
    assert (memo["invoiceId"], memo["invoiceNumber"]) == (invoice["id"], invoice["number"])
    assert memo["totalAmountIncludingTax"] == invoice["totalAmountIncludingTax"] == 23.49
    assert len(memo["salesCreditMemoLines"]) == len(invoice["salesInvoiceLines"]) == 2


async def test_items_are_found_by_number(sim: Client) -> None:
    """Only items that the tenant has are answered, in capitals; other questions are refused."""
    await sim.call("POST", "/_sim/erp/settings", {"items": ["SKU-1", "O'Neill"]})
    items = f"{COMPANY}/items"
    wish = "number eq 'sku-1' or number eq 'SKU-2' or number eq 'O''Neill'"
    found = await sim.call("GET", items, None, BEARER, params={"$filter": wish})
    assert [one["number"] for one in found.json["value"]] == ["SKU-1", "O'NEILL"]
    params = {"$filter": "displayName eq 'x'"}
    assert (await sim.call("GET", items, None, BEARER, params=params)).status == 400


async def test_prices_may_include_tax(sim: Client) -> None:
    """The tenant says whether prices include tax; then the total before tax is what remains."""
    totals = []
    for include in (False, True):
        settings = {"prices_include_tax": include, "tax_percent": 20}
        await sim.call("POST", "/_sim/erp/settings", settings)
        order = await made(sim, f"T{include}")
        assert order["pricesIncludeTax"] is include
        totals.append((order["totalAmountExcludingTax"], order["totalAmountIncludingTax"]))
    assert totals == [(23.49, 28.19), (19.57, 23.49)]
    (_, entry) = await sim.ledger("erp_order")
    assert entry["detail"]["total_including_tax"] == 23.49
    assert [line["quantity"] for line in entry["detail"]["lines"]] == [2, 1]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"lineObjectNumber": "S" * 21}, "Application_StringExceededLength"),
        ({"lineObjectNumber": "SKU-404"}, "Internal_InvalidTableRelation"),
        ({"lineType": "Gift"}, "BadRequest"),
        ({"lineType": "Comment", "quantity": 1}, "Application_FieldValidationException"),
        ({"lineType": "Comment", "description": "x" * 101}, "Application_StringExceededLength"),
        ({"netAmount": 5}, "BadRequest"),
    ],
)
async def test_lines_are_refused_as_business_central_refuses_them(
    sim: Client, line: Json, code: str
) -> None:
    """In a new order and as a line of its own, and nothing is written down."""
    order = await made(sim, "D8")
    await sim.call("POST", "/_sim/erp/settings", {"items": ["sku-001", "SKU-002"]})
    await sim.call("DELETE", "/_sim/ledger")
    body = sales_order("D9")
    body["salesOrderLines"].append(line)
    for path, sent in [(ORDERS, body), (f"{at(order)}/salesOrderLines", line)]:
        answer = await sim.call("POST", path, sent, BEARER)
        assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert await sim.ledger() == []


async def test_wrong_credentials_get_no_token(sim: Client) -> None:
    """Once an account is configured, only its client gets a token, and only that token serves."""
    account = {"partner": "erp", "client_id": "app", "client_secret": "s3cret"}
    await sim.call("POST", "/_sim/credentials", account)
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s3cret"}
    given = await sim.call("POST", TOKEN, data=form)
    refused = await sim.call("POST", TOKEN, data={**form, "client_secret": "guessed"})
    assert (refused.status, refused.json["error"]) == (401, "invalid_client")
    right = {"Authorization": f"Bearer {given.json['access_token']}"}
    assert (await sim.call("POST", ORDERS, sales_order("D10"), right)).status == 201
    assert (await sim.call("POST", ORDERS, sales_order("D10"), BEARER)).status == 401


async def test_odd_controls_are_refused(sim: Client) -> None:
    """A setting or an action that would do nothing is a 400 which says what was expected."""
    await made(sim, "D11")
    for path, body, words in [
        ("settings", {"item": []}, "no setting named item"),
        ("post", {"order": "D11", "what": "burn"}, "`what` must be one of"),
    ]:
        answer = await sim.call("POST", f"/_sim/erp/{path}", body)
        assert answer.status == 400
        assert words in answer.json["error"]
    assert (await sim.call("POST", "/_sim/erp/post", {"order": "none"})).status == 404

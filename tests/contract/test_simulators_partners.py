"""Each simulated partner answers in the shape its real one documents, and does the same."""

from __future__ import annotations

import base64
import copy
import functools
import gzip
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage

import aiosmtplib
import pytest
from graphql import GraphQLSchema, build_client_schema, execute_sync, parse

from ops.simulators.ups_shipments import tracking_number
from tests.contract.described import check_ups
from tests.contract.simulated import (
    BEARER,
    ORDERS,
    TRACKING,
    Client,
    Json,
    Running,
    calling,
    listening,
    sales_order,
    ship_request,
    shipment_id,
    spec,
    started,
    task,
)

SECRET = "whsec_" + base64.b64encode(b"a key for tests").decode()
ORDER_GID = "gid://shopify/Order/820982911946154508"
ORDER_QUERY = """
query($id: ID!) { order(id: $id) { id name displayFulfillmentStatus
  fulfillmentOrders(first: 10) { nodes { id status requestStatus
    lineItems(first: 10) { nodes { id totalQuantity remainingQuantity } } }
    pageInfo { hasNextPage } }
  fulfillments(first: 10) { id status trackingInfo { number url company } } } }
"""
FULFIL = """
mutation($f: FulfillmentInput!) { fulfillmentCreate(fulfillment: $f) {
  fulfillment { id status trackingInfo { number url company } } userErrors { field message } } }
"""
REFUND = """
mutation($i: RefundInput!, $k: String!) { refundCreate(input: $i) @idempotent(key: $k) {
  refund { id } userErrors { field message } } }
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started("--callback-secret", SECRET, "--callbacks", "picked,packed,handed_over") as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


@functools.cache
def shopify_schema() -> GraphQLSchema:
    packed = spec("shopify", "admin-graphql-2026-10.introspection.json.gz").read_bytes()
    loaded = json.loads(gzip.decompress(packed))
    # Shopify's own schema breaks a newer rule about deprecated fields, which does not matter here.
    return build_client_schema(loaded.get("data", loaded), assume_valid=True)


def check_shopify(query: str, answer: Json) -> None:
    """The answer holds everything the query selects, in the types of Shopify's own schema."""
    result = execute_sync(shopify_schema(), parse(query), answer["data"], variable_values=VARIABLES)
    assert result.errors is None, result.errors
    assert result.data is not None


VARIABLES: Json = {
    "id": ORDER_GID,
    "f": {"lineItemsByFulfillmentOrder": []},
    "i": {"orderId": ORDER_GID},
    "k": "a",
}


async def test_an_erp_order_is_found_by_our_reference_until_deleted(sim: Client) -> None:
    """Create, find, get and delete work as Business Central documents them."""
    made = await sim.call("POST", ORDERS, sales_order("R-1"), BEARER)
    assert made.status == 201
    order = made.json
    assert re.fullmatch(r"S-ORD\d{6}", order["number"])
    assert order["totalAmountExcludingTax"] == 23.49
    assert "salesOrderLines" not in order
    asked = {"$filter": "externalDocumentNumber eq 'R-1'", "$expand": "salesOrderLines"}
    (listed,) = (await sim.call("GET", ORDERS, None, BEARER, params=asked)).json["value"]
    assert listed["id"] == order["id"]
    assert [line["sequence"] for line in listed["salesOrderLines"]] == [10_000, 20_000]
    one = f"{ORDERS}({order['id']})"
    assert (await sim.call("GET", one, None, BEARER)).json["number"] == order["number"]
    assert (await sim.call("DELETE", one, None, BEARER)).status == 400
    stale = {**BEARER, "If-Match": 'W/"old"'}
    assert (await sim.call("DELETE", one, None, stale)).status == 409
    fresh = {**BEARER, "If-Match": order["@odata.etag"]}
    gone = await sim.call("DELETE", one, None, fresh)
    assert (gone.status, gone.text) == (204, "")
    assert (await sim.call("GET", ORDERS, None, BEARER, params=asked)).json["value"] == []
    kinds = [(entry["kind"], entry["reference"]) for entry in await sim.ledger()]
    assert kinds == [("erp_order", "R-1"), ("erp_order_delete", "R-1")]


async def test_an_erp_order_has_every_documented_property(sim: Client) -> None:
    """The answer's fields are those of Microsoft's page about salesOrder, no more and no fewer."""
    page = spec("dynamics365-bc", "v2.0", "resources", "dynamics_salesorder.md").read_text()
    table = page.partition("## Properties")[2].partition("## JSON")[0]
    documented = set(re.findall(r"(?m)^\|(\w+)\|", table))
    made = await sim.call("POST", ORDERS, sales_order("R-2"), BEARER)
    assert {name for name in made.json if not name.startswith("@")} == documented


async def test_the_erp_makes_a_second_order_of_a_repeated_post(sim: Client) -> None:
    """Business Central knows no idempotency, so the ledger shows the duplicate."""
    for _ in range(2):
        await sim.call("POST", ORDERS, sales_order("R-3"), BEARER)
    summary = (await sim.call("GET", "/_sim/ledger/summary")).json
    assert summary["counts"]["erp_order"] == 2
    assert summary["duplicates"] == [
        {"kind": "erp_order", "reference": "R-3", "count": 2, "undone": 0}
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"externalDocumentNumber": "x" * 36}, "less than or equal to 35"),
        ({"totalAmountExcludingTax": 5}, "'totalAmountExcludingTax' does not exist"),
    ],
)
async def test_the_erp_refuses_what_business_central_refuses(
    sim: Client, change: Json, words: str
) -> None:
    """Too long references and read-only properties get a 400 in Business Central's error shape."""
    answer = await sim.call("POST", ORDERS, {**sales_order("R-4"), **change}, BEARER)
    assert answer.status == 400
    assert words in answer.json["error"]["message"]
    assert await sim.ledger() == []


async def test_tokens_are_given_for_client_credentials(sim: Client) -> None:
    """Both OAuth endpoints answer in the shape of theirs; without credentials no one is served."""
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    erp = await sim.call("POST", "/bc/oauth2/v2.0/token", data=form)
    assert (erp.json["token_type"], erp.json["expires_in"]) == ("Bearer", 3599)
    basic = {"Authorization": "Basic " + base64.b64encode(b"id:secret").decode()}
    carrier = await sim.call("POST", "/ups/security/v1/oauth/token", None, basic, data=form)
    check_ups("OAuthClientCredentials.yaml", "tokenSuccessResponse", carrier.json)
    assert carrier.json["client_id"] == "id"
    assert (await sim.call("POST", ORDERS, sales_order("R"), {})).status == 401
    assert (await sim.call("POST", "/ups/api/shipments/v2409/ship", {}, {})).status == 401


async def test_a_label_is_bought_found_and_voided_in_ups_shapes(sim: Client) -> None:
    """Ship, recovery by reference, track and void satisfy UPS's own OpenAPI descriptions."""
    check_ups("Shipping.yaml", "SHIPRequestWrapper", ship_request("R-5"))
    bought = await sim.ship("R-5")
    check_ups("Shipping.yaml", "SHIPResponseWrapper", bought.json)
    number = shipment_id(bought)
    results = bought.json["ShipmentResponse"]["ShipmentResults"]
    image = results["PackageResults"][0]["ShippingLabel"]["GraphicImage"]
    assert base64.b64decode(image).startswith(b"GIF89a")
    found = await sim.recover("R-5")
    described = copy.deepcopy(found.json)
    for result in described["LabelRecoveryResponse"]["LabelResults"]:
        # The description wants exactly four letters here; UPS's own example has three.
        result["LabelImage"]["LabelImageFormat"]["Code"] += "."
    check_ups("Shipping.yaml", "LABELRECOVERYResponseWrapper", described)
    assert found.json["LabelRecoveryResponse"]["ShipmentIdentificationNumber"] == number
    seen = await sim.call("GET", f"/ups/api/track/v1/details/{number}", None, TRACKING)
    check_ups("Tracking.yaml", "TrackApiResponse", seen.json)
    (package,) = seen.json["trackResponse"]["shipment"][0]["package"]
    assert package["currentStatus"]["type"] == "D"
    path = f"/ups/api/shipments/v2409/void/cancel/{number}"
    for _ in range(2):
        voided = await sim.call("DELETE", path, None, BEARER)
        check_ups("Shipping.yaml", "VOIDSHIPMENTResponseWrapper", voided.json)
    seen = await sim.call("GET", f"/ups/api/track/v1/details/{number}", None, TRACKING)
    (package,) = seen.json["trackResponse"]["shipment"][0]["package"]
    assert package["currentStatus"]["type"] == "MV"
    missing = await sim.recover("R-5")
    assert missing.status == 400
    check_ups("Shipping.yaml", "ErrorResponse", missing.json)
    kinds = [(entry["kind"], entry["reference"]) for entry in await sim.ledger()]
    assert kinds == [("label", "R-5"), ("label_void", "R-5")]


async def test_two_labels_of_one_reference_are_both_named(sim: Client) -> None:
    """A doubled purchase shows in the recovery's candidates and in the ledger's duplicates."""
    numbers = [shipment_id(await sim.ship("R-6")) for _ in range(2)]
    found = (await sim.recover("R-6")).json["LabelRecoveryResponse"]
    assert [one["TrackingNumber"] for one in found["TrackingCandidate"]] == numbers
    summary = (await sim.call("GET", "/_sim/ledger/summary")).json
    assert [(one["kind"], one["count"]) for one in summary["duplicates"]] == [("label", 2)]


async def test_ups_refuses_what_its_description_forbids(sim: Client) -> None:
    """A reference over 35 characters or no shipper number is refused, and nothing is bought."""
    answer = await sim.ship("x" * 36)
    assert answer.status == 400
    assert answer.json["response"]["errors"][0]["code"] == "120541"
    request = ship_request("R")
    del request["ShipmentRequest"]["Shipment"]["Shipper"]["ShipperNumber"]
    answer = await sim.call("POST", "/ups/api/shipments/v2409/ship", request, BEARER)
    assert answer.json["response"]["errors"][0]["code"] == "120100"
    assert await sim.ledger() == []


@pytest.mark.parametrize("known", ["1Z5R89390357567127", "1Z12345E6605272234"])
def test_check_digits_are_those_of_real_numbers(known: str) -> None:
    """The check digit agrees with published tracking numbers."""
    assert tracking_number(known[2:8], known[8:10], int(known[10:17])) == known


async def test_a_parcel_moves_before_it_arrives() -> None:
    """With a delivery time the first look says that only a label was made."""
    with started("--deliver-after-seconds", "3600") as running:
        async with calling(running) as sim:
            number = shipment_id(await sim.ship("R-7"))
            path = f"/ups/api/track/v1/details/{number}"
            seen = await sim.call("GET", path, None, TRACKING)
            (package,) = seen.json["trackResponse"]["shipment"][0]["package"]
            assert package["currentStatus"]["type"] == "M"
            assert (await sim.call("GET", path, None, BEARER)).status == 400


async def test_a_warehouse_task_is_made_once_and_told_about(sim: Client) -> None:
    """The same key gives the same task; its news come in order, signed as Standard Webhooks."""
    headers = {**BEARER, "Idempotency-Key": "R-8-1"}
    async with listening() as listener:
        listener.answers = [500, 503]
        body_ = task("R8", listener.url)
        first = await sim.call("POST", "/warehouse/v2/tasks", body_, headers)
        again = await sim.call("POST", "/warehouse/v2/tasks", body_, headers)
        assert (first.status, again.status) == (201, 200)
        assert first.json["task_id"] == again.json["task_id"]
        assert first.json["status"] == "released"
        await listener.wait_for(4)
    kinds = [json.loads(body)["type"] for _, body in listener.got]
    assert kinds == ["task.picked"] * 3 + ["task.packed"]
    ids = [headers["webhook-id"] for headers, _ in listener.got]
    assert len(set(ids[:3])) == 1
    assert len(set(ids)) == 2
    for got, body in listener.got:
        signed = f"{got['webhook-id']}.{got['webhook-timestamp']}.".encode() + body
        digest = hmac.digest(b"a key for tests", signed, hashlib.sha256)
        assert got["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
    packed = json.loads(listener.got[3][1])
    assert packed["reference"] == "R8"
    assert packed["parcels"][0]["lines"] == [
        {"line_id": "1", "quantity": 2},
        {"line_id": "2", "quantity": 3},
    ]
    assert [entry["kind"] for entry in await sim.ledger()] == ["warehouse_task", "parcel"]


async def test_a_fulfilment_is_made_once_with_its_tracking(sim: Client) -> None:
    """Query, fulfillmentCreate and its refusal answer in the types of Shopify's 2026-10 schema."""
    before = await sim.graphql(ORDER_QUERY, id=ORDER_GID)
    check_shopify(ORDER_QUERY, before.json)
    (open_one,) = before.json["data"]["order"]["fulfillmentOrders"]["nodes"]
    assert open_one["status"] == "OPEN"
    fulfilment = {
        "lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": open_one["id"]}],
        "trackingInfo": {"number": "1Z1", "company": "UPS", "url": "https://ups.example/1Z1"},
    }
    made = await sim.graphql(FULFIL, f=fulfilment)
    check_shopify(FULFIL, made.json)
    assert made.json["data"]["fulfillmentCreate"]["userErrors"] == []
    again = await sim.graphql(FULFIL, f=fulfilment)
    check_shopify(FULFIL, again.json)
    (error,) = again.json["data"]["fulfillmentCreate"]["userErrors"]
    assert "unfulfillable status= closed" in error["message"]
    after = await sim.graphql(ORDER_QUERY, id=ORDER_GID)
    check_shopify(ORDER_QUERY, after.json)
    order = after.json["data"]["order"]
    assert order["displayFulfillmentStatus"] == "FULFILLED"
    assert order["fulfillments"][0]["trackingInfo"][0]["number"] == "1Z1"
    assert after.json["extensions"]["cost"]["throttleStatus"]["restoreRate"] > 0
    (entry,) = await sim.ledger("fulfilment")
    assert entry["reference"] == ORDER_GID


async def test_a_refund_needs_its_key_and_happens_once_per_key(sim: Client) -> None:
    """Without @idempotent a refund is refused, as Shopify does since 2026-04."""
    bare = await sim.graphql(REFUND.replace("@idempotent(key: $k)", ""), i={"orderId": ORDER_GID})
    assert "@idempotent" in bare.json["errors"][0]["message"]
    for _ in range(2):
        made = await sim.graphql(REFUND, i={"orderId": ORDER_GID}, k="one")
        check_shopify(REFUND, made.json)
    assert len(await sim.ledger("refund")) == 1


async def test_mail_is_written_down_without_its_recipient(sim: Client, running: Running) -> None:
    """The ledger has the reference, the message's id and the recipient's domain, and no more."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "shop@acme.example", "Ada Archer <ada@customer.example>"
    mail["Subject"], mail["Message-ID"] = "Your order", "<m1@acme.example>"
    mail["X-Orderwright-Reference"] = "R-12-mail"
    mail.set_content("Hello\n.\nwith a line that is one dot")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=running.smtp_port, start_tls=False)
    (entry,) = await sim.ledger("mail")
    assert entry["reference"] == "R-12-mail"
    assert entry["id"] == "<m1@acme.example> to customer.example"

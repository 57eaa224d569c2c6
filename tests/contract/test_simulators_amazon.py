"""The simulated Amazon takes packages by quantity, cancels by feed, and tells of changes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from jsonschema import Draft4Validator, Draft7Validator

from ops.simulators.amazon_forwarder import order_change
from tests.amazon_payloads import an_order, description
from tests.contract.simulated import (
    Answer,
    Client,
    Json,
    Running,
    calling,
    listening,
    started,
)

MARKET = "A1PA6795UKMFR9"
SIM, V0, V1 = "/_sim/amazon", "/amazon/orders/v0/orders", "/amazon/orders/2026-01-01/orders"
FEEDS = "/amazon/feeds/2021-06-30"
FAST = {"get_order": {"rate": 1000, "burst": 1000}, "confirm_shipment": {"rate": 1000, "burst": 99}}
ONE, TWO = "68828573160001", "68828573160002"
ACKNOWLEDGE = """<?xml version="1.0"?><AmazonEnvelope>
<MessageType>OrderAcknowledgement</MessageType><Message><MessageID>1</MessageID>
<OrderAcknowledgement><AmazonOrderID>{ref}</AmazonOrderID><StatusCode>{status}</StatusCode>
{items}</OrderAcknowledgement></Message></AmazonEnvelope>"""
ITEM = (
    "<Item><AmazonOrderItemCode>{item}</AmazonOrderItemCode><CancelReason>{reason}</CancelReason>"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


class Seller:
    """A seller with a token."""

    def __init__(self, sim: Client, token: str) -> None:
        self.sim = sim
        self._headers = {"x-amz-access-token": token}

    async def call(self, method: str, path: str, body: object = None) -> Answer:
        return await self.sim.call(method, path, body, self._headers)

    async def put(self, number: int) -> str:
        """Put an order of two items, of two pieces and of one, into the account."""
        ref = f"902-0000001-{number:07}"
        order = an_order(orderId=ref)
        assert (await self.sim.call("POST", f"{SIM}/orders", {"orders": [order]})).status == 200
        return ref

    async def order(self, ref: str) -> Json:
        """The order, which fits Amazon's own description."""
        document = description("orders_2026-01-01.json")
        schema = {**document, **document["definitions"]["Order"]}
        found: Json = (await self.call("GET", f"{V1}/{ref}")).json["order"]
        errors = [f"{e.json_path}: {e.message}" for e in Draft4Validator(schema).iter_errors(found)]
        assert not errors, errors
        return found

    async def confirm(self, ref: str, package: str, **items: int) -> Answer:
        """Confirm a package with `one` and `two` pieces of the items."""
        ids = {"one": ONE, "two": TWO}
        detail = {
            "packageReferenceId": package,
            "carrierCode": "UPS",
            "trackingNumber": f"1Z{package}",
            "shipDate": "2026-11-27T12:00:00Z",
            "orderItems": [
                {"orderItemId": ids[name], "quantity": count} for name, count in items.items()
            ],
        }
        body = {"marketplaceId": MARKET, "packageDetail": detail}
        return await self.call("POST", f"{V0}/{ref}/shipmentConfirmation", body)

    async def feed(self, kind: str, text: str) -> str:
        """Send a feed as the documentation says, and return its report."""
        made = (await self.call("POST", f"{FEEDS}/documents", {"contentType": "text/xml"})).json
        path = "/amazon/" + made["url"].partition("/amazon/")[2]
        await self.sim.call("PUT", path, None, None, data=text.encode())
        wish = {
            "feedType": kind,
            "marketplaceIds": [MARKET],
            "inputFeedDocumentId": made["feedDocumentId"],
        }
        answer = await self.call("POST", f"{FEEDS}/feeds", wish)
        assert answer.status == 202, answer.text
        done = (await self.call("GET", f"{FEEDS}/feeds/{answer.json['feedId']}")).json
        assert done["processingStatus"] == "DONE"
        document = await self.call("GET", f"{FEEDS}/documents/{done['resultFeedDocumentId']}")
        report = "/amazon/" + document.json["url"].partition("/amazon/")[2]
        return (await self.sim.call("GET", report)).text


@pytest.fixture
async def seller(running: Running) -> AsyncIterator[Seller]:
    async with calling(running) as sim:
        grant = {"grant_type": "refresh_token", "refresh_token": "Atzr|1"}
        token = await sim.call("POST", "/amazon/auth/o2/token", None, None, data=grant)
        await sim.call("POST", f"{SIM}/limits", FAST)
        yield Seller(sim, token.json["access_token"])


async def test_an_order_leaves_in_several_packages(seller: Seller) -> None:
    """Each package holds quantities of items, more than is left is refused, and the order is partly
    shipped until nothing is; the ledger says which pieces left with which number."""
    ref = await seller.put(1)
    assert (await seller.confirm(ref, "1", one=1)).status == 204
    order = await seller.order(ref)
    assert order["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"
    assert order["orderItems"][0]["fulfillment"] == {
        "quantityFulfilled": 1,
        "quantityUnfulfilled": 1,
    }
    assert (await seller.confirm(ref, "2", one=2)).status == 400
    assert (await seller.confirm(ref, "2", one=1, two=1)).status == 204
    order = await seller.order(ref)
    assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert [one["packageReferenceId"] for one in order["packages"]] == ["1", "2"]
    told = [entry["detail"] for entry in await seller.sim.ledger("fulfilment")]
    assert [one["numbers"] for one in told] == [["1Z1"], ["1Z2"]]
    assert {x["line_item_id"]: x["quantity"] for x in told[1]["lines"]} == {ONE: 1, TWO: 1}


async def test_a_package_confirmed_again_is_edited(seller: Seller) -> None:
    """The same reference replaces what the package holds; what is said twice is written once."""
    ref = await seller.put(2)
    for quantity in (1, 1, 2):
        assert (await seller.confirm(ref, "7", one=quantity)).status == 204
    (package,) = (await seller.sim.call("GET", f"{SIM}/packages")).json[ref]
    assert package["orderItems"][0]["quantity"] == 2
    first, second = await seller.sim.ledger("fulfilment")
    assert (first["id"], second["id"]) == ("7", "7")
    assert second["detail"]["edits_package"] is True


@pytest.mark.parametrize("name", ["shipDate", "marketplaceId", "orderItems"])
async def test_a_package_that_lacks_a_field_is_refused(seller: Seller, name: str) -> None:
    """What Amazon's description requires is required."""
    ref = await seller.put(3)
    item = {"orderItemId": ONE, "quantity": 1}
    detail: Json = {"packageReferenceId": "1", "carrierCode": "UPS", "trackingNumber": "1Z"}
    detail |= {"shipDate": "2026-11-27T12:00:00Z", "orderItems": [item]}
    body: Json = {"marketplaceId": MARKET, "packageDetail": detail}
    body.pop(name, None)
    body["packageDetail"].pop(name, None)
    assert (await seller.call("POST", f"{V0}/{ref}/shipmentConfirmation", body)).status == 400


async def test_a_feed_cancels_items_and_then_the_order(seller: Seller) -> None:
    """An acknowledgement that fails cancels what it names for its reason; what is shipped stays,
    and the report says so."""
    ref = await seller.put(4)
    item = ITEM.format(item=TWO, reason="NoInventory") + "</Item>"
    wish = ACKNOWLEDGE.format(ref=ref, status="Failure", items=item)
    report = await seller.feed("POST_ORDER_ACKNOWLEDGEMENT_DATA", wish)
    assert "<MessagesSuccessful>1<" in report
    order = await seller.order(ref)
    told = order["orderItems"][1]["cancellation"]["cancellationExecution"]
    assert told == {"cancelledBy": "MERCHANT", "cancelReason": "NoInventory"}
    assert order["proceeds"]["grandTotal"]["amount"] == "26.70"
    assert (await seller.confirm(ref, "1", two=1)).status == 400
    assert (await seller.confirm(ref, "1", one=2)).status == 204
    rows = (
        f"order-id\tamazon-order-item-code\tcancellation-reason-code\n{ref}\t{ONE}\tNoInventory\n"
    )
    report = await seller.feed("POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA", rows)
    assert "is shipped" in report
    (entry,) = await seller.sim.ledger("order_cancel")
    assert (entry["reference"], entry["detail"]["items"]) == (ref, [TWO])


async def test_a_cancelled_order_is_not_shipped(seller: Seller) -> None:
    """A feed without items cancels all of an order; an unknown reason cancels nothing."""
    ref = await seller.put(5)
    rows = "order-id\tamazon-order-item-code\tcancellation-reason-code\n"
    report = await seller.feed(
        "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA", f"{rows}{ref}\t\tMood\n"
    )
    assert "<MessagesWithError>1<" in report
    await seller.feed(
        "POST_FLAT_FILE_ORDER_ACKNOWLEDGEMENT_DATA", f"{rows}{ref}\t\tBuyerCanceled\n"
    )
    order = await seller.order(ref)
    assert order["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    assert (await seller.confirm(ref, "1", one=1)).status == 400
    assert await seller.sim.ledger("fulfilment") == []


async def test_changes_are_told_by_the_forwarder(seller: Seller) -> None:
    """A change at Amazon makes the order younger, and comes as ORDER_CHANGE in Amazon's shape,
    signed by the forwarder; before it is told where to, nothing is sent."""
    ref = await seller.put(6)
    silent = await edit(seller, ref, ship_to={"addressLine1": "Neue Str. 9"})
    async with listening() as listener:
        wish = {"url": listener.url, "secret": "s3cret"}
        await seller.sim.call("POST", f"{SIM}/forwarder", wish)
        try:
            order = await edit(seller, ref, quantities={ONE: 1}, buyer_cancel="by mistake")
            await listener.wait_for(1)
        finally:
            await seller.sim.call("DELETE", f"{SIM}/forwarder")
    assert silent["lastUpdatedTime"] < order["lastUpdatedTime"]
    assert order["recipient"]["deliveryAddress"]["addressLine1"] == "Neue Str. 9"
    assert order["orderItems"][0]["quantityOrdered"] == 1
    ((headers, body),) = listener.got
    assert headers["webhook-signature"].startswith("v1,")
    told = json.loads(body)["Payload"]["OrderChangeNotification"]
    assert (told["AmazonOrderId"], told["OrderChangeType"]) == (ref, "BuyerRequestedChange")
    assert told["Summary"]["OrderItems"][0]["IsBuyerRequestedCancel"] is True
    answer = await seller.sim.call("POST", f"{SIM}/orders/{ref}/edit", {"adress": {}})
    assert answer.status == 409


async def edit(seller: Seller, ref: str, **wish: object) -> Json:
    answer = await seller.sim.call("POST", f"{SIM}/orders/{ref}/edit", wish)
    assert answer.status == 200, answer.text
    await seller.order(ref)
    found: Json = answer.json["order"]
    return found


def test_a_notification_has_amazons_shape() -> None:
    """What the forwarder passes on has every field that Amazon's description requires."""
    schema = description("notifications/OrderChangeNotification.json")
    told = json.loads(
        json.dumps(order_change(an_order(), "OrderStatusChange", "A3", 1_795_780_800))
    )
    wanted = schema["examples"][0]
    summary = told["Payload"]["OrderChangeNotification"]["Summary"]
    sample = wanted["Payload"]["OrderChangeNotification"]["Summary"]
    assert set(summary) == set(sample)
    assert set(summary["OrderItems"][0]) == set(sample["OrderItems"][0])
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(schema).iter_errors(told)
        if error.instance is not None
    ]
    assert not errors, errors


async def test_a_wrong_client_gets_no_token(seller: Seller) -> None:
    """A client, secret or grant that says it is wrong is refused."""
    grant = {"grant_type": "refresh_token", "refresh_token": "Atzr|1", "client_secret": "wrong"}
    answer = await seller.sim.call("POST", "/amazon/auth/o2/token", None, None, data=grant)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


async def test_what_a_buyer_collects_has_a_status(seller: Seller) -> None:
    """updateShipmentStatus takes Amazon's three words and no other."""
    ref = await seller.put(7)
    path = f"{V0}/{ref}/shipment"
    good = {"marketplaceId": MARKET, "shipmentStatus": "ReadyForPickup"}
    assert (await seller.call("POST", path, good)).status == 204
    assert (await seller.call("POST", path, good | {"shipmentStatus": "Gone"})).status == 400
    assert (await seller.sim.call("GET", f"{SIM}/pickups")).json == {ref: "ReadyForPickup"}

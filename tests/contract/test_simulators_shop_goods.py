"""The simulated Shopify fulfils, moves, holds and cancels what it should, and refuses the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.shop_words import (
    ALL,
    CANCEL,
    FULFIL,
    HOLD,
    MAIN,
    MOVE,
    ORDER,
    PREPARED,
    RELEASE,
    SECOND,
    SIM,
    SPLIT,
    TRACK,
    UNFULFIL,
    ask,
    ids,
    mistakes,
    order_of,
    put,
)
from tests.contract.simulated import GRAPHQL, Client, Json, Running, calling, started

SHORT = """
query($id: ID!) { order(id: $id) { cancelledAt
  fulfillmentOrders(first: 1) { nodes { status } } } }
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


@pytest.mark.parametrize("document", ALL)
def test_what_these_tests_ask_is_shopifys_language(document: str) -> None:
    """Every query and mutation of these tests is valid in Shopify's own schema."""
    assert mistakes(document) == []


async def state(sim: Client, gid: str) -> Json:
    return await ask(sim, ORDER, id=gid)


async def fulfilment_orders(sim: Client, gid: str) -> list[Json]:
    nodes: list[Json] = (await state(sim, gid))["fulfillmentOrders"]["nodes"]
    return nodes


def group(one: Json, *quantities: int) -> Json:
    """A fulfilment order with quantities of its lines; without any, all that remains."""
    pieces = [
        {"id": node["id"], "quantity": quantity}
        for node, quantity in zip(one["lineItems"]["nodes"], quantities, strict=False)
        if quantity
    ]
    return {"fulfillmentOrderId": one["id"]} | (
        {"fulfillmentOrderLineItems": pieces} if quantities else {}
    )


async def fulfil(sim: Client, *groups: Json, numbers: tuple[str, ...] = ()) -> Json:
    wish = {
        "lineItemsByFulfillmentOrder": list(groups),
        "trackingInfo": {"company": "UPS", "numbers": list(numbers)},
    }
    return await ask(sim, FULFIL, fulfillment=wish)


async def test_lines_of_two_locations_are_two_fulfilment_orders(sim: Client) -> None:
    """Lines are grouped by location and delivery method, and each group is fulfilled alone."""
    order = order_of(101)
    order["line_items"][2]["requires_shipping"] = False
    gid = await put(sim, order, **{ids(order)[1]: 1002})
    first, second, digital = await fulfilment_orders(sim, gid)
    assert [one["assignedLocation"]["location"]["id"] for one in (first, second, digital)] == [
        MAIN, SECOND, MAIN,
    ]  # fmt: skip
    assert [one["deliveryMethod"]["methodType"] for one in (first, second, digital)] == [
        "SHIPPING", "SHIPPING", "NONE",
    ]  # fmt: skip
    refused = await fulfil(sim, group(first), group(second))
    assert "same location" in refused["userErrors"][0]["message"]
    assert (await fulfil(sim, group(second)))["userErrors"] == []
    statuses = [one["status"] for one in await fulfilment_orders(sim, gid)]
    assert statuses == ["OPEN", "CLOSED", "OPEN"]


async def test_a_fulfilment_holds_what_it_names_and_then_the_rest(sim: Client) -> None:
    """Named quantities are fulfilled, too many are refused, and without names all that remains is
    taken; the ledger says which pieces left with which numbers."""
    order = order_of(102, lines=2)
    gid = await put(sim, order)
    (one,) = await fulfilment_orders(sim, gid)
    made = await fulfil(sim, group(one, 1, 0), numbers=("1Z1", "1Z2"))
    assert [x["number"] for x in made["fulfillment"]["trackingInfo"]] == ["1Z1", "1Z2"]
    assert made["fulfillment"]["totalQuantity"] == 1
    after = await state(sim, gid)
    assert after["displayFulfillmentStatus"] == "PARTIALLY_FULFILLED"
    assert [x["unfulfilledQuantity"] for x in after["lineItems"]["nodes"]] == [1, 2]
    (partly,) = after["fulfillmentOrders"]["nodes"]
    assert partly["status"] == "IN_PROGRESS"
    assert [x["remainingQuantity"] for x in partly["lineItems"]["nodes"]] == [1, 2]
    too_many = await fulfil(sim, group(one, 2, 0))
    assert too_many["fulfillment"] is None
    assert too_many["userErrors"] == [
        {
            "field": ["fulfillment"],
            "message": "Invalid fulfillment order line item quantity requested.",
        }
    ]
    await fulfil(sim, group(one))
    closed = await fulfil(sim, group(one))
    assert "unfulfillable status= closed" in closed["userErrors"][0]["message"]
    assert (await state(sim, gid))["displayFulfillmentStatus"] == "FULFILLED"
    first, second = await sim.ledger("fulfilment")
    line, other = ids(order)
    assert first["reference"] == second["reference"] == gid
    detail = first["detail"]
    assert (detail["numbers"], detail["company"]) == (["1Z1", "1Z2"], "UPS")
    assert detail["fulfillment_order"] == one["id"]
    told = [
        {x["line_item_id"]: x["quantity"] for x in e["detail"]["lines"]} for e in (first, second)
    ]
    assert told == [{line: 1}, {line: 1, other: 2}]


async def test_a_fulfilment_gets_new_numbers_and_can_be_taken_back(sim: Client) -> None:
    """Tracking is replaced; a cancelled fulfilment of a closed fulfilment order opens a new one,
    and can't be cancelled twice."""
    gid = await put(sim, order_of(103, lines=1))
    (one,) = await fulfilment_orders(sim, gid)
    made = (await fulfil(sim, group(one), numbers=("OLD",)))["fulfillment"]
    info = {"company": "DHL", "number": "NEW", "url": "https://dhl.example/NEW"}
    tracked = await ask(sim, TRACK, id=made["id"], info=info)
    assert tracked["fulfillment"]["trackingInfo"] == [info]
    undone = await ask(sim, UNFULFIL, id=made["id"])
    assert undone["fulfillment"]["status"] == "CANCELLED"
    old, new = await fulfilment_orders(sim, gid)
    assert (old["status"], new["status"]) == ("CLOSED", "OPEN")
    assert new["lineItems"]["nodes"][0]["remainingQuantity"] == 2
    again = await ask(sim, UNFULFIL, id=made["id"])
    assert again["userErrors"][0]["message"] == "fulfillment_cannot_be_cancelled"
    kinds = [(x["kind"], x["id"]) for x in await sim.ledger()]
    assert kinds == [("fulfilment", made["id"]), ("fulfilment_cancel", made["id"])]


async def test_an_order_is_cancelled_only_while_nothing_has_left(sim: Client) -> None:
    """A fulfilment in the way refuses the cancellation; without one the order ends with nothing
    left to fulfil, its payment refunded, and both consequences are in the ledger once."""
    gid = await put(sim, order_of(104))
    (one,) = await fulfilment_orders(sim, gid)
    made = (await fulfil(sim, group(one, 1)))["fulfillment"]
    money = {"originalPaymentMethodsRefund": True}
    (error,) = (await ask(sim, CANCEL, id=gid, money=money))["orderCancelUserErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["orderId"])
    await ask(sim, UNFULFIL, id=made["id"])
    done = await ask(sim, CANCEL, id=gid, money=money)
    assert (done["orderCancelUserErrors"], done["jobResult"]["status"]) == ([], "SUCCEEDED")
    after = await state(sim, gid)
    assert after["cancelledAt"]
    assert (after["cancelReason"], after["displayFinancialStatus"]) == ("CUSTOMER", "REFUNDED")
    assert after["currentTotalPriceSet"]["shopMoney"]["amount"] == "0.0"
    assert {x["currentQuantity"] for x in after["lineItems"]["nodes"]} == {0}
    assert {x["status"] for x in after["fulfillmentOrders"]["nodes"]} == {"CANCELLED"}
    refused = await fulfil(sim, group(one))
    assert "unfulfillable status= cancelled" in refused["userErrors"][0]["message"]
    assert (await ask(sim, CANCEL, id=gid, money=money))["orderCancelUserErrors"]
    (entry,) = await sim.ledger("order_cancel")
    assert entry["reference"] == gid
    assert entry["detail"]["reason"] == "customer"
    assert len(await sim.ledger("refund")) == 1


async def test_an_order_no_one_told_of_can_be_cancelled_too(sim: Client) -> None:
    """A made-up order has one line, and a cancellation ends it."""
    gid = "gid://shopify/Order/5000000002002"
    assert (await ask(sim, CANCEL, id=gid, money=None))["orderCancelUserErrors"] == []
    answer = await sim.graphql(
        ORDER.replace("paymentTerms {", "paymentTerms @skip(if: true) {"), id=gid
    )
    assert "doesn't exist on type 'Order'" in answer.json["errors"][0]["message"]
    told = await ask(sim, SHORT, id=gid)
    assert told["cancelledAt"]
    assert told["fulfillmentOrders"]["nodes"] == [{"status": "CANCELLED"}]


async def test_fulfilment_orders_are_split_and_moved(sim: Client) -> None:
    """Split pieces are a fulfilment order of their own; a whole one moves as it is, a part of one
    becomes another at the new location."""
    gid = await put(sim, order_of(105, lines=2))
    (one,) = await fulfilment_orders(sim, gid)
    pieces = group(one, 1, 0)["fulfillmentOrderLineItems"]
    wish = [{"fulfillmentOrderId": one["id"], "fulfillmentOrderLineItems": pieces}]
    (parts,) = (await ask(sim, SPLIT, splits=wish))["fulfillmentOrderSplits"]
    made = parts["remainingFulfillmentOrder"]
    assert [x["remainingQuantity"] for x in made["lineItems"]["nodes"]] == [1]
    whole = await ask(sim, MOVE, id=made["id"], to=SECOND, lines=None)
    assert whole["movedFulfillmentOrder"]["id"] == made["id"]
    assert whole["movedFulfillmentOrder"]["assignedLocation"]["location"]["id"] == SECOND
    part = await ask(sim, MOVE, id=one["id"], to=SECOND, lines=pieces)
    assert part["movedFulfillmentOrder"]["id"] not in (one["id"], made["id"])
    left = [x["remainingQuantity"] for x in part["originalFulfillmentOrder"]["lineItems"]["nodes"]]
    assert left == [2]
    lost = await ask(sim, MOVE, id=one["id"], to="gid://shopify/Location/7", lines=None)
    assert lost["userErrors"][0]["field"] == ["newLocationId"]


async def test_a_hold_stops_fulfilment_until_it_is_released(sim: Client) -> None:
    """On hold nothing is fulfilled; releasing one hold leaves the others, and releasing without
    ids releases everybody's."""
    gid = await put(sim, order_of(106, lines=1))
    (one,) = await fulfilment_orders(sim, gid)
    wish = {"reason": "INCORRECT_ADDRESS", "reasonNotes": "check it", "handle": "ours"}
    held = await ask(sim, HOLD, id=one["id"], hold=wish)
    assert held["fulfillmentOrder"]["status"] == "ON_HOLD"
    answer = await sim.call("POST", f"{SIM}/orders/{gid.rpartition('/')[2]}/hold", {})
    assert answer.status == 409  # Only open ones are held by a person, and none is open.
    await ask(sim, HOLD, id=one["id"], hold={"reason": "OTHER", "handle": "theirs"})
    refused = await fulfil(sim, group(one))
    assert "unfulfillable status= on_hold" in refused["userErrors"][0]["message"]
    first = await ask(sim, RELEASE, id=one["id"], holds=[held["fulfillmentHold"]["id"]])
    assert [x["reason"] for x in first["fulfillmentOrder"]["fulfillmentHolds"]] == ["OTHER"]
    last = await ask(sim, RELEASE, id=one["id"], holds=None)
    assert last["fulfillmentOrder"]["status"] == "OPEN"
    assert (await fulfil(sim, group(one)))["userErrors"] == []


async def test_pick_up_is_prepared_once(sim: Client) -> None:
    """An order without an address is picked up: it can be marked as ready, once, and no other."""
    gid = await put(sim, order_of(107, lines=1, shipping_address=None))
    (one,) = await fulfilment_orders(sim, gid)
    assert one["deliveryMethod"]["methodType"] == "PICK_UP"
    wish = {"lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": one["id"]}]}
    assert (await ask(sim, PREPARED, input=wish))["userErrors"] == []
    (error,) = (await ask(sim, PREPARED, input=wish))["userErrors"]
    assert error["code"] == "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
    shown = (await sim.call("GET", f"{SIM}/orders/{gid.rpartition('/')[2]}")).json
    assert shown["fulfilment_orders"][0]["prepared"] is True


async def test_what_another_service_fulfils_is_not_ours_to_fulfil(sim: Client) -> None:
    """A line of another fulfilment service has its own fulfilment order, which we can't fulfil."""
    order = order_of(108, lines=2)
    order["line_items"][1]["fulfillment_service"] = "printful"
    ours, theirs = await fulfilment_orders(sim, await put(sim, order))
    assert {"action": "CREATE_FULFILLMENT"} in ours["supportedActions"]
    assert theirs["supportedActions"][0] == {"action": "REQUEST_FULFILLMENT"}
    assert (await fulfil(sim, group(theirs)))["userErrors"]


async def test_a_wrong_token_is_refused(sim: Client) -> None:
    """A shop that has a token of its own takes no other, and none takes one that says it is
    wrong."""
    body = {"query": ORDER, "variables": {"id": "gid://shopify/Order/1"}}
    wrong = {"X-Shopify-Access-Token": "wrong one"}
    assert (await sim.call("POST", GRAPHQL, body, wrong)).status == 401
    await sim.call("POST", f"{SIM}/token", {"token": "shpat_right"})
    try:
        answer = await sim.graphql(ORDER, id="gid://shopify/Order/1")
        assert answer.status == 401
    finally:
        await sim.call("POST", f"{SIM}/token", {"token": ""})

"""Orders of a simulated shop: pickups, and goods of a fulfilment service."""

from __future__ import annotations

import json

import msgspec

from ops.simulators.shop_totals import retotal
from schemas.messages.inputs import PlaceOrder
from schemas.order.canonical import Order
from tests.contract.shop_words import ORDER, SIM, TAKE, ask, order_of, put
from tests.contract.simulated import Client, Json
from tests.shopify_payloads import SHOP

REQUESTED = "fulfillment_orders/cancellation_request_submitted"


def given(number: int, lines: int = 1, **changes: object) -> Json:
    """An order of so many lines, two pieces of each."""
    order = order_of(number, lines, **changes)
    retotal(order)
    return order


def a_pickup(number: int, lines: int = 1) -> Json:
    """One that its customer collects."""
    return given(number, lines, shipping_address=None)


def ours(told: Json) -> Order:
    """The shop's order as it stands here."""
    found = SHOP.translate("place", "orders/create", msgspec.json.encode(told))
    assert isinstance(found, PlaceOrder)
    return found.order


async def asked(sim: Client, number: int) -> tuple[Json, str, bytes]:
    """An order of a fulfilment service that took it on, and the webhook that asks for its end."""
    told = given(number, 2)
    for line in told["line_items"]:
        line["fulfillment_service"] = "our-3pl"
    gid = await put(sim, told)
    assert (await sim.call("POST", f"{SIM}/orders/{told['id']}/request", {})).status == 200
    state = await ask(sim, ORDER, id=gid)
    (one,) = state["fulfillmentOrders"]["nodes"]
    taken = await ask(sim, TAKE, id=one["id"])
    assert taken["fulfillmentOrder"]["requestStatus"] == "ACCEPTED"
    answer = await sim.call("POST", f"{SIM}/orders/{told['id']}/stop", {"tell": False})
    ((topic, body),) = [(x["topic"], x["body"]) for x in answer.json["webhooks"]]
    assert topic == REQUESTED
    return told, one["id"], json.dumps(body).encode()


def of_service(told: Json) -> Order:
    """The order where the service's goods are ours."""
    return ours({**told, "line_items": [
        {**line, "fulfillment_service": "manual"} for line in told["line_items"]
    ]})  # fmt: skip

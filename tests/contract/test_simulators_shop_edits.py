"""The simulated Shopify's people edit, pay and cancel orders, and its webhooks tell of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from jsonschema import Draft202012Validator

from ops.simulators.storefront import build_order, sign
from tests.contract.shop_words import (
    CANCEL,
    FULFIL,
    ORDER,
    SHOP_NAME,
    SIM,
    ask,
    ids,
    order_of,
    put,
)
from tests.contract.simulated import (
    Client,
    Json,
    Listener,
    Running,
    calling,
    listening,
    spec,
    started,
)

MONEY = ("shop_money", "presentment_money")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


async def do(sim: Client, gid: str, what: str, **told: object) -> Json:
    """Something that a person does in the shop's admin, and what came of it."""
    answer = await sim.call("POST", f"{SIM}/orders/{gid.rpartition('/')[2]}/{what}", told)
    assert answer.status == 200, answer.text
    return answer.json


def sums(order: Json, money: str) -> None:
    """The current amounts add up to the cent."""

    def amount(value: Json) -> Decimal:
        return Decimal(value[money]["amount"])

    gross = tax = off = Decimal(0)
    for line in order["line_items"]:
        now, whole = line["current_quantity"], line["quantity"]
        gross += amount(line["price_set"]) * now
        parts = [amount(one["amount_set"]) for one in line["discount_allocations"]]
        off += (sum(parts, Decimal(0)) * now / whole).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        for one in line["tax_lines"]:
            share = amount(one["price_set"]) * now / whole
            tax += share.quantize(Decimal("0.01"), "ROUND_HALF_UP")
    ways = [way for way in order["shipping_lines"] if not way["is_removed"]]
    freight = sum(amount(way["current_discounted_price_set"]) for way in ways)
    tax += sum(amount(one["price_set"]) for way in ways for one in way["tax_lines"])
    assert off == amount(order["current_total_discounts_set"])
    assert tax == amount(order["current_total_tax_set"])
    assert gross - off == amount(order["current_subtotal_price_set"])
    assert freight == amount(order["current_shipping_price_set"])
    added = 0 if order["taxes_included"] else tax
    assert gross - off + freight + added == amount(order["current_total_price_set"])


async def test_edits_keep_every_amount_right(sim: Client) -> None:
    """Lines are added, removed, reduced and raised and the way of shipping changed, in orders with
    discounts, taxes in or on the price, and two currencies; sums and fields stay Shopify's."""
    schema = json.loads(spec("shopify", "webhooks", "orders.updated.schema.json").read_text())
    added = [{"sku": "SKU-007", "quantity": 2}, {"sku": "NEW", "price": "3.50", "title": "New"}]
    for number in range(2001, 2041):
        order = build_order(5, number, SHOP_NAME, (2, 4))
        gid = await put(sim, order)
        first, second, *_ = ids(order)
        wish: Json = {"add_lines": added, "quantities": {first: 3 + number % 2}}
        if number % 3 == 0:
            wish["shipping_method"] = {"title": "Express", "price": "14.95"}
        await do(sim, gid, "edit", **wish)
        told = await do(sim, gid, "edit", remove=[second], quantities={first: 1})
        stated = told["order"]
        for money in MONEY:
            sums(stated, money)
        assert stated["total_price"] == order["total_price"]
        assert set(stated) == set(order)
        assert all(set(line) == set(order["line_items"][0]) for line in stated["line_items"])
        errors = [
            f"{error.json_path}: {error.message}"
            for error in Draft202012Validator(schema).iter_errors(stated)
            if "province" not in error.json_path and "variant_id" not in error.json_path
            and "product_id" not in error.json_path
        ]  # fmt: skip
        assert not errors
        now = await ask(sim, ORDER, id=gid)
        assert now["edited"] is True
        assert [x["currentQuantity"] for x in now["lineItems"]["nodes"]] == [
            line["current_quantity"] for line in stated["line_items"]
        ]


async def test_an_edit_moves_what_is_still_to_be_fulfilled(sim: Client) -> None:
    """An added line joins the open fulfilment order, a removed one leaves it, and what has left
    can't be removed any more."""
    order = order_of(201, lines=2)
    gid = await put(sim, order)
    first, second = ids(order)
    told = await do(sim, gid, "edit", add_lines=[{"sku": "SKU-011"}], remove=[second])
    (one,) = told["fulfilment_orders"]
    assert {x["line_item_id"]: x["remaining"] for x in one["lines"]} == {
        first: 2,
        ids(told["order"])[2]: 1,
    }
    assert [x["topic"] for x in told["webhooks"]] == ["orders/edited", "orders/updated"]
    edit = told["webhooks"][0]["body"]["order_edit"]["line_items"]
    assert edit["removals"] == [{"id": order["line_items"][1]["id"], "delta": 2}]
    await do(sim, gid, "fulfil", lines={first: 1})
    answer = await sim.call("POST", f"{SIM}/orders/{order['id']}/edit", {"remove": [first]})
    assert answer.status == 409
    assert "1 of line" in answer.json["error"]
    reduced = await do(sim, gid, "edit", quantities={first: 1})
    assert reduced["order"]["line_items"][0]["fulfillable_quantity"] == 0
    assert reduced["order"]["line_items"][0]["fulfillment_status"] == "fulfilled"


async def test_a_new_address_is_an_update_and_no_edit(sim: Client) -> None:
    """Address and note change without `orders/edited`, and each change has a later second."""
    order = order_of(202)
    gid = await put(sim, order)
    told = await do(sim, gid, "edit", ship_to={"address1": "99 Pine Road", "first_name": "Bo"})
    assert [x["topic"] for x in told["webhooks"]] == ["orders/updated"]
    address = told["order"]["shipping_address"]
    assert address["address1"] == "99 Pine Road"
    assert address["name"] == f"Bo {address['last_name']}"
    assert address["city"] == order["shipping_address"]["city"]
    later = await do(sim, gid, "edit", note="ring twice")
    assert order["updated_at"] < told["order"]["updated_at"] < later["order"]["updated_at"]
    answer = await sim.call("POST", f"{SIM}/orders/{order['id']}/edit", {"adress": {}})
    assert answer.status == 409


async def test_what_an_edit_costs_is_paid_or_outstanding(sim: Client) -> None:
    """The difference is paid at once, or stays open if so told; what was promised (cash) stays
    promised; and it is paid when it comes in."""
    paid = await put(sim, order_of(203))
    told = await do(sim, paid, "edit", add_lines=[{"sku": "X", "price": "9.00"}])
    assert (told["order"]["financial_status"], told["order"]["total_outstanding"]) == (
        "paid", "0.00",
    )  # fmt: skip
    told = await do(sim, paid, "edit", add_lines=[{"sku": "Y", "price": "9.00"}], paid=False)
    assert (told["order"]["financial_status"], told["order"]["total_outstanding"]) == (
        "partially_paid", "9.00",
    )  # fmt: skip
    order = order_of(204)
    cash = await put(
        sim,
        order | {"financial_status": "pending", "total_outstanding": order["total_price"]},
    )
    told = await do(sim, cash, "edit", add_lines=[{"sku": "X", "price": "9.00"}])
    assert told["order"]["financial_status"] == "pending"
    assert told["order"]["total_outstanding"] == told["order"]["current_total_price"]
    told = await do(sim, cash, "pay")
    assert [x["topic"] for x in told["webhooks"]] == ["orders/paid", "orders/updated"]
    assert (told["order"]["financial_status"], told["order"]["total_outstanding"]) == (
        "paid", "0.00",
    )  # fmt: skip


def topics(listener: Listener) -> list[str]:
    return sorted(headers["x-shopify-topic"] for headers, _ in listener.got)


async def test_a_shop_tells_of_what_we_did(sim: Client) -> None:
    """Once it is said where to, our fulfilment and our cancellation come back as webhooks, signed,
    with the whole order; before that nothing is sent."""
    order = order_of(205, lines=2)
    gid = await put(sim, order)
    other = await put(sim, order_of(206))
    line = ids(order)[0]
    await do(sim, gid, "edit", note="silent")
    async with listening() as listener:
        wish = {"url": listener.url, "secret": "s3cret", "delay_ms": [0, 5]}
        assert (await sim.call("POST", f"{SIM}/webhooks", wish)).status == 200
        try:
            (one,) = (await ask(sim, ORDER, id=gid))["fulfillmentOrders"]["nodes"]
            piece = {"id": one["lineItems"]["nodes"][0]["id"], "quantity": 1}
            group = {"fulfillmentOrderId": one["id"], "fulfillmentOrderLineItems": [piece]}
            tracking = {"company": "UPS", "numbers": ["1Z1", "1Z2"]}
            told = {"lineItemsByFulfillmentOrder": [group], "trackingInfo": tracking}
            await ask(sim, FULFIL, fulfillment=told)
            await listener.wait_for(3)
            assert topics(listener) == [
                "fulfillments/create", "orders/partially_fulfilled", "orders/updated",
            ]  # fmt: skip
            for headers, body in listener.got:
                assert headers["x-shopify-hmac-sha256"] == sign(body, "s3cret")
                check(headers["x-shopify-topic"], json.loads(body), line)
            await ask(sim, CANCEL, id=other, money={"originalPaymentMethodsRefund": True})
            await listener.wait_for(6)
            assert topics(listener) == [
                "fulfillments/create", "orders/cancelled", "orders/partially_fulfilled",
                "orders/updated", "orders/updated", "refunds/create",
            ]  # fmt: skip
            shown = (await sim.call("GET", f"{SIM}/webhooks")).json
            assert (shown["given_up"], shown["lost"]) == (0, 0)
        finally:
            await sim.call("DELETE", f"{SIM}/webhooks")


def check(topic: str, body: Json, line: str) -> None:
    """What a webhook of a fulfilment says, in the shape of Shopify's sample."""
    schema = spec("shopify", "webhooks", f"{topic.replace('/', '.')}.schema.json")
    sample = json.loads(schema.read_text())["properties"]
    if topic == "fulfillments/create":
        assert set(body) == set(sample)
        assert body["tracking_numbers"] == ["1Z1", "1Z2"]
        told = body["line_items"]
    else:
        assert set(body) == set(sample) - {"company"}  # Of business buyers alone.
        assert body["fulfillment_status"] == "partial"
        (made,) = body["fulfillments"]
        assert made["status"] == "success"
        told = made["line_items"]
        lines = [(x["fulfillable_quantity"], x["fulfillment_status"]) for x in body["line_items"]]
        assert lines == [(1, "partial"), (2, None)]
    assert [(str(x["id"]), x["quantity"]) for x in told] == [(line, 1)]

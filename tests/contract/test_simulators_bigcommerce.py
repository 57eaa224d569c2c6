"""The simulated BigCommerce store ships in parts, is edited and cancelled, and tells of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from openapi_schema_validator import OAS30Validator

from tests.bigcommerce_payloads import a_bundle, an_order, description
from tests.contract.simulated import (
    Answer,
    Client,
    Json,
    Listener,
    Running,
    calling,
    listening,
    started,
)

STORE = "store7"
BOOK, API = f"/_sim/bigcommerce/{STORE}", f"/bigcommerce/stores/{STORE}"
TOKEN = {"X-Auth-Token": "any"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with started() as found:
        yield found


@pytest.fixture
async def sim(running: Running) -> AsyncIterator[Client]:
    async with calling(running) as client:
        yield client


async def put(sim: Client, ref: int, **changes: object) -> None:
    """Put an order of two lines, of two pieces and of one, into the store."""
    told = {"orders": [a_bundle(an_order(id=ref, **changes))], "tell": False}
    assert (await sim.call("POST", f"{BOOK}/orders", told)).status == 200


async def api(sim: Client, method: str, path: str, body: object = None) -> Answer:
    return await sim.call(method, f"{API}/v2/orders/{path}", body, TOKEN)


async def ship(sim: Client, ref: int, number: str, **items: int) -> Answer:
    """Ship some of its lines, which are called `line_1` and `line_2`."""
    body = {
        "order_address_id": 31,
        "tracking_number": number,
        "shipping_provider": "ups",
        "items": [
            {"order_product_id": int(name.removeprefix("line_")), "quantity": quantity}
            for name, quantity in items.items()
        ],
    }
    return await api(sim, "POST", f"{ref}/shipments", body)


def check(schema: str, value: object) -> None:
    """Fails with everything that breaks BigCommerce's own description."""
    whole = {"$ref": f"#/components/schemas/{schema}", **description("orders.v2.oas2.yml")}
    errors = [
        f"{error.json_path}: {error.message}" for error in OAS30Validator(whole).iter_errors(value)
    ]
    assert not errors, errors


async def test_an_order_leaves_in_several_shipments(sim: Client) -> None:
    """Each shipment holds what it names, more than is left is refused, and the status follows; the
    ledger says which pieces left with which number."""
    await put(sim, 801)
    first = await ship(sim, 801, "1Z1", line_1=1)
    assert first.status == 201
    check("orderShipment", {**first.json, "order_id": 801})
    order = (await api(sim, "GET", "801")).json
    assert (order["status_id"], order["items_shipped"]) == (3, 1)
    assert (await ship(sim, 801, "1Z2", line_1=2)).status == 400
    assert (await ship(sim, 801, "1Z2", line_1=1, line_2=1)).status == 201
    assert (await api(sim, "GET", "801")).json["status_id"] == 2
    told = [entry["detail"] for entry in await sim.ledger("fulfilment")]
    assert [one["numbers"] for one in told] == [["1Z1"], ["1Z2"]]
    assert [{x["line_item_id"]: x["quantity"] for x in one["lines"]} for one in told] == [
        {"1": 1},
        {"1": 1, "2": 1},
    ]
    assert told[0]["company"] == "ups"


async def test_a_shipment_is_changed_and_taken_back(sim: Client) -> None:
    """Its number can be replaced; deleted, what it held is to be shipped again."""
    await put(sim, 802)
    made = (await ship(sim, 802, "OLD", line_1=2, line_2=1)).json
    path = f"802/shipments/{made['id']}"
    changed = await api(sim, "PUT", path, {"tracking_number": "NEW"})
    assert (changed.status, changed.json["tracking_number"]) == (200, "NEW")
    assert len(changed.json["items"]) == 2
    assert (await api(sim, "DELETE", path)).status == 204
    assert (await api(sim, "GET", path)).status == 404
    products: object = (await api(sim, "GET", "802/products")).json
    assert isinstance(products, list)
    assert {one["quantity_shipped"] for one in products} == {0}
    assert (await api(sim, "GET", "802")).json["status_id"] == 11
    (entry,) = await sim.ledger("fulfilment_cancel")
    assert (entry["reference"], entry["detail"]["numbers"]) == ("802", ["NEW"])


async def test_a_cancellation_is_told_and_written_down_once(sim: Client) -> None:
    """Status 5 set by an API call is one consequence, however often it is set."""
    await put(sim, 803)
    for _ in range(2):
        answer = await api(sim, "PUT", "803", {"status_id": 5})
        assert (answer.status, answer.json["status"]) == (200, "Cancelled")
    (entry,) = await sim.ledger("order_cancel")
    assert (entry["reference"], entry["detail"]["status_before"]) == ("803", 11)
    noted = await api(sim, "PUT", "803", {"staff_notes": "asked by mail"})
    assert (noted.json["status_id"], noted.json["staff_notes"]) == (5, "asked by mail")
    refused = await sim.call("POST", f"{BOOK}/orders/803/edit", {"note": "too late"})
    assert refused.status == 409


async def test_an_edit_keeps_totals_and_is_told(sim: Client) -> None:
    """Lines, address, way of shipping and payment are changed; totals follow the lines, what was
    shipped can't be removed, and the webhook comes."""
    await put(sim, 804, payment_method="Cash on Delivery", payment_status="")
    await ship(sim, 804, "1Z1", line_1=1)
    async with listening() as listener:
        await subscribe(sim, listener, "store/order/updated")
        wish = {
            "ship_to": {"street_1": "99 Pine Road"},
            "shipping_method": "Express",
            "quantities": {"1": 3},
            "remove": ["SKU-2"],
            "add_lines": [{"sku": "NEW", "price": "9.00", "quantity": 2}],
            "note": "ring twice",
        }
        answer = await sim.call("POST", f"{BOOK}/orders/804/edit", wish)
        assert answer.status == 200, answer.text
        await listener.wait_for(1)
    order, products = answer.json["order"], answer.json["products"]
    assert [(one["sku"], one["quantity"]) for one in products] == [("SKU-1", 3), ("NEW", 2)]
    # 20.00 and 5.50 of goods became 30.00 and 18.00; shipping stays 4.00, taxes are a tenth.
    assert Decimal(order["total_ex_tax"]) == Decimal("52.00")
    taxes = sum(Decimal(one["total_tax"]) for one in products)
    assert Decimal(order["total_tax"]) == taxes
    assert order["items_total"] == 5
    address = answer.json["shipping_addresses"][0]
    assert (address["street_1"], address["shipping_method"]) == ("99 Pine Road", "Express")
    assert (order["payment_method"], order["customer_message"]) == (
        "Cash on Delivery",
        "ring twice",
    )
    refused = await sim.call("POST", f"{BOOK}/orders/804/edit", {"remove": ["1"]})
    assert (refused.status, refused.json["error"]) == (409, "1 of line 1 are shipped already.")


async def subscribe(sim: Client, listener: Listener, scope: str) -> None:
    wish: Json = {"scope": scope, "destination": listener.url, "is_active": True}
    answer = await sim.call("POST", f"{API}/v3/hooks", wish, TOKEN)
    assert answer.status == 200, answer.text


async def test_a_wrong_token_is_refused(sim: Client) -> None:
    """A store that has a token of its own takes no other."""
    await sim.call("POST", f"{BOOK}/habits", {"token": "right"})
    try:
        assert (await api(sim, "GET", "801")).status == 401
        right = await sim.call("GET", f"{API}/v2/store", None, {"X-Auth-Token": "right"})
        assert right.status == 200
    finally:
        await sim.call("POST", f"{BOOK}/habits", {"token": ""})

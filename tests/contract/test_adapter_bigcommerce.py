"""BigCommerce: what is asked and sent, against the official description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from msgspec.structs import replace

from actors.runtime.errors import Rejected
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.bigcommerce.storefront import BUNDLE_CALLS
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import (
    FetchOrder,
    FulfilmentPublished,
)
from schemas.messages.inputs import UpdateOrder
from tests.bigcommerce_payloads import (
    STORE,
    a_product,
    an_order,
)
from tests.contract.bigcommerce_calls import (
    NUMBER,
    PUBLISH,
    WHOLE,
    bundle_of,
    faults,
    is_documented,
    known,
    mark,
    parcel,
    publication,
    put,
)
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Client, Running, started
from tests.contract.storefront_calls import bigcommerce


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


async def test_an_order_is_fetched_whole(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The bundle has the order and its parts, the same each time, and is what our source reads."""
    await put(simulators, bundle_of(301))
    shop, call = bigcommerce(client, running.http), a_call(FetchOrder(), known(301))
    raw = await shop.bundle("301", call)
    assert raw == await shop.bundle("301", call)
    found = BigCommerce("x", store_hash=STORE, secrets=()).translate("update", "", raw)
    assert isinstance(found, UpdateOrder)
    assert (found.order.ref, found.order.totals.total_minor) == ("301", 3205)
    assert found.order.lines[0].weight_grams == 907
    with pytest.raises(Rejected, match="has no order 999"):
        await shop.bundle("999", call)
    for odd in ("../../x", "", "-1", "7e3", "٣"):
        with pytest.raises(Rejected, match="not an order id"):
            await shop.bundle(odd, call)


@pytest.mark.parametrize("said", [{"items_shipped": 1}, {"status_id": 3}])
async def test_what_is_asked_is_documented(client: HttpClient, said: dict[str, int]) -> None:
    """Paths, parameters and headers of a look are the description's; five questions and the
    store's own; shipments are asked for when the order counts some or says that there are."""
    nothing = [web.Response(status=204) for _ in range(5)]
    order = an_order(**said)
    answers = [web.json_response({"weight_units": "LBS"}), web.json_response(order), *nothing]
    async with stubbed(*answers) as stub:
        told = json.loads(await bigcommerce(client, stub.url).bundle("250", a_call(FetchOrder())))
        is_documented(stub)
        asked = [urlsplit(one[1]).path.rpartition("/")[2] for one in stub.requests]
    assert asked[2:] == ["products", "shipping_addresses", "coupons", "taxes", "shipments"]
    assert len(asked) == BUNDLE_CALLS + 2
    assert told["order"]["id"] == 250


async def test_long_orders_come_in_pages(client: HttpClient) -> None:
    """Of 251 lines none is lost."""
    many = [a_product(n, "1.0000") for n in range(1, 252)]
    parts = [web.json_response(many[:250]), web.json_response(many[250:])]
    rest = [web.Response(status=204) for _ in range(3)]
    first = [web.json_response({}), web.json_response(an_order())]
    async with stubbed(*first, *parts, *rest) as stub:
        told = json.loads(await bigcommerce(client, stub.url).bundle("250", a_call(FetchOrder())))
    assert len(told["products"]) == 251


async def test_a_store_that_tells_nothing_of_itself_is_no_obstacle(client: HttpClient) -> None:
    """A token without that permission fetches orders all the same, without weights, and is not
    asked again with each order."""
    denied = web.json_response({"title": "No scope"}, status=403)
    orders = [web.json_response(an_order()), *(web.Response(status=204) for _ in range(4))]
    again = [web.json_response(an_order()), *(web.Response(status=204) for _ in range(4))]
    async with stubbed(denied, *orders, *again) as stub:
        shop = bigcommerce(client, stub.url)
        for _ in range(2):
            assert b'"store":{}' in await shop.bundle("250", a_call(FetchOrder()))


async def test_the_shipment_fits_the_official_description(client: HttpClient) -> None:
    """What is sent is an orderShipment_Post, and the status an order_Put; both are documented."""
    products = [a_product(1, "10.0000", 2), a_product(2, "5.5000", quantity_shipped=1)]
    answers = [
        web.json_response([{"id": 3, "items": [{"order_product_id": 2, "quantity": 1}]}]),
        web.json_response(an_order(status_id=3)),
        web.json_response(products),
        web.json_response({"id": 12}, status=201),
        web.json_response(an_order(status_id=3)),
        web.json_response(an_order(status_id=2)),
    ]
    call = a_call(publication(parcel("K1", NUMBER, ("1", 2))), known(250))
    async with stubbed(*answers) as stub:
        result = await bigcommerce(client, stub.url).perform(call)
        is_documented(stub)
        method, path, _, body = stub.sent("/shipments")
        changed = json.loads(stub.requests[-1][3])
        assert [one[0] for one in stub.requests] == ["GET"] * 3 + ["POST", "GET", "PUT"]
    sent = json.loads(body)
    assert result == FulfilmentPublished(outside_ids=("12",))
    assert (method, path) == ("POST", f"/bigcommerce/stores/{STORE}/v2/orders/250/shipments")
    assert faults("orderShipment_Post", sent) == []
    assert faults("order_Put", changed) == []
    assert sent == {
        "order_address_id": 31,
        "tracking_number": NUMBER,
        "shipping_provider": "ups",
        "tracking_carrier": "",
        "comments": f"Orderwright {call.reference} K1",
        "items": [{"order_product_id": 1, "quantity": 2}],
    }
    assert changed == {"status_id": 2}


async def test_a_carrier_that_bigcommerce_does_not_know_is_told_as_the_method(
    client: HttpClient,
) -> None:
    """Its name is not forced into a list that lacks it."""
    answers = [
        web.Response(status=204),
        web.json_response(an_order()),
        web.json_response([a_product(1, "1.0000", 2), a_product(2, "1.0000")]),
        web.json_response({"id": 12}, status=201),
        web.json_response(an_order(status_id=2)),
    ]
    effect = publication(replace(WHOLE, carrier="Hermes"))
    async with stubbed(*answers) as stub:
        await bigcommerce(client, stub.url).perform(a_call(effect, known(250)))
        sent = json.loads(stub.sent("/shipments")[3])
    assert (sent["shipping_provider"], sent["shipping_method"]) == ("", "Hermes")
    assert faults("orderShipment_Post", sent) == []


async def test_a_refusal_because_we_were_there_before(client: HttpClient) -> None:
    """A shipment that is refused is looked for once more: a lost call may have made it."""
    items = [{"order_product_id": 1, "quantity": 2}, {"order_product_id": 2, "quantity": 1}]
    ours_there = [{"id": 7, "tracking_number": NUMBER, "comments": mark(), "items": items}]
    refused = web.json_response([{"status": 400, "message": "Too many"}], status=400)
    answers = [
        web.Response(status=204),
        web.json_response(an_order()),
        web.json_response([a_product(1, "1.0000", 2), a_product(2, "1.0000")]),
        refused,
        web.json_response(ours_there),
        web.json_response(an_order(status_id=2)),
    ]
    async with stubbed(*answers) as stub:
        found = await bigcommerce(client, stub.url).perform(a_call(PUBLISH))
    assert found == FulfilmentPublished(outside_ids=("7",))

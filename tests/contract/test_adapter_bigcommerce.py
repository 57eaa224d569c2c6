"""BigCommerce: fetching and shipping, against the simulated store and the official description."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from aiohttp import web
from jsonschema import Draft4Validator

from actors.runtime.errors import NeedsPerson, Rejected, Unauthorised, Unknown
from adapters.channels.bigcommerce.order import mark_of
from adapters.channels.bigcommerce.source import BigCommerce
from adapters.channels.bigcommerce.storefront import BUNDLE_CALLS
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import FetchOrder, FulfilmentPublished, PublishFulfilment
from schemas.messages.inputs import UpdateOrder
from schemas.order.canonical import Line, Order
from tests.bigcommerce_payloads import (
    STORE,
    Json,
    a_bundle,
    a_product,
    an_address,
    an_order,
    description,
)
from tests.contract.partner_calls import Stub, a_call, bigcommerce, stubbed
from tests.contract.simulated import Client, Running, started
from tests.given import an_order as ours

NUMBER = "1ZA1B2C30300000012"
PUBLISH = PublishFulfilment(tracking_number=NUMBER, carrier="UPS")
BOOK = f"/_sim/bigcommerce/{STORE}"
TOKEN = {"X-Auth-Token": "another app's"}
ORDERS = "orders.v2.oas2.yml"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


async def put(simulators: Client, *bundles: Json) -> None:
    """Put orders into the store."""
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": list(bundles)})
    assert answer.status == 200, answer.text


async def habits(simulators: Client, **changes: object) -> None:
    """Set how the store behaves."""
    assert (await simulators.call("POST", f"{BOOK}/habits", changes)).status == 200


def bundle_of(ref: int, **changes: object) -> Json:
    """Return an order with a number of its own."""
    return a_bundle(an_order(id=ref, **changes))


def a_line(line_id: str, quantity: int = 1, **changes: object) -> Line:
    """Return a line."""
    told = {"sku": "SKU-1", "title": "Thing", "unit_price_minor": 100, "total_minor": 100}
    return Line(line_id=line_id, quantity=quantity, **{**told, **changes})  # type: ignore[arg-type]  # one dict of fields, for tests to change


def known(ref: int, *lines: Line) -> Order:
    """Return our order of a reference; without lines, of those that the bundle has."""
    return ours(ref=str(ref), lines=lines or (a_line("1", 2), a_line("2")))


def shipments_in(answer: object, ref: int) -> list[Json]:
    """Return an order's shipments of those the simulator shows."""
    assert isinstance(answer, dict)
    found: list[Json] = answer.get(str(ref), [])
    return found


def is_documented(stub: Stub) -> None:
    """Every request has a documented path, documented parameters and the headers it must have."""
    document = description(ORDERS)
    for method, sent, headers, _ in stub.requests:
        url = urlsplit(sent)
        path = url.path.removeprefix(f"/bigcommerce/stores/{STORE}/v2")
        if path == "/store":
            assert "/store" in description("store_information.v2.yml")["paths"]
            continue
        templates = [
            name
            for name in document["paths"]
            if re.fullmatch(re.sub(r"{\w+}", r"[0-9]+", name), path)
        ]
        assert templates, path
        told = document["paths"][templates[0]]
        both = (*told.get("parameters", ()), *told[method.lower()].get("parameters", ()))
        parameters = [_resolved(document, one) for one in both]
        names = {one["name"] for one in parameters if one["in"] == "query"}
        assert {name for name, _ in parse_qsl(url.query)} <= names, sent
        wanted = {one["name"].lower() for one in parameters if one["in"] == "header"}
        assert wanted <= headers.keys()
        assert headers["x-auth-token"] == "the token"


def _resolved(document: Json, one: Json) -> Json:
    for name in one.get("$ref", "#").split("/")[1:]:
        document = document[name]
    return document if "$ref" in one else one


def faults(schema: str, value: object) -> list[str]:
    """Return in what a value does not fit a schema of the official description."""
    components = description(ORDERS)["components"]
    wanted = {**components["schemas"][schema], "components": components}
    return [one.message for one in Draft4Validator(wanted).iter_errors(value)]


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


async def test_what_is_asked_is_documented(client: HttpClient) -> None:
    """Paths, parameters and headers of a look are the description's; five questions and the
    store's own; shipments are asked for when there are some."""
    nothing = [web.Response(status=204) for _ in range(5)]
    order = an_order(items_shipped=1)
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
        web.Response(status=204),
        web.json_response(an_order()),
        web.json_response(products),
        web.json_response({"id": 12}, status=201),
        web.json_response(an_order()),
        web.json_response(an_order(status_id=2)),
    ]
    async with stubbed(*answers) as stub:
        result = await bigcommerce(client, stub.url).perform(a_call(PUBLISH, known(250)))
        is_documented(stub)
        method, path, _, body = stub.sent("/shipments")
        changed = json.loads(stub.requests[-1][3])
        assert [one[0] for one in stub.requests] == ["GET"] * 3 + ["POST", "GET", "PUT"]
    sent = json.loads(body)
    assert result == FulfilmentPublished(fulfilment_id="12")
    assert (method, path) == ("POST", f"/bigcommerce/stores/{STORE}/v2/orders/250/shipments")
    assert faults("orderShipment_Post", sent) == []
    assert faults("order_Put", changed) == []
    assert sent == {
        "order_address_id": 31,
        "tracking_number": NUMBER,
        "shipping_provider": "ups",
        "tracking_carrier": "",
        "comments": mark_of(250, NUMBER),
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
        web.json_response([a_product(1, "1.0000")]),
        web.json_response({"id": 12}, status=201),
        web.json_response(an_order(status_id=2)),
    ]
    effect = PublishFulfilment(tracking_number=NUMBER, carrier="Hermes")
    async with stubbed(*answers) as stub:
        await bigcommerce(client, stub.url).perform(a_call(effect, known(250)))
        sent = json.loads(stub.sent("/shipments")[3])
    assert (sent["shipping_provider"], sent["shipping_method"]) == ("", "Hermes")
    assert faults("orderShipment_Post", sent) == []


async def test_an_order_shipped_twice_is_shipped_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """BigCommerce acts and never answers: the look-up finds it, another call adopts it, and the
    answer's shipment fits the description."""
    await simulators.reset()
    await put(simulators, bundle_of(302))
    call, shop = a_call(PUBLISH, known(302)), bigcommerce(client, running.http, seconds=0.5)
    assert await shop.look_up(call) is None
    await simulators.fault("bigcommerce", "create_shipment", {"act_no_answer_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    (made,) = shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 302)
    assert faults("orderShipment", made) == []
    wanted = FulfilmentPublished(fulfilment_id=str(made["id"]))
    assert await shop.look_up(call) == wanted
    assert await shop.perform(call) == wanted
    assert [one["reference"] for one in await simulators.ledger("fulfilment")] == ["302"]
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["302"] == 2


async def test_the_status_follows_also_where_the_shop_does_not_set_it(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A shipment that leaves the status alone is followed by the status; until then the look-up
    says no."""
    await habits(simulators, ships_by_itself=False)
    await put(simulators, bundle_of(303))
    call, shop = a_call(PUBLISH, known(303)), bigcommerce(client, running.http)
    await simulators.fault("bigcommerce", "update_order", {"error_rate": 1})
    with pytest.raises(Unknown):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")
    assert await shop.look_up(call) is None
    await shop.perform(call)
    assert await shop.look_up(call) is not None
    await habits(simulators, ships_by_itself=True)
    assert len(shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 303)) == 1
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["303"] == 2


async def test_a_refusal_because_we_were_there_before(client: HttpClient) -> None:
    """A shipment that is refused is looked for once more: a lost call may have made it."""
    ours_there = [{"id": 7, "tracking_number": NUMBER, "comments": mark_of(250, NUMBER)}]
    refused = web.json_response([{"status": 400, "message": "Too many"}], status=400)
    answers = [
        web.Response(status=204),
        web.json_response(an_order()),
        web.json_response([a_product(1, "1.0000")]),
        refused,
        web.json_response(ours_there),
        web.json_response(an_order(status_id=2)),
    ]
    async with stubbed(*answers) as stub:
        found = await bigcommerce(client, stub.url).perform(a_call(PUBLISH, known(250)))
    assert found == FulfilmentPublished(fulfilment_id="7")


async def test_a_bundle_is_shipped_as_the_shop_sold_it(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Components go under the line they were taken from; extra costs are not articles."""
    await put(simulators, bundle_of(304))
    parts = (
        a_line("c1", 4, bundle_line_id="1"),
        a_line("c2", 2, bundle_line_id="1"),
        a_line("2"),
        a_line("bigcommerce-handling", requires_shipping=False),
    )
    await bigcommerce(client, running.http).perform(a_call(PUBLISH, known(304, *parts)))
    (made,) = shipments_in((await simulators.call("GET", f"{BOOK}/shipments")).json, 304)
    assert made["items"] == [
        {"order_product_id": 1, "quantity": 2},
        {"order_product_id": 2, "quantity": 1},
    ]


async def test_an_order_without_parcels_is_completed(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Nothing travels, so there is no shipment; the shop shows it as completed, once."""
    await put(simulators, bundle_of(305))
    call = a_call(PublishFulfilment(tracking_number="", carrier=""), known(305))
    shop = bigcommerce(client, running.http)
    assert await shop.look_up(call) is None
    done = await shop.perform(call)
    assert done == await shop.look_up(call) == await shop.perform(call)
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json["305"] == 10


@pytest.mark.parametrize(("ref", "number"), [(311, NUMBER), (312, "")])
async def test_what_was_cancelled_in_the_shop_is_not_shown_as_shipped(
    client: HttpClient, simulators: Client, running: Running, ref: int, number: str
) -> None:
    """The cancellation came too late for us: it stays in the shop, and a person is told."""
    await put(simulators, bundle_of(ref, status_id=5))
    call = a_call(PublishFulfilment(tracking_number=number, carrier="UPS"), known(ref))
    shop = bigcommerce(client, running.http)
    for _ in range(2):
        with pytest.raises(Rejected, match="was cancelled in BigCommerce"):
            await shop.perform(call)
    assert await shop.look_up(call) is None
    assert (await simulators.call("GET", f"{BOOK}/statuses")).json[str(ref)] == 5
    shipments = (await simulators.call("GET", f"{BOOK}/shipments")).json
    assert not shipments_in(shipments, ref)


async def test_what_can_t_be_shipped_is_told(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Nothing left, several addresses, an order that is gone, a number that is too long."""
    shop = bigcommerce(client, running.http)
    sent = [a_product(1, "10.0000", 2, quantity_shipped=2)]
    two = [a_product(1, "10.0000", 2), a_product(2, "5.5000", order_address_id=32)]
    addresses = [an_address(), an_address(32)]
    await put(
        simulators,
        {**bundle_of(306), "products": sent},
        {**bundle_of(307), "products": two, "shipping_addresses": addresses},
    )
    for ref, words in ((306, "nothing left to ship"), (307, "2 addresses"), (9999, "no order")):
        with pytest.raises(Rejected, match=words):
            await shop.perform(a_call(PUBLISH, known(ref)))
    long = PublishFulfilment(tracking_number="1" * 51, carrier="UPS")
    await put(simulators, bundle_of(308))
    with pytest.raises(Rejected, match="50 characters"):
        await shop.perform(a_call(long, known(308)))
    with pytest.raises(NeedsPerson) as unknown:
        await shop.look_up(a_call(PUBLISH, known(9999)))
    assert not unknown.value.outcome_known
    with pytest.raises(TypeError):
        await shop.perform(a_call(FetchOrder()))


async def test_a_refused_credential_and_a_refused_shipment_are_told_apart(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """One rests the lane, the other is for a person, with BigCommerce's words."""
    await put(simulators, bundle_of(309))
    shop, call = bigcommerce(client, running.http), a_call(PUBLISH, known(309))
    await simulators.fault("bigcommerce", "*", {"unauthorized": True})
    with pytest.raises(Unauthorised):
        await shop.perform(call)
    await simulators.fault("bigcommerce", "*")
    await simulators.fault("bigcommerce", "create_shipment", {"refuse_rate": 1})
    with pytest.raises(Rejected, match="The field 'items' is invalid"):
        await shop.perform(call)
    await simulators.call("DELETE", "/_sim/faults")

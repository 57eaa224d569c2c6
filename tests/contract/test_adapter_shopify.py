"""Shopify: shipments shown in the shop, in queries that its schema allows."""

from __future__ import annotations

import functools
import gzip
import json

import pytest
from aiohttp import web
from graphql import GraphQLSchema, build_client_schema, parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import NeedsPerson, Rejected, Retryable, Unauthorised, Unknown
from adapters.channels.shopify.fulfilment import CREATE_MUTATION, STATE_QUERY
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import FulfilmentPublished, PublishFulfilment
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Json, spec
from tests.contract.storefront_calls import shopify
from tests.given import an_order

NUMBER = "1ZA1B2C30300000012"
PUBLISH = PublishFulfilment(tracking_number=NUMBER, carrier="UPS")


@functools.cache
def schema() -> GraphQLSchema:
    """Shopify's own schema. It is not checked itself, because it has faults of its own."""
    path = spec("shopify", "admin-graphql-2026-10.introspection.json.gz")
    return build_client_schema(json.loads(gzip.decompress(path.read_bytes()))["data"], True)


def data(**found: object) -> web.Response:
    """A GraphQL answer."""
    return web.json_response({"data": found})


def state(
    *open_orders: tuple[str, str], published: str = "", status: str = "OPEN", hold: str = ""
) -> web.Response:
    """An order with these (fulfilment order, location) pairs, and perhaps our fulfilment."""
    nodes = [
        {
            "id": one,
            "status": status,
            "supportedActions": [{"action": "CREATE_FULFILLMENT"}] if status == "OPEN" else [],
            "fulfillmentHolds": [{"displayReason": hold}] if hold else [],
            "assignedLocation": {"location": {"id": location}},
        }
        for one, location in open_orders
    ]
    tracked = {"id": "F0", "status": "SUCCESS", "trackingInfo": [{"number": published}]}
    return data(
        order={
            "id": "O",
            "fulfillments": [tracked] if published else [],
            "fulfillmentOrders": {"nodes": nodes},
        }
    )


def created(fulfilment: str, *errors: str) -> web.Response:
    """The answer to fulfillmentCreate."""
    made = {"id": fulfilment, "status": "SUCCESS", "trackingInfo": []} if fulfilment else None
    words = [{"field": None, "message": error} for error in errors]
    return data(fulfillmentCreate={"fulfillment": made, "userErrors": words})


@pytest.mark.parametrize("document", [STATE_QUERY, CREATE_MUTATION])
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """The queries name only fields and arguments that API 2026-10 has, none of them deprecated."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(document), rules) == []


async def test_what_is_sent(client: HttpClient) -> None:
    """The variables fit the input types, with the carrier's name as Shopify spells it."""
    async with stubbed(state(("FO1", "L1"), ("FO2", "L1")), created("F1")) as stub:
        result = await shopify(client, stub.url).perform(a_call(PUBLISH))
        _, path, headers, body = stub.requests[1]
        read = json.loads(stub.requests[0][3])
    sent: Json = json.loads(body)
    assert result == FulfilmentPublished(fulfilment_id="F1")
    assert path == "/shopify/acme-us.myshopify.com/admin/api/2026-10/graphql.json"
    assert headers["x-shopify-access-token"] == "any"
    assert read["variables"] == {"id": "gid://shopify/Order/820982911946154508"}
    wanted = sent["variables"]["fulfillment"]
    assert wanted["trackingInfo"] == {
        "company": "UPS",
        "number": NUMBER,
        "url": f"https://www.ups.com/track?tracknum={NUMBER}",
    }
    literal = json.dumps(wanted)
    for name in ("lineItemsByFulfillmentOrder", "fulfillmentOrderId", "notifyCustomer"):
        literal = literal.replace(f'"{name}"', name)
    for name in ("trackingInfo", "company", "number", "url"):
        literal = literal.replace(f'"{name}"', name)
    mutation = "mutation { fulfillmentCreate(fulfillment: %s) { userErrors { message } } }"
    assert validate(schema(), parse(mutation % literal)) == []


async def test_an_order_of_which_nothing_is_shipped_has_no_tracking(client: HttpClient) -> None:
    """What is sent names no empty number, and what was published without one is found again."""
    call = a_call(PublishFulfilment(tracking_number="", carrier=""))
    bare = {"id": "F0", "status": "SUCCESS", "trackingInfo": []}
    published = {"id": "O", "fulfillments": [bare], "fulfillmentOrders": {"nodes": []}}
    answers = [state(("FO1", "L1")), created("F1"), data(order=published), state(published=NUMBER)]
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url)
        assert await shop.perform(call) == FulfilmentPublished(fulfilment_id="F1")
        sent: Json = json.loads(stub.requests[1][3])
        assert "trackingInfo" not in sent["variables"]["fulfillment"]
        found = await shop.look_up(call)
        assert await shop.look_up(call) is None
    assert found == FulfilmentPublished(fulfilment_id="F0")


async def test_one_fulfilment_for_each_location(client: HttpClient) -> None:
    """Shopify takes fulfilment orders of one location at a time."""
    answers = [state(("FO1", "L1"), ("FO2", "L2")), created("F1"), created("F2")]
    async with stubbed(*answers) as stub:
        result = await shopify(client, stub.url).perform(a_call(PUBLISH))
        assert len(stub.requests) == 3
    assert result == FulfilmentPublished(fulfilment_id="F1")


async def test_what_is_published_is_adopted(client: HttpClient) -> None:
    """A fulfilment with our number is ours; while a location is open, the look-up says no."""
    answers = [
        state(published=NUMBER),
        state(published=NUMBER),
        state(("FO2", "L2"), published=NUMBER),
        state(published="another"),
    ]
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url)
        assert await shop.perform(a_call(PUBLISH)) == FulfilmentPublished(fulfilment_id="F0")
        assert await shop.look_up(a_call(PUBLISH)) == FulfilmentPublished(fulfilment_id="F0")
        assert await shop.look_up(a_call(PUBLISH)) is None
        assert await shop.look_up(a_call(PUBLISH)) is None
        assert len(stub.requests) == 4


async def test_a_refusal_because_we_were_there_before(client: HttpClient) -> None:
    """When the refused fulfilment order was closed by a lost call of ours, that one is adopted."""
    answers = [
        state(("FO1", "L1")),
        created("", "Fulfillment order 1 has an unfulfillable status= closed."),
        state(published=NUMBER),
    ]
    async with stubbed(*answers) as stub:
        result = await shopify(client, stub.url).perform(a_call(PUBLISH))
    assert result == FulfilmentPublished(fulfilment_id="F0")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([state(("FO1", "L1"), status="ON_HOLD", hold="Inspection")], "Inspection"),
        ([state(("FO1", "L1"), status="CLOSED")], "nothing left"),
        ([data(order=None)], "no order"),
        ([state(("FO1", "L1")), created("", "Too bad."), state(("FO1", "L1"))], "Too bad"),
        ([web.json_response({"errors": "Not Found"}, status=404)], "404"),
        ([web.json_response({"errors": [{"message": "Field 'x' is missing"}]})], "missing"),
    ],
)
async def test_refusals_in_words(
    answers: list[web.Response], words: str, client: HttpClient
) -> None:
    """Holds, closed and deleted orders and user errors are told in sentences."""
    async with stubbed(*answers) as stub:
        with pytest.raises(Rejected, match=words):
            await shopify(client, stub.url).perform(a_call(PUBLISH))


async def test_a_refused_look_up_is_no_answer(client: HttpClient) -> None:
    """When the shop won't tell, the outcome of an earlier call stays unknown."""
    async with stubbed(data(order=None)) as stub:
        with pytest.raises(NeedsPerson) as caught:
            await shopify(client, stub.url).look_up(a_call(PUBLISH))
    assert not caught.value.outcome_known


async def test_the_bucket_says_how_long_to_wait(client: HttpClient) -> None:
    """THROTTLED comes with HTTP 200; the wait is what the bucket needs to fill."""
    cost = {
        "requestedQueryCost": 112,
        "throttleStatus": {"currentlyAvailable": 12, "restoreRate": 50.0},
    }
    throttled = web.json_response(
        {
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": cost},
        }
    )
    async with stubbed(throttled) as stub:
        with pytest.raises(Retryable) as caught:
            await shopify(client, stub.url).perform(a_call(PUBLISH))
    assert caught.value.throttled
    assert caught.value.retry_after_seconds == 2.0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}, Unauthorised),
        ({"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}, Unknown),
        ({"errors": [{"message": "half"}], "data": {"fulfillmentCreate": None}}, Unknown),
        ({"data": {"fulfillmentCreate": None}}, Unknown),
        ({"data": None}, Unknown),
        ({}, Unknown),
    ],
)
async def test_errors_of_the_writing_call(
    body: Json, error: type[Exception], client: HttpClient
) -> None:
    """After the mutation was sent, only a clear refusal is one."""
    async with stubbed(state(("FO1", "L1")), web.json_response(body)) as stub:
        with pytest.raises(error):
            await shopify(client, stub.url).perform(a_call(PUBLISH))


async def test_a_reference_that_is_no_shopify_number(client: HttpClient) -> None:
    """An order of another channel is refused before anything is sent."""
    async with stubbed() as stub:
        order = an_order(ref='1") { id } }')
        with pytest.raises(Rejected, match="number"):
            await shopify(client, stub.url).perform(a_call(PUBLISH, order))
        assert stub.requests == []

"""Shopify: what left and what was cancelled, told to a shop in queries that its schema allows."""

from __future__ import annotations

import functools
import gzip
import json

import pytest
from aiohttp import web
from graphql import GraphQLSchema, build_client_schema, parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import NeedsPerson, Rejected, Retryable, Unauthorised, Unknown
from adapters.channels.shopify import books, goods_shapes
from adapters.channels.shopify.cancelling import CANCEL_MUTATION
from adapters.channels.shopify.storefront import CREATE_MUTATION
from adapters.kit.http_client import HttpClient
from ops.simulators.graphql import Query
from schemas.messages.effects import (
    CancelAtChannel,
    ChannelCancelled,
    FulfilmentPublished,
    PublishFulfilment,
    SentParcel,
    Units,
)
from schemas.order.things import Key
from tests.contract.partner_calls import a_call, stubbed
from tests.contract.simulated import Json, spec
from tests.contract.storefront_calls import shopify
from tests.orders import an_order

NUMBER = "1ZA1B2C30300000012"
BOTH = (Units("1", "SKU-1", 2), Units("2", "SKU-2", 1))
PARCEL = SentParcel(parcel=Key("K1"), units=BOTH, carrier="UPS", tracking_number=NUMBER)
PUBLISH = PublishFulfilment(fulfilment=Key("F1"), parcels=(PARCEL,))
CANCEL = CancelAtChannel(reason="customer", restock=True)
QUERIES = (
    books.ORDERS_QUERY,
    books.BALANCE_QUERY,
    goods_shapes.GOODS_QUERY,
    goods_shapes.MORE_ORDERS_QUERY,
    goods_shapes.MORE_LINES_QUERY,
    goods_shapes.FULFILMENTS_QUERY,
    goods_shapes.CONTENTS_QUERY,
)


@functools.cache
def schema() -> GraphQLSchema:
    """Shopify's own schema. It is not checked itself, because it has faults of its own."""
    path = spec("shopify", "admin-graphql-2026-10.introspection.json.gz")
    return build_client_schema(json.loads(gzip.decompress(path.read_bytes()))["data"], True)


def data(**found: object) -> web.Response:
    """A GraphQL answer."""
    return web.json_response({"data": found})


def goods(
    *, status: str = "OPEN", hold: str = "", cancelled: str | None = None, published: str = ""
) -> web.Response:
    """An order whose two lines wait in one fulfilment order, or are published by us."""
    left = 0 if published else 1
    lines = [
        {
            "id": f"L{line}",
            "remainingQuantity": left * quantity,
            "lineItem": {
                "id": f"gid://shopify/LineItem/{line}",
                "quantity": quantity,
                "currentQuantity": quantity,
            },
        }
        for line, quantity in ((1, 2), (2, 1))
    ]
    page = {"hasNextPage": False, "endCursor": None}
    one = {
        "id": "FO1",
        "status": status,
        "supportedActions": [{"action": "CREATE_FULFILLMENT"}] if status == "OPEN" else [],
        "fulfillmentHolds": [{"displayReason": hold}] if hold else [],
        "assignedLocation": {"location": {"id": "A"}},
        "lineItems": {"nodes": lines, "pageInfo": page},
    }
    tracked = {"id": "F0", "status": "SUCCESS", "trackingInfo": [{"number": published}]}
    return data(
        order={
            "id": "O",
            "cancelledAt": cancelled,
            "fulfillments": [tracked] if published else [],
            "fulfillmentOrders": {"nodes": [one], "pageInfo": page},
        }
    )


def contents() -> web.Response:
    """What a fulfilment holds: both lines, whole."""
    nodes = [
        {"quantity": quantity, "lineItem": {"id": f"gid://shopify/LineItem/{line}"}}
        for line, quantity in ((1, 2), (2, 1))
    ]
    page = {"hasNextPage": False, "endCursor": None}
    return data(fulfillment={"fulfillmentLineItems": {"nodes": nodes, "pageInfo": page}})


def created(fulfilment: str, *errors: str) -> web.Response:
    """The answer to fulfillmentCreate."""
    made = {"id": fulfilment, "status": "SUCCESS", "trackingInfo": []} if fulfilment else None
    words = [{"field": None, "message": error} for error in errors]
    return data(fulfillmentCreate={"fulfillment": made, "userErrors": words})


def cancelled(*errors: str, done: bool = True, status: str = "SUCCEEDED") -> web.Response:
    """The answer to orderCancel."""
    result = {"done": done, "status": status, "errors": [{"message": "Restocking failed."}]}
    words = [{"code": "INVALID", "message": error} for error in errors]
    return data(
        orderCancel={"jobResult": None if errors else result, "orderCancelUserErrors": words}
    )


@pytest.mark.parametrize("document", [*QUERIES, CREATE_MUTATION, CANCEL_MUTATION])
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """The queries name only fields and arguments that API 2026-10 has, none of them deprecated, and
    none may cost more than the thousand points that Shopify lets a query ask for."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(document), rules) == []
    assert Query(document, {}).cost() <= 1_000


async def test_what_is_sent(client: HttpClient) -> None:
    """Every line is named with its quantity, beside the carrier's name as Shopify spells it."""
    async with stubbed(goods(), created("F1")) as stub:
        result = await shopify(client, stub.url).perform(a_call(PUBLISH))
        _, path, headers, body = stub.requests[1]
        read = json.loads(stub.requests[0][3])
    sent: Json = json.loads(body)
    assert result == FulfilmentPublished(outside_ids=("F1",))
    assert path == "/shopify/acme-us.myshopify.com/admin/api/2026-10/graphql.json"
    assert headers["x-shopify-access-token"] == "any"
    assert read["variables"] == {"id": "gid://shopify/Order/820982911946154508"}
    wanted = sent["variables"]["fulfillment"]
    assert wanted == {
        "lineItemsByFulfillmentOrder": [
            {
                "fulfillmentOrderId": "FO1",
                "fulfillmentOrderLineItems": [
                    {"id": "L1", "quantity": 2},
                    {"id": "L2", "quantity": 1},
                ],
            }
        ],
        "notifyCustomer": False,
        "trackingInfo": {
            "company": "UPS",
            "numbers": [NUMBER],
            "urls": [f"https://www.ups.com/track?tracknum={NUMBER}"],
        },
    }
    literal = json.dumps(wanted)
    for name in (
        "lineItemsByFulfillmentOrder", "fulfillmentOrderId", "fulfillmentOrderLineItems", "id",
        "quantity", "notifyCustomer", "trackingInfo", "company", "numbers", "urls",
    ):  # fmt: skip
        literal = literal.replace(f'"{name}":', f"{name}:")
    mutation = "mutation { fulfillmentCreate(fulfillment: %s) { userErrors { message } } }"
    assert validate(schema(), parse(mutation % literal)) == []


async def test_a_refusal_because_we_were_there_before(client: HttpClient) -> None:
    """When the refused fulfilment order was closed by a lost call of ours, that one is adopted."""
    answers = [
        goods(),
        created("", "Fulfillment order 1 has an unfulfillable status= closed."),
        goods(published=NUMBER),
        contents(),
    ]
    async with stubbed(*answers) as stub:
        result = await shopify(client, stub.url).perform(a_call(PUBLISH))
    assert result == FulfilmentPublished(outside_ids=("F0",))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([goods(status="ON_HOLD", hold="Inspection")], "Inspection"),
        ([goods(status="SCHEDULED")], "scheduled"),
        ([goods(status="IN_PROGRESS")], "may not fulfil"),
        ([goods(published="another")], "no longer to fulfil"),
        ([data(order=None)], "no order"),
        ([goods(), created("", "Too bad."), goods()], "Too bad"),
        ([web.json_response({"errors": "Not Found"}, status=404)], "404"),
        ([web.json_response({"errors": [{"message": "Field 'x' is missing"}]})], "missing"),
    ],
)
async def test_refusals_in_words(
    answers: list[web.Response], words: str, client: HttpClient
) -> None:
    """Holds, other services, closed and deleted orders and user errors are told in sentences."""
    async with stubbed(*answers) as stub:
        with pytest.raises(Rejected, match=words):
            await shopify(client, stub.url).perform(a_call(PUBLISH))


async def test_a_refused_look_up_is_no_answer(client: HttpClient) -> None:
    """When the shop won't tell, the outcome of an earlier call stays unknown."""
    async with stubbed(data(order=None)) as stub:
        with pytest.raises(NeedsPerson) as caught:
            await shopify(client, stub.url).look_up(a_call(PUBLISH))
    assert not caught.value.outcome_known


async def test_a_cancellation_moves_no_money(client: HttpClient) -> None:
    """The refund is declined in so many words, since Shopify's default is not documented."""
    async with stubbed(goods(), cancelled()) as stub:
        result = await shopify(client, stub.url).perform(a_call(CANCEL))
        sent: Json = json.loads(stub.requests[1][3])
    assert result == ChannelCancelled()
    assert sent["variables"] == {
        "id": "gid://shopify/Order/820982911946154508",
        "reason": "CUSTOMER",
        "restock": True,
        "notify": False,
        "refund": {"originalPaymentMethodsRefund": False},
        "note": "customer",
    }


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([goods(), cancelled("Order has been fulfilled.")], "has been fulfilled"),
        ([goods(), cancelled(status="FAILED")], "Restocking failed"),
        ([goods(published=NUMBER)], "a part of the order as fulfilled"),
    ],
)
async def test_a_refused_cancellation_says_why(
    answers: list[web.Response], words: str, client: HttpClient
) -> None:
    """An order of which something has left is not cancelled, and neither is one the shop keeps."""
    async with stubbed(*answers) as stub:
        with pytest.raises(Rejected, match=words):
            await shopify(client, stub.url).perform(a_call(CANCEL))


async def test_a_cancellation_that_takes_long_is_looked_up(client: HttpClient) -> None:
    """While the shop's job runs the outcome is unknown; afterwards the order says it."""
    answers = [
        goods(), cancelled(done=False, status="STARTED"), goods(), goods(cancelled="2026-11-27"),
        goods(cancelled="2026-11-27"),
    ]  # fmt: skip
    call = a_call(CANCEL)
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url)
        with pytest.raises(Unknown):
            await shop.perform(call)
        assert await shop.look_up(call) is None
        assert await shop.look_up(call) == ChannelCancelled()
        assert await shop.perform(call) == ChannelCancelled(told=False)


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
    async with stubbed(goods(), web.json_response(body)) as stub:
        with pytest.raises(error):
            await shopify(client, stub.url).perform(a_call(PUBLISH))


async def test_a_reference_that_is_no_shopify_number(client: HttpClient) -> None:
    """An order of another channel is refused before anything is sent."""
    async with stubbed() as stub:
        order = an_order(ref='1") { id } }')
        with pytest.raises(Rejected, match="number"):
            await shopify(client, stub.url).perform(a_call(PUBLISH, order))
        assert stub.requests == []

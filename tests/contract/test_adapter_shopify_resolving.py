"""Shopify: whose order a webhook is about that carries a fulfilment order's id alone."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import Retryable
from adapters.channels.shopify.resolving import (
    ALL_OF_ORDER_QUERY,
    ORDER_OF_QUERY,
    ORDER_OF_RETURN_QUERY,
)
from adapters.channels.shopify.source import Shopify
from adapters.channels.shopify.topics import TOPICS
from adapters.kit.fetching import SETTLED
from adapters.kit.http_client import HttpClient
from schemas.messages.effects import Units
from schemas.messages.inputs import Later, NoteReport
from tests.contract.partner_calls import stubbed
from tests.contract.storefront_calls import shopify
from tests.contract.test_adapter_shopify import schema
from tests.shopify_payloads import SHOP

Json = dict[str, object]

PLACED, CANCELLED, WANTED = (
    f"fulfillment_orders/{name}"
    for name in ("placed_on_hold", "cancelled", "cancellation_request_submitted")
)
TOLD: dict[str, Json] = {
    PLACED: {
        "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "on_hold"},
        "created_fulfillment_hold": {"id": "gid://shopify/FulfillmentHold/1", "reason": "other"},
    },
    CANCELLED: {
        "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "cancelled"}
    },
    WANTED: {
        "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "in_progress"},
        "fulfillment_order_merchant_request": {"id": "gid://shopify/X/1", "message": ""},
    },
}
"""What each topic that is asked about says, without its order."""
HELD = TOLD[PLACED]
ONE = "gid://shopify/FulfillmentOrder/1"
OPEN = {"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1", "status": "open"}}
SCHEDULED = {
    "fulfillment_order": {
        "id": "gid://shopify/FulfillmentOrder/1",
        "status": "scheduled",
        "fulfill_at": "2026-12-31T19:00:00-05:00",
    }
}
RELEASED, READY = (
    f"fulfillment_orders/{name}" for name in ("hold_released", "scheduled_fulfillment_order_ready")
)
ROUTED, LATER = (f"fulfillment_orders/{name}" for name in ("order_routing_complete", "rescheduled"))
OF_US = "fulfillment_orders/fulfillment_request_submitted"
RETURNS = {topic for topic in TOPICS if topic.startswith("returns/")}


def note_of(raw: bytes, topic: str, shop: Shopify = SHOP) -> NoteReport:
    """What the webhook means once it names its order."""
    found = shop.translate("note", topic, raw)
    assert isinstance(found, NoteReport)
    return found


def answered(status: str) -> Json:
    """What Shopify knows of the fulfilment order."""
    found = {
        "orderId": "gid://shopify/Order/820982911946154508",
        "status": status,
        "requestStatus": "CANCELLATION_REQUESTED",
        "lineItems": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
    }
    return {"data": {"fulfillmentOrder": found}}


def test_every_topic_that_is_asked_about_is_tried_here() -> None:
    """None is left out of these tests, and those of what a shop waits for an answer to."""
    assert {topic for topic, meaning in TOPICS.items() if meaning.resolves} == {
        *TOLD, *RETURNS, RELEASED, READY, ROUTED, LATER, OF_US,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("topic", "status"),
    [(PLACED, "ON_HOLD"), (CANCELLED, "CANCELLED"), (CANCELLED, "CLOSED"),
     (WANTED, "IN_PROGRESS"), (WANTED, "OPEN")],
)  # fmt: skip
async def test_news_is_told_to_the_order_that_shopify_names(
    client: HttpClient, topic: str, status: str
) -> None:
    """The fulfilment order is asked about by its own id, and its news comes in under the order."""
    async with stubbed(web.json_response(answered(status))) as stub:
        raw = json.dumps(TOLD[topic]).encode()
        found = await shopify(client, stub.url).resolved(topic, raw)
    asked = json.loads(stub.requests[0][3])
    assert asked["variables"] == {"id": "gid://shopify/FulfillmentOrder/1"}
    assert found is not None
    note = note_of(found.raw, topic)
    assert (note.ref, found.ref) == ("820982911946154508", "820982911946154508")
    assert note.hold == "before_hand_over"


@pytest.mark.parametrize(("topic", "status"), [(PLACED, "OPEN"), (CANCELLED, "OPEN")])
async def test_what_is_not_so_any_more_is_settled(
    client: HttpClient, topic: str, status: str
) -> None:
    """An old webhook that somebody sends again places no hold, and no one has to look at it."""
    async with stubbed(web.json_response(answered(status))) as stub:
        raw = json.dumps(TOLD[topic]).encode()
        assert await shopify(client, stub.url).resolved(topic, raw) is SETTLED


def all_of_order(*statuses: str) -> web.Response:
    """What Shopify knows of a fulfilment order and the others of its order."""
    found: Json = {
        "orderId": "gid://shopify/Order/7",
        "status": statuses[0],
        "order": {"fulfillmentOrders": {"nodes": [{"status": one} for one in statuses]}},
    }
    return web.json_response({"data": {"fulfillmentOrder": found}})


@pytest.mark.parametrize(
    ("topic", "frees", "status"),
    [(RELEASED, (PLACED,), "ON_HOLD"), (READY, (ROUTED, LATER), "SCHEDULED")],
)
async def test_what_ended_there_ends_here_once_all_of_the_order_is_free(
    client: HttpClient, topic: str, frees: tuple[str, ...], status: str
) -> None:
    """The order's hold is one, so it ends with the last of its fulfilment orders."""
    raw = json.dumps(OPEN).encode()
    async with stubbed(all_of_order("OPEN", status), all_of_order("OPEN", "CLOSED")) as stub:
        shop = shopify(client, stub.url)
        early = await shop.resolved(topic, raw)
        found = await shop.resolved(topic, raw)
    if topic == READY:  # of its own part it is told all the same
        assert early is not None
        first = note_of(early.raw, topic)
        assert (first.frees, first.later) == ((), Later(outside_id=ONE))
    else:
        assert early is SETTLED
    assert found is not None
    note = note_of(found.raw, topic)
    assert (note.ref, note.frees, note.hold) == ("7", frees, "")


def scheduled(*lines: tuple[str, int], location: str = "1") -> web.Response:
    """What Shopify knows of a fulfilment order with a date, and pieces left."""
    found: Json = {
        "orderId": "gid://shopify/Order/7",
        "status": "SCHEDULED",
        "fulfillAt": "2026-12-31T19:00:00-05:00",
        "assignedLocation": {"location": {"id": f"gid://shopify/Location/{location}"}},
        "lineItems": {
            "nodes": [
                {
                    "id": f"gid://shopify/FulfillmentOrderLineItem/{line}",
                    "remainingQuantity": quantity,
                    "lineItem": {"id": f"gid://shopify/LineItem/{line}"},
                }
                for line, quantity in lines
            ],
            "pageInfo": {"hasNextPage": False, "endCursor": None},
        },
    }
    return web.json_response({"data": {"fulfillmentOrder": found}})


@pytest.mark.parametrize("topic", [ROUTED, LATER])
async def test_a_part_with_a_date_waits_for_it_without_a_hold(
    client: HttpClient, topic: str
) -> None:
    """Its lines and its date are asked for, because the webhook has only the date, if that."""
    raw = json.dumps(SCHEDULED).encode()
    async with stubbed(scheduled(("11", 2), ("12", 0))) as stub:
        found = await shopify(client, stub.url).resolved(topic, raw)
    assert found is not None
    note = note_of(found.raw, topic)
    told = Later(outside_id=ONE, at="2027-01-01T00:00:00Z", units=(Units("11", "", 2),))
    assert (note.later, note.hold) == (told, "")


async def test_a_date_of_another_location_s_goods_is_not_ours(client: HttpClient) -> None:
    """Where the fulfilment orders decide, its lines are not put off here."""
    raw = json.dumps(SCHEDULED).encode()
    answers = (scheduled(("11", 2), location=one) for one in ("1", "2"))
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url, routing="channel", locations=("1",))
        ours, theirs = [await shop.resolved(LATER, raw) for _ in range(2)]
    assert ours is not None
    assert theirs is not None
    assert note_of(ours.raw, LATER).later is not None
    assert note_of(theirs.raw, LATER).later is None


@pytest.mark.parametrize("topic", [ROUTED, LATER])
async def test_a_later_date_without_lines_holds_the_order(client: HttpClient, topic: str) -> None:
    """The date stands in the words; one that has come meanwhile holds nothing."""
    raw = json.dumps(SCHEDULED).encode()
    answers = [web.json_response(answered(status)) for status in ("SCHEDULED", "OPEN")]
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url)
        found = await shop.resolved(topic, raw)
        assert await shop.resolved(topic, raw) is SETTLED
    assert found is not None
    note = note_of(found.raw, topic)
    assert note.hold == "before_hand_over"
    assert "2026-12-31T19:00:00-05:00" in note.words


async def test_a_return_without_its_order_is_asked_about(client: HttpClient) -> None:
    """Shopify leaves the order out of `returns/update` and `returns/process`."""
    raw = json.dumps({"admin_graphql_api_id": "gid://shopify/Return/5"}).encode()
    found: Json = {"return": {"order": {"id": "gid://shopify/Order/7"}}}
    none: Json = {"return": None}
    async with stubbed(*(web.json_response({"data": x}) for x in (found, none))) as stub:
        shop = shopify(client, stub.url)
        known = await shop.resolved("returns/update", raw)
        assert await shop.resolved("returns/update", raw) is None
        assert await shop.resolved("returns/update", b"{}") is None
        assert len(stub.requests) == 2
    assert known is not None
    assert note_of(known.raw, "returns/update").ref == "7"


@pytest.mark.parametrize("query", [ORDER_OF_QUERY, ALL_OF_ORDER_QUERY, ORDER_OF_RETURN_QUERY])
def test_the_questions_are_valid_in_shopify_s_schema(query: str) -> None:
    """They name only fields that API 2026-10 has, none of them deprecated."""
    assert validate(schema(), parse(query), [*specified_rules, NoDeprecatedCustomRule]) == []


async def test_what_shopify_does_not_know_stays_unnamed(client: HttpClient) -> None:
    """A fulfilment order that is gone, and a payload without one."""
    async with stubbed(web.json_response({"data": {"fulfillmentOrder": None}})) as stub:
        shop = shopify(client, stub.url)
        assert await shop.resolved(PLACED, json.dumps(HELD).encode()) is None
        assert await shop.resolved(PLACED, b"{}") is None
        assert await shop.resolved(PLACED, b"{") is None
        assert await shop.resolved("orders/delete", json.dumps(HELD).encode()) is None


async def test_a_shop_that_is_away_is_asked_again_later(client: HttpClient) -> None:
    """The error says that another try may help."""
    async with stubbed(web.Response(status=503)) as stub:
        with pytest.raises(Retryable):
            await shopify(client, stub.url).resolved(PLACED, json.dumps(HELD).encode())

"""Shopify: whose order a webhook is about that carries a fulfilment order's id alone."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from actors.runtime.errors import Retryable
from adapters.channels.shopify.source import Shopify
from adapters.channels.shopify.topics import TOPICS
from adapters.kit.fetching import SETTLED
from adapters.kit.http_client import HttpClient
from schemas.messages.inputs import NoteReport
from tests.contract.partner_calls import stubbed
from tests.contract.storefront_calls import shopify
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


def note_of(raw: bytes, topic: str, shop: Shopify = SHOP) -> NoteReport:
    """What the webhook means once it names its order."""
    found = shop.translate("note", topic, raw)
    assert isinstance(found, NoteReport)
    return found


def answered(status: str) -> Json:
    """What Shopify knows of the fulfilment order."""
    found = {"orderId": "gid://shopify/Order/820982911946154508", "status": status}
    return {"data": {"fulfillmentOrder": found}}


def test_every_topic_that_is_asked_about_is_tried_here() -> None:
    """None is left out of these tests."""
    assert {topic for topic, meaning in TOPICS.items() if meaning.resolves} == set(TOLD)


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

"""Shopify: whose order a webhook is about that carries a fulfilment order's id alone."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from actors.runtime.errors import Retryable
from adapters.channels.shopify.source import Shopify
from adapters.kit.http_client import HttpClient
from schemas.messages.inputs import NoteReport
from tests.contract.partner_calls import stubbed
from tests.contract.storefront_calls import shopify
from tests.shopify_payloads import SHOP

HELD = {
    "fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1"},
    "fulfillment_hold": {"id": "gid://shopify/FulfillmentHold/1", "reason": "other"},
}
Json = dict[str, object]
ADDED = "fulfillment_holds/added"


def note_of(raw: bytes, topic: str, shop: Shopify = SHOP) -> NoteReport:
    """What the webhook means once it names its order."""
    found = shop.translate("note", topic, raw)
    assert isinstance(found, NoteReport)
    return found


def answered(status: str) -> Json:
    """What Shopify knows of the fulfilment order."""
    found = {"orderId": "gid://shopify/Order/820982911946154508", "status": status}
    return {"data": {"fulfillmentOrder": found}}


async def test_a_hold_is_told_to_the_order_that_shopify_names(client: HttpClient) -> None:
    """The fulfilment order is asked about by its own id, and the hold comes in under the order."""
    async with stubbed(web.json_response(answered("ON_HOLD"))) as stub:
        found = await shopify(client, stub.url).resolved(ADDED, json.dumps(HELD).encode())
    asked = json.loads(stub.requests[0][3])
    assert asked["variables"] == {"id": "gid://shopify/FulfillmentOrder/1"}
    assert found is not None
    note = note_of(found.raw, ADDED)
    assert (note.ref, found.ref) == ("820982911946154508", "820982911946154508")
    assert note.hold == "before_hand_over"


async def test_a_hold_that_is_gone_is_not_told(client: HttpClient) -> None:
    """An old webhook that somebody sends again places no hold; a release is told all the same."""
    answers = [web.json_response(answered("OPEN")) for _ in range(2)]
    async with stubbed(*answers) as stub:
        shop = shopify(client, stub.url)
        assert await shop.resolved(ADDED, json.dumps(HELD).encode()) is None
        released = await shop.resolved("fulfillment_holds/released", json.dumps(HELD).encode())
    assert released is not None


async def test_what_shopify_does_not_know_stays_unnamed(client: HttpClient) -> None:
    """A fulfilment order that is gone, and a payload without one."""
    async with stubbed(web.json_response({"data": {"fulfillmentOrder": None}})) as stub:
        shop = shopify(client, stub.url)
        assert await shop.resolved(ADDED, json.dumps(HELD).encode()) is None
        assert await shop.resolved(ADDED, b"{}") is None
        assert await shop.resolved(ADDED, b"{") is None
        assert await shop.resolved("orders/delete", json.dumps(HELD).encode()) is None


async def test_a_shop_that_is_away_is_asked_again_later(client: HttpClient) -> None:
    """The error says that another try may help."""
    async with stubbed(web.Response(status=503)) as stub:
        with pytest.raises(Retryable):
            await shopify(client, stub.url).resolved(ADDED, json.dumps(HELD).encode())

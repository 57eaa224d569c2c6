"""What Shopify's books say of orders that it does not show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web

from adapters.channels.shopify.books import ORDERS, ShopifyBooks
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.kit.http_client import HttpClient
from tests.contract.partner_calls import stubbed
from tests.contract.storefront_calls import shop_settings
from tests.fakes import NOON, JumpingClock

EMPTY = {"orders": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}


def answers(*scopes: str) -> tuple[web.Response, web.Response]:
    """What the app may do, and then no orders."""
    handles = [{"handle": one} for one in scopes]
    access = {"shop": {"name": "acme"}, "currentAppInstallation": {"accessScopes": handles}}
    return web.json_response({"data": access}), web.json_response({"data": EMPTY})


@pytest.mark.parametrize(
    ("days", "scopes", "said", "calls"),
    [
        (61, ("read_orders",), "grant it, or compare a window that begins later", 1),
        (61, ("read_orders", "read_all_orders"), "", 2),
        (59, None, "", 1),
    ],
)
async def test_orders_that_shopify_hides_are_not_taken_for_deleted(
    client: HttpClient, days: int, scopes: tuple[str, ...] | None, said: str, calls: int
) -> None:
    """Without read_all_orders it answers as if there were none older than 60 days: the list is
    absent then, with what to do. A window within them takes no question more."""
    told = answers(*scopes) if scopes is not None else answers()[1:]
    async with stubbed(*told) as stub:
        books = ShopifyBooks(ShopifyGraphql(client, shop_settings(stub.url)), JumpingClock())
        page = await books.page(ORDERS, NOON - timedelta(days=days), NOON, "")
    assert said in page.absent
    assert bool(page.absent) is bool(said)
    assert len(stub.requests) == calls

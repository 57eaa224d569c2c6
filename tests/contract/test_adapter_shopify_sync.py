"""Shopify's channel sync: listing what changed, and subscriptions, against the simulated shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import Retryable, Unauthorised
from adapters.channels.shopify.sync import (
    COUNT_QUERY,
    ORDERS_QUERY,
    SUBSCRIBE_MUTATION,
    SUBSCRIPTIONS_QUERY,
    UPDATE_MUTATION,
    WANTED,
    topic_name,
)
from adapters.kit.http_client import HttpClient
from adapters.kit.sync import MAX_LISTED
from tests.contract.partner_calls import stubbed
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.storefront_calls import shopify_sync
from tests.contract.test_adapter_shopify import schema

BOOK = "/_sim/shops/acme-us.myshopify.com"
ADDRESS = "https://orders.example.com/hooks/acme-us"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.mark.parametrize(
    "document",
    [ORDERS_QUERY, COUNT_QUERY, SUBSCRIPTIONS_QUERY, SUBSCRIBE_MUTATION, UPDATE_MUTATION],
)
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """The queries name only fields and arguments that API 2026-10 has, none of them deprecated."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(document), rules) == []


def test_every_topic_can_be_subscribed() -> None:
    """Each topic with a meaning is one of the schema's, and the input has the fields we send."""
    topics = schema().type_map["WebhookSubscriptionTopic"].values  # type: ignore[attr-defined]  # an enum
    assert {topic_name(topic) for topic in WANTED} <= set(topics)
    assert {"orders/create", "orders/cancelled", "app/uninstalled"} <= set(WANTED)
    assert not [topic for topic in WANTED if topic.endswith("/redact")]
    sent = (
        'mutation { webhookSubscriptionUpdate(id: "gid://x", webhookSubscription: %s) '
        "{ userErrors { message } } }"
    )
    literal = '{uri: "https://x", format: JSON, filter: "", includeFields: []}'
    assert validate(schema(), parse(sent % literal)) == []


async def fill(simulators: Client, count: int) -> None:
    """So many orders in the shop, changed one second after the other from noon on."""
    orders = [
        {"id": 5000 + n, "updated_at": (NOON + timedelta(seconds=n)).isoformat()}
        for n in range(count)
    ]
    answer = await simulators.call("POST", f"{BOOK}/orders", {"orders": orders})
    assert answer.status == 200, answer.text


async def test_what_changed_comes_in_pages(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Every order of the window once, oldest first, in pages; the window's end is left out."""
    await fill(simulators, 2 * MAX_LISTED + 10)
    shop = shopify_sync(client, running.http)
    until, refs, cursor, pages = NOON + timedelta(seconds=2 * MAX_LISTED + 5), [], "", 0
    while True:
        page = await shop.changed_orders(NOON, until, cursor)
        pages += 1
        refs += [one.ref for one in page.orders]
        cursor = page.cursor
        if not cursor:
            break
    assert pages == 3
    assert refs == [str(5000 + n) for n in range(2 * MAX_LISTED + 5)]
    assert page.orders[0].updated_at == "2026-11-24T12:08:20Z"
    assert await shop.count_orders(NOON, until) == len(refs)
    assert (await shop.changed_orders(NOON - HOUR, NOON, "")).orders == ()


async def test_subscriptions_are_made_once_and_made_again(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """What is missing is made; the next look finds all in order; a deleted one is made again."""
    await simulators.call("DELETE", f"{BOOK}/subscriptions")
    shop = shopify_sync(client, running.http)
    first = await shop.keep_subscriptions(ADDRESS)
    assert first.faults == ()
    assert len(first.fixed) == len(WANTED)
    assert (await shop.keep_subscriptions(ADDRESS)).fixed == ()
    for _ in range(8):
        await simulators.call("POST", f"{BOOK}/failed", {"topic": "orders/create"})
    again = await shop.keep_subscriptions(ADDRESS)
    assert again.fixed == ("The subscription to orders/create is made.",)


async def test_a_subscription_that_was_cut_down_is_fixed(client: HttpClient) -> None:
    """One with a filter would bring half of what matters; one of another version is told."""
    nodes: list[Json] = [
        {"id": f"gid://{n}", "topic": topic_name(topic), "uri": ADDRESS, "format": "JSON",
         "apiVersion": {"handle": "2026-10"}} for n, topic in enumerate(WANTED)
    ]  # fmt: skip
    nodes[0]["filter"] = "total_price:>100"
    nodes[1]["apiVersion"] = {"handle": "2026-07"}
    listed: Json = {"webhookSubscriptions": {"nodes": nodes, "pageInfo": {"hasNextPage": False}}}
    fixed: Json = {"webhookSubscriptionUpdate": {"userErrors": []}}
    answers = [web.json_response({"data": one}) for one in (listed, fixed)]
    async with stubbed(*answers) as stub:
        found = await shopify_sync(client, stub.url).keep_subscriptions(ADDRESS)
    assert found.fixed == (f"The subscription to {WANTED[0]} brings whole payloads again.",)
    assert len(found.faults) == 1
    assert "2026-07" in found.faults[0]


async def test_refused_subscriptions_are_told(client: HttpClient) -> None:
    """A topic whose permission is missing becomes a sentence; the others are made all the same."""
    empty: Json = {"webhookSubscriptions": {"nodes": [], "pageInfo": {"hasNextPage": False}}}
    no: Json = {"webhookSubscriptionCreate": {"userErrors": [{"message": "Access denied"}]}}
    yes: Json = {"webhookSubscriptionCreate": {"userErrors": []}}
    said = [empty, no, *[yes] * (len(WANTED) - 1)]
    async with stubbed(*[web.json_response({"data": one}) for one in said]) as stub:
        found = await shopify_sync(client, stub.url).keep_subscriptions(ADDRESS)
    assert len(found.faults) == 1
    assert "Access denied" in found.faults[0]
    assert len(found.fixed) == len(WANTED) - 1


async def test_failures_are_the_partner_s(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Throttling and a refused token raise what every call to a partner raises."""
    shop = shopify_sync(client, running.http)
    await simulators.fault("storefront", "graphql_list", rate_limited_rate=1.0)
    with pytest.raises(Retryable):
        await shop.changed_orders(NOON, NOON + HOUR, "")
    await simulators.fault("storefront", "graphql_subscriptions", unauthorized=True)
    with pytest.raises(Unauthorised):
        await shop.keep_subscriptions(ADDRESS)

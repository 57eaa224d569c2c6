"""What may be sold, told to the simulated shop: compared first, all but what is refused, and never
over a purchase."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import Unauthorised
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.offering import LOOK_QUERY, SET_MUTATION, ShopifyOffering
from adapters.kit.http_client import HttpClient
from adapters.kit.offering import Heard, Offered
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.storefront_calls import shop_settings
from tests.contract.test_adapter_shopify import schema

BOOK = "/_sim/shops/acme-us.myshopify.com"
PLACES = {"east": "1001", "west": "1002"}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


def offering(client: HttpClient, running: Running) -> ShopifyOffering:
    """The shop at the simulators."""
    graphql = ShopifyGraphql(client, shop_settings(running.http))
    return ShopifyOffering(graphql, client.clock, PLACES)


async def given(simulators: Client, *items: Json) -> None:
    """The shop has these articles."""
    answer = await simulators.call("POST", f"{BOOK}/inventory", {"items": list(items)})
    assert answer.status == 200, answer.text


async def shown(simulators: Client, sku: str) -> list[tuple[Json, int]]:
    """Levels of the articles with that SKU, and how often each was set."""
    answer = await simulators.call("GET", f"{BOOK}/inventory")
    return [(one["levels"], one["sets"]) for one in answer.json["items"] if one["sku"] == sku]


@pytest.mark.parametrize("document", [LOOK_QUERY, SET_MUTATION])
def test_queries_are_valid_in_shopify_s_schema(document: str) -> None:
    """They name only fields and arguments that API 2026-10 has, none of them deprecated, and what
    is sent is of the input's type."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(document), rules) == []
    sent = (
        'mutation { inventorySetQuantities(input: {name: "available", reason: "correction", '
        'quantities: [{inventoryItemId: "gid://x", locationId: "gid://y", quantity: 1, '
        'changeFromQuantity: 2}]}) @idempotent(key: "k") { userErrors { message } } }'
    )
    assert validate(schema(), parse(sent), rules) == []


async def test_only_what_differs_is_set(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Each location by itself, every variant with the SKU; what is right already is left alone."""
    await given(
        simulators,
        {"sku": "MUG", "levels": {"1001": 5, "1002": 1}},
        {"sku": "MUG", "levels": {"1001": 9}},
        {"sku": "MUG-2", "levels": {"1001": 3}},
        {"sku": 'A "B"', "levels": {"1001": 3}},
    )
    shop = offering(client, running)
    figures = [
        Offered(place="east", sku="MUG", units=9),
        Offered(place="west", sku="MUG", units=0),
        Offered(place="east", sku="MUG-2", units=3),
        Offered(place="east", sku='A "B"', units=4),
    ]
    heard = await shop.tell(figures)
    assert [one.outcome for one in heard] == ["told", "told", "same", "told"]
    assert await shown(simulators, "MUG") == [({"1001": 9, "1002": 0}, 2), ({"1001": 9}, 0)]
    assert await shown(simulators, "MUG-2") == [({"1001": 3}, 0)]
    assert await shown(simulators, 'A "B"') == [({"1001": 4}, 1)]
    assert [one.outcome for one in await shop.tell(figures)] == ["same"] * 4
    # The same change once more is another one, not a repeat of the first.
    await shop.tell([Offered(place="east", sku="MUG-2", units=2)])
    await shop.tell([Offered(place="east", sku="MUG-2", units=3)])
    await shop.tell([Offered(place="east", sku="MUG-2", units=2)])
    assert await shown(simulators, "MUG-2") == [({"1001": 2}, 3)]


async def test_a_purchase_in_between_is_not_undone(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The figure that changed after it was looked at is left for later; the others are told."""
    await given(
        simulators,
        {"sku": "BOUGHT", "levels": {"1001": 5}, "sells_after_look": 1},
        {"sku": "CALM", "levels": {"1001": 5}},
    )
    figures = [Offered(place="east", sku=sku, units=7) for sku in ("BOUGHT", "CALM")]
    shop = offering(client, running)
    assert [one.outcome for one in await shop.tell(figures)] == ["stale", "told"]
    assert await shown(simulators, "BOUGHT") == [({"1001": 4}, 0)]
    assert [one.outcome for one in await shop.tell(figures)] == ["told", "same"]


async def test_what_the_shop_does_not_stock_is_named(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """No such variant, none at this location, and a place without a location each have their
    sentence."""
    await given(simulators, {"sku": "ELSEWHERE", "levels": {"1001": 5}})
    await given(simulators, {"sku": "LOOSE", "levels": {}, "tracked": False})
    wanted = [("west", "ELSEWHERE"), ("east", "NOWHERE"), ("east", "LOOSE"), ("pop-up", "X")]
    figures = [Offered(place=place, sku=sku, units=1) for place, sku in wanted]
    assert await offering(client, running).tell(figures) == [
        Heard(
            outcome="unknown",
            why="Shopify does not stock ELSEWHERE at this location: activate it there.",
        ),
        Heard(outcome="unknown", why="Shopify has no variant with the SKU NOWHERE."),
        Heard(
            outcome="unknown",
            why="Shopify does not track the stock of LOOSE: switch it on there.",
        ),
        Heard(
            outcome="unknown",
            why="The shop has no location for the place pop-up: add it to stock_locations.",
        ),
    ]


async def test_without_the_scope_it_is_said(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The error names the scope that the app lacks."""
    await given(simulators, {"sku": "SCOPED", "levels": {"1001": 5}})
    told = {"client_id": "", "client_secret": "", "scopes": ["read_products"]}
    await simulators.call("POST", f"{BOOK}/app", told)
    try:
        with pytest.raises(Unauthorised, match="write_inventory"):
            await offering(client, running).tell([Offered(place="east", sku="SCOPED", units=7)])
    finally:
        await simulators.call("POST", f"{BOOK}/app", {**told, "scopes": []})

"""What may be sold, told to the simulated BigCommerce store: compared first, all but what is
refused, and by the requests that BigCommerce describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jsonschema import Draft4Validator

from actors.runtime.errors import Unauthorised
from adapters.channels.bigcommerce.api import BigCommerceApi
from adapters.channels.bigcommerce.kind import KIND
from adapters.channels.bigcommerce.offering import REASON, BigCommerceOffering
from adapters.channels.bigcommerce.settings import BigCommerceSettings
from adapters.kit.http_client import HttpClient
from adapters.kit.offering import Heard, Offered, Offers
from adapters.kit.secret import Secret
from tests.bigcommerce_payloads import STORE, description
from tests.contract.simulated import Client, Json, Running, started
from tests.contract.storefront_calls import store_settings

BOOK = f"/_sim/bigcommerce/{STORE}"
PLACES = {"east": 1, "west": 2, "south": 99}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture
def shop(client: HttpClient, running: Running) -> BigCommerceOffering:
    """The store at the simulators."""
    api = BigCommerceApi(client, store_settings(running.http))
    return BigCommerceOffering(api, PLACES)


async def given(simulators: Client, *items: Json) -> None:
    """The store has these items, at two locations."""
    told = {"locations": [1, 2], "items": list(items)}
    answer = await simulators.call("POST", f"{BOOK}/inventory", told)
    assert answer.status == 200, answer.text


async def shown(simulators: Client) -> Json:
    """What the store has, and how often it was set."""
    return (await simulators.call("GET", f"{BOOK}/inventory")).json


def test_the_adjustment_is_one_that_bigcommerce_describes() -> None:
    """Its items name a location, a SKU and a quantity, and nothing else."""
    schema = description("inventory.v3.yml")["components"]["schemas"]["AdjustmentsAbsoluteRequest"]
    body = {"reason": REASON, "items": [{"location_id": 1, "sku": "RE-130", "quantity": 10}]}
    assert list(Draft4Validator(schema).iter_errors(body)) == []
    (named,) = [
        one for one in schema["properties"]["items"]["items"]["oneOf"] if "sku" in one["properties"]
    ]
    assert set(body["items"][0]) == set(named["properties"])


async def test_only_what_differs_is_set(simulators: Client, shop: BigCommerceOffering) -> None:
    """Each location by itself; the store's own safety stock lies on top of what may be sold."""
    await given(
        simulators,
        {"sku": "MUG", "levels": {"1": 5, "2": 1}},
        {"sku": "CUP", "levels": {"1": 9}},
        {"sku": "SAFE", "levels": {"1": 5}, "safety": 2},
    )
    figures = [
        Offered(place="east", sku="MUG", units=9),
        Offered(place="west", sku="MUG", units=0),
        Offered(place="east", sku="CUP", units=9),
        Offered(place="east", sku="SAFE", units=6),
    ]
    heard = await shop.tell(figures)
    assert [one.outcome for one in heard] == ["told", "told", "same", "told"]
    found = await shown(simulators)
    assert found["MUG"] == {"levels": {"1": 9, "2": 0}, "sets": 2}
    assert found["CUP"]["sets"] == 0
    assert found["SAFE"] == {"levels": {"1": 8}, "sets": 1}
    assert [one.outcome for one in await shop.tell(figures)] == ["same"] * 4


async def test_one_that_is_refused_keeps_no_other_from_being_told(
    simulators: Client, shop: BigCommerceOffering
) -> None:
    """BigCommerce refuses an adjustment as a whole; the others are sent again without it."""
    skus = [f"BULK-{n}" for n in range(9)]
    items: list[Json] = [{"sku": sku, "levels": {"1": 5}} for sku in skus]
    items[4]["tracked_by_product"] = True
    await given(simulators, *items)
    heard = await shop.tell([Offered(place="east", sku=sku, units=7) for sku in skus])
    assert [one.outcome for one in heard] == ["told"] * 4 + ["refused"] + ["told"] * 4
    assert "please update stock by product id" in heard[4].why


async def test_what_the_store_does_not_stock_is_named(
    simulators: Client, shop: BigCommerceOffering
) -> None:
    """No such item, no such location, a place without one, and a SKU that can't be asked for."""
    await given(simulators, {"sku": "HERE", "levels": {"1": 5}})
    wanted = [("west", "HERE"), ("south", "HERE"), ("pop-up", "HERE"), ("east", "A,B")]
    figures = [Offered(place=place, sku=sku, units=1) for place, sku in wanted]
    assert await shop.tell(figures) == [
        Heard(
            outcome="unknown",
            why="BigCommerce has no item with the SKU HERE at this location whose stock it tracks.",
        ),
        Heard(
            outcome="unknown",
            why="BigCommerce has no location 99 in this store: correct stock_locations.",
        ),
        Heard(
            outcome="unknown",
            why="The store has no location for the place pop-up: add it to stock_locations.",
        ),
        Heard(
            outcome="refused",
            why="BigCommerce separates SKUs by commas, and A,B has one: give it another SKU there.",
        ),
    ]


async def test_a_made_up_token_tells_nothing(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """The store refuses it, and nothing is changed."""
    await given(simulators, {"sku": "KEPT", "levels": {"1": 5}})
    api = BigCommerceApi(client, store_settings(running.http, token="wrong"))
    with pytest.raises(Unauthorised):
        await BigCommerceOffering(api, PLACES).tell([Offered(place="east", sku="KEPT", units=1)])
    assert (await shown(simulators))["KEPT"] == {"levels": {"1": 5}, "sets": 0}


def test_it_is_off_unless_locations_are_named() -> None:
    """The channel's settings say what is told."""
    channel = KIND.channel
    assert channel is not None
    assert channel.offers is not None
    settings = BigCommerceSettings(
        kind="bigcommerce",
        store_hash="abc123",
        access_token=Secret("t"),
        webhook_secrets=(Secret("a secret of the shop"),),
        stock_locations={"east": 1},
        stock_buffer=2,
    )
    assert channel.offers(settings) == Offers(places=("east",), buffer=2, every_seconds=60.0)
    assert channel.offers(store_settings("http://x")) is None

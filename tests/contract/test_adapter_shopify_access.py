"""Shopify: the app's tokens, what it may do, and the API version that it is answered in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from graphql import parse, specified_rules, validate
from graphql.validation import NoDeprecatedCustomRule

from actors.runtime.errors import Rejected, Unauthorised
from actors.runtime.partner import Call
from adapters.channels.shopify.graphql import ShopifyGraphql
from adapters.channels.shopify.probe import ACCESS_QUERY, probe
from adapters.channels.shopify.scopes import FEATURES, Feature, missing
from adapters.channels.shopify.settings import ShopifySettings
from adapters.channels.shopify.storefront import ShopifyStorefront
from adapters.channels.shopify.sync import WANTED, ShopifySync
from adapters.kit.http_client import HttpClient
from adapters.kit.instance import Kit
from adapters.kit.secret import Secret
from schemas.messages.effects import CancelAtChannel
from service.app.sessions import NoStream
from service.wiring.partners import NoEvents
from tests.contract.partner_calls import TestClock, a_call, http_client
from tests.contract.simulated import ROOT, Client, Running, spec, started
from tests.contract.storefront_calls import shop_settings
from tests.contract.test_adapter_shopify import schema
from tests.orders import an_order
from tests.waiting import eventually

BOOK = "/_sim/shops/acme-us.myshopify.com"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Any: settings are of several types, and a test changes one of them.
OF_AN_APP: dict[str, Any] = {
    "access_token": None,
    "client_id": "the app",
    "client_secret": Secret("its secret"),
}
ALL = [one.scopes[0] for one in FEATURES]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The simulators, for all tests of this file."""
    with started() as found:
        yield found


@pytest.fixture(autouse=True)
async def shop(simulators: Client) -> None:
    """The app of each test, whatever the last one changed."""
    await configured(simulators, scopes=ALL, version="", seconds=86_399)
    await simulators.call("DELETE", f"{BOOK}/tokens")


async def configured(simulators: Client, **changes: object) -> None:
    """The simulated shop knows the app, and does as told."""
    told = {"client_id": "the app", "client_secret": "its secret", **changes}
    answer = await simulators.call("POST", f"{BOOK}/app", told)
    assert answer.status == 200, answer.text


def of_an_app(running: Running, **changes: Any) -> ShopifySettings:
    """Settings with the app's credentials."""
    return shop_settings(running.http, **{**OF_AN_APP, **changes})


async def listed(client: HttpClient, settings: ShopifySettings) -> None:
    """One question, which any app may ask that reads orders."""
    sync = ShopifySync(ShopifyGraphql(client, settings))
    await sync.changed_orders(NOON, NOON + timedelta(hours=1), "")


async def tokens_given(simulators: Client) -> int:
    """How many tokens the shop has given since they were last deleted."""
    found = await simulators.call("GET", f"{BOOK}/tokens")
    count = found.json["tokens"]
    assert isinstance(count, int)
    return count


async def test_one_token_serves_the_whole_shop(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Calls, comparing and probing at the same time fetch one token for a day, not each its own."""
    settings = of_an_app(running)
    storefront, call = ShopifyStorefront(client, settings), a_cancel()
    asked = [listed(client, settings) for _ in range(10)]
    await asyncio.gather(*asked, *(storefront.look_up(call) for _ in range(10)))
    await probe(settings, kit(client))
    assert await tokens_given(simulators) == 1


def a_cancel() -> Call:
    """An order that was not cancelled."""
    return a_call(CancelAtChannel(reason="customer", restock=True), an_order(ref="5550009"))


async def test_a_token_is_renewed_before_its_day_ends(simulators: Client, running: Running) -> None:
    """A day later the shop still answers, and has given a second token meanwhile."""
    clock = TestClock()
    async with http_client(clock) as client:
        settings = of_an_app(running)
        await listed(client, settings)
        clock.ahead += 86_399 - 60
        await listed(client, settings)

        async def renewed() -> bool:
            return await tokens_given(simulators) == 2

        await eventually(renewed)
        clock.ahead += 60
        await listed(client, settings)
        assert await tokens_given(simulators) == 2
        await ShopifyStorefront(client, settings).close()


async def test_a_token_that_the_shop_ended_is_replaced_once(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """A 401 brings a new token and one repeat; the order's call never hears of it."""
    settings = of_an_app(running)
    await listed(client, settings)
    await simulators.call("DELETE", f"{BOOK}/tokens")
    await listed(client, settings)
    assert await tokens_given(simulators) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_secret": Secret("an old one")}, "invalid_client"),
        ({"client_id": "another app"}, "application_cannot_be_found"),
    ],
)
async def test_a_refused_app_is_told_in_the_shop_s_words(
    client: HttpClient, running: Running, changes: dict[str, Any], words: str
) -> None:
    """Which of the two is wrong stands in the error, and the secret does not."""
    with pytest.raises(Unauthorised, match=words) as caught:
        await listed(client, of_an_app(running, **changes))
    assert "old one" not in str(caught.value)


async def test_a_static_token_is_none_of_the_app_s(client: HttpClient, running: Running) -> None:
    """Where an app is known, a token that it was not given is refused."""
    with pytest.raises(Unauthorised):
        await listed(client, shop_settings(running.http))


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"client_id": "a"},
        {"access_token": None, "client_id": "a"},
        {"access_token": None, "client_secret": Secret("s")},
        {"client_id": "a", "client_secret": Secret("s")},
    ],
)
def test_half_a_credential_or_two_are_refused(changes: dict[str, Any]) -> None:
    """Either an app's two parts or a token: anything else is said at once."""
    with pytest.raises(ValueError, match="client_id and client_secret"):
        shop_settings("http://nowhere", **changes)


async def test_the_configured_version_is_spoken(client: HttpClient, running: Running) -> None:
    """`api_version` is in the address; one that the shop does not have in any form is refused."""
    settings = of_an_app(running, api_version="2026-07")
    graphql = ShopifyGraphql(client, settings)
    await ShopifySync(graphql).count_orders(NOON, NOON + timedelta(hours=1))
    assert (graphql.version, graphql.answered_in) == ("2026-07", "")
    assert "API version 2026-07" in await probe(settings, kit(client))
    with pytest.raises(Rejected, match="HTTP 404"):
        await listed(client, of_an_app(running, api_version="2026-08"))


async def test_an_answer_in_another_version_is_seen(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Shopify answers in its oldest version when ours has ended: sync and probe say so, and no more
    once it is right again."""
    settings = of_an_app(running)
    sync = ShopifySync(ShopifyGraphql(client, settings))
    await configured(simulators, version="2027-01")
    await sync.count_orders(NOON, NOON + timedelta(hours=1))
    assert "answers in API version 2027-01, and 2026-10 was asked for" in sync.drift
    with pytest.raises(Rejected, match="answers in API version 2027-01"):
        await probe(settings, kit(client))
    await configured(simulators, version="")
    await sync.count_orders(NOON, NOON + timedelta(hours=1))
    assert sync.drift == ""


@pytest.mark.parametrize("lacking", [one for one in FEATURES if not one.spare])
async def test_a_missing_permission_is_named(
    client: HttpClient, simulators: Client, running: Running, lacking: Feature
) -> None:
    """`doctor` names each scope that a feature in use lacks, and what does not work without it."""
    scope = lacking.scopes[0]
    action, _, thing = scope.partition("_")
    lost = {*lacking.scopes} | ({f"write_{thing}"} if action == "read" else set())
    translation = msgspec.structs.replace(
        shop_settings("http://nowhere").translation, fulfillment_services=("ours",)
    )
    await configured(simulators, scopes=[one for one in ALL if one not in lost])
    settings = of_an_app(running, translation=translation, stock_locations={"main": "1001"})
    with pytest.raises(Rejected, match=scope):
        await probe(settings, kit(client))


async def test_what_no_order_needs_is_only_told(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """Without the scopes of rare things the shop is all right, and they are named."""
    spare = [one.scopes[0] for one in FEATURES if one.spare]
    await configured(simulators, scopes=[one for one in ALL if one not in spare])
    found = await probe(of_an_app(running), kit(client))
    assert all(scope in found for scope in spare)
    await configured(simulators, scopes=ALL)
    assert "not granted" not in await probe(of_an_app(running), kit(client))


async def test_a_denied_call_names_the_scope(
    client: HttpClient, simulators: Client, running: Running
) -> None:
    """What the shop says of a permission stands in the error of the call that needed it."""
    await configured(simulators, scopes=["write_customers"])
    with pytest.raises(Unauthorised, match="read_orders"):
        await listed(client, of_an_app(running))


def test_writing_includes_reading() -> None:
    """Shopify lists `write_orders` alone for an app that may do both."""
    settings = shop_settings("http://nowhere")
    held = [f"write_{one.partition('_')[2]}" for one in ALL]
    assert missing(held, settings) == []
    assert [one.scopes[0] for one in missing(["write_orders"], settings)][:1] == [
        "write_merchant_managed_fulfillment_orders"
    ]


def test_every_subscribed_topic_is_allowed_by_a_listed_scope() -> None:
    """Shopify's own descriptions say which scopes each topic needs: one of them is in the list."""
    spec("shopify", "webhooks")
    listed = {scope.partition("_")[2] for one in FEATURES for scope in one.scopes}
    found = {}
    for topic in WANTED:
        path = spec("shopify", "webhooks") / f"{topic.replace('/', '.')}.meta.json"
        if path.exists():
            found[topic] = set(json.loads(path.read_text()).get("access_scopes") or ())
    assert len(found) > 30
    assert {topic: needs for topic, needs in found.items() if needs and not needs & listed} == {}


def test_the_scopes_stand_in_the_docs() -> None:
    """Whoever sets an app up finds every scope there, with the words that `doctor` has for it."""
    text = (ROOT / "docs" / "channels.md").read_text()
    for one in FEATURES:
        scopes = " or ".join(f"`{scope}`" for scope in one.scopes)
        assert f"| {scopes} | {one.words} |\n" in text


def test_the_probe_is_valid_in_shopify_s_schema() -> None:
    """The query names only fields that API 2026-10 has, none of them deprecated."""
    rules = [*specified_rules, NoDeprecatedCustomRule]
    assert validate(schema(), parse(ACCESS_QUERY), rules) == []


def kit(client: HttpClient) -> Kit:
    """What a probe is made of."""
    return Kit(
        name="acme-us",
        keys={},
        client=client,
        clock=client.clock,
        intake=NoStream(),
        events=NoEvents(),
    )

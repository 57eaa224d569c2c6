"""A BigCommerce store that sends light webhooks, keeps silent, and switches a webhook off: a
running service fetches its orders, ships each once, and finds what was missed."""

from __future__ import annotations

import asyncio
import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.channels.bigcommerce.source import SECRET_HEADER
from adapters.channels.bigcommerce.sync import WANTED
from service.demo.world import ERP, toml
from tests.bigcommerce_payloads import STORE, Json, a_bundle, a_hook, a_product, an_order
from tests.e2e.world import PATIENT, World
from tests.integration.channels import cli
from tests.integration.servers import temporary_home
from tests.waiting import eventually

CHANNEL = "acme-bc"
BOOK = f"/_sim/bigcommerce/{STORE}"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service with this channel alone, and its partners."""
    with temporary_home() as home, ExitStack() as stack:
        made = World(home, stack)

        async def start() -> None:
            await made.start_partners(pace=PATIENT)
            _configure(made)
            made.start_service()
            await made.ready()
            await made.seed_stock()

        try:
            asyncio.run(start())
            yield made
        finally:
            asyncio.run(made.kill_all())


def _configure(world: World) -> None:
    table = tomllib.loads(world.config.read_text())
    table["listen"]["public_url"] = world.url
    table["limits"] = {"drain_seconds": 2.0, "incident_quiet_seconds": 10.0}
    table["channels"] = {
        CHANNEL: {
            "kind": "bigcommerce",
            "api_base_url": f"{world.partners.http}/bigcommerce",
            "access_token": "the token of the store",
            "webhook_secrets": [world.partners.webhook_secret],
            "store_hash": STORE,
            "calls": table["partners"][ERP]["calls"],
            "backfill_seconds": 1.0,
            "backfill_grace_seconds": 1.0,
            "subscriptions_seconds": 1.0,
        }
    }
    world.config.write_text(toml(table))


def a_stocked(ref: int, status_id: int = 11) -> Json:
    """Return an order of now, of articles that are on the shelf."""
    products = [
        a_product(ref * 10 + n, price, quantity, sku=f"SKU-00{n}")
        for n, (price, quantity) in enumerate((("10.0000", 2), ("5.5000", 1)), 1)
    ]
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
    order = an_order(id=ref, status_id=status_id, date_created=now, date_modified=now)
    return a_bundle(order, products=products)


async def put(world: World, *bundles: Json, tell: bool) -> None:
    """Put orders into the store, which tells of them, once the service has asked it to, or keeps
    silent."""
    if tell:
        await eventually(lambda: subscribed(world), 30.0)
    await world.ask("POST", f"{BOOK}/orders", {"orders": list(bundles), "tell": tell})


async def send(world: World, hook: Json, secret: str) -> int:
    """Deliver a webhook as BigCommerce does; return the status it is answered with."""
    timeout = aiohttp.ClientTimeout(total=20.0)
    headers = {SECRET_HEADER: secret, "Content-Type": "application/json"}
    url = f"{world.url}/hooks/{CHANNEL}"
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=json.dumps(hook), headers=headers) as answer,
    ):
        return answer.status


async def stages(world: World, refs: list[str]) -> dict[str, str]:
    """Where orders stand."""
    rows = await world.rows("SELECT ref, stage FROM orders WHERE ref = ANY($1)", refs)
    return {row["ref"]: row["stage"] for row in rows}


async def until_closed(world: World, refs: list[str]) -> None:
    """Wait until all of them are closed and nothing of them is under way."""

    async def closed() -> bool:
        found = await stages(world, refs)
        return len(found) == len(refs) and set(found.values()) == {"closed"}

    try:
        await eventually(closed, 60.0)
    except AssertionError:
        rows = await world.rows(
            "SELECT ref, stage, waiting_for FROM orders WHERE ref = ANY($1)", refs
        )
        raise AssertionError([tuple(row) for row in rows]) from None


async def events(world: World, ref: str) -> Counter[str]:
    """How often each type of event happened to an order."""
    rows = await world.rows(
        "SELECT e.type FROM events e JOIN orders o ON o.order_id = e.order_id WHERE o.ref = $1",
        ref,
    )
    return Counter(row["type"] for row in rows)


async def subscribed(world: World) -> bool:
    """Whether every webhook is there and on."""
    hooks = (await world.ask("GET", f"{BOOK}/hooks"))["hooks"]
    return {one["scope"] for one in hooks if one["is_active"]} == set(WANTED)


async def incident(world: World, category: str) -> dict[str, Any]:
    """How an incident stands; empty for one that never was."""
    rows = await world.rows("SELECT * FROM incidents WHERE category = $1", category)
    return dict(rows[0]) if rows else {}


async def test_light_webhooks_become_orders_that_are_shipped_once(world: World) -> None:
    """Webhooks come from the store itself, and again from elsewhere, repeated and shuffled: each
    order is placed once, shipped once, and its echo changes nothing."""
    await eventually(lambda: subscribed(world), 30.0)
    numbers = list(range(701, 713))
    refs = [str(number) for number in numbers]
    hooks = [
        a_hook(scope, number)
        for number in numbers
        for scope in ("store/order/created", "store/order/updated", "store/order/statusUpdated")
    ] * 3
    random.Random(5).shuffle(hooks)
    await put(world, *(a_stocked(number) for number in numbers), tell=True)
    secret = world.partners.webhook_secret
    answers = [await send(world, hook, secret) for hook in hooks]
    assert Counter(answers) == {200: len(hooks)}
    await until_closed(world, refs)
    made = await world.ask("GET", f"{BOOK}/shipments")
    assert {ref: len(made[ref]) for ref in refs} == dict.fromkeys(refs, 1)
    assert made[refs[0]][0]["items"] == [
        {"order_product_id": 7011, "quantity": 2},
        {"order_product_id": 7012, "quantity": 1},
    ]
    statuses = await world.ask("GET", f"{BOOK}/statuses")
    assert {statuses[ref] for ref in refs} == {2}
    shipped = [one["reference"] for one in await world.ledger() if one["kind"] == "fulfilment"]
    assert sorted(shipped) == refs

    # The store tells of our own shipment, too. Its messages are taken, and are an echo.
    async def all_told() -> bool:
        return await world.messages() == 0

    await eventually(all_told, 30.0)
    for ref in refs:
        found = await events(world, ref)
        assert found["order.placed.v2"] == 1
        assert found["order.held.v2"] == found["order.changed.v1"] == 0
        assert found["fulfilment.handed_over.v1"] == 1
    # The answer to each question is one message, however often it came.
    rows = await world.rows(
        "SELECT o.ref, count(*) AS messages FROM inbox i JOIN orders o ON o.order_id = i.order_id"
        " WHERE i.input_id LIKE '%/update/%' AND o.ref = ANY($1) GROUP BY o.ref",
        refs,
    )
    assert {row["ref"] for row in rows} == set(refs)
    questions = await world.rows(
        "SELECT o.ref, count(*) AS asked FROM effects e JOIN orders o ON o.order_id = e.order_id"
        " WHERE e.kind = 'storefront.fetch_order.v1' AND o.ref = ANY($1) GROUP BY o.ref",
        refs,
    )
    asked = {row["ref"]: row["asked"] for row in questions}
    assert all(row["messages"] <= asked[row["ref"]] for row in rows)
    assert await world.quarantined() == []


async def test_a_pickup_waits_for_its_customer_in_the_store_and_holds_nothing(
    world: World,
) -> None:
    """The store is told when it is packed; its own news of that status comes back, and the order
    goes on until the customer has it."""
    bundle = a_stocked(341)
    bundle["shipping_addresses"] = []
    for product in bundle["products"]:
        product |= {"order_pickup_method_id": 3, "order_address_id": 0}
    await put(world, bundle, tell=True)
    await until_closed(world, ["341"])
    told = await events(world, "341")
    assert told["fulfilment.ready_told.v1"] == 1
    assert not [name for name in told if name.startswith("order.held") or "label" in name]
    assert (await world.ask("GET", f"{BOOK}/statuses"))["341"] == 10


async def test_a_forged_webhook_is_refused(world: World) -> None:
    """Without our secret no one makes us ask the store."""
    assert await send(world, a_hook("store/order/created", 799), "a secret of somebody else") == 401
    assert await stages(world, ["799"]) == {}


async def test_a_checkout_that_is_not_completed_waits(world: World) -> None:
    """It is expected and no order; when the shopper has paid, it is one and goes its way."""
    await put(world, a_stocked(720, status_id=0), tell=True)

    async def waits() -> bool:
        rows = await world.rows("SELECT stage, waiting_for FROM orders WHERE ref = '720'")
        return (
            bool(rows) and rows[0]["stage"] == "expected" and "checkout" in rows[0]["waiting_for"]
        )

    await eventually(waits, 30.0)
    await put(world, a_stocked(720), tell=True)
    await until_closed(world, ["720"])
    assert (await events(world, "720"))["order.held.v2"] == 0


async def test_an_order_that_no_one_told_of_is_found(world: World) -> None:
    """The comparison finds it, counts it as missed, and it is shipped like any other."""
    await put(world, a_stocked(730), tell=False)
    await until_closed(world, ["730"])

    async def counted() -> bool:
        return bool(await incident(world, "orders_missed"))

    await eventually(counted, 30.0)
    shipped = [one["reference"] for one in await world.ledger() if one["kind"] == "fulfilment"]
    assert shipped.count("730") == 1


async def test_a_webhook_that_was_switched_off_is_switched_on(world: World) -> None:
    """After too many failures BigCommerce stops sending; the incident opens, and it sends again."""
    assert await incident(world, "subscription_missing") == {}
    dead = {"scope": "store/order/created", "times": 12}
    await world.ask("POST", f"{BOOK}/failed", dead)

    async def opened() -> bool:
        return bool(await incident(world, "subscription_missing"))

    await eventually(opened, 30.0)
    await eventually(lambda: subscribed(world), 30.0)
    await put(world, a_stocked(740), tell=True)
    await until_closed(world, ["740"])


async def test_an_order_waits_for_mappings_and_is_shipped_as_the_store_knows_it(
    world: World, tmp_path: Path
) -> None:
    """A set and a way of shipping that no table has: the order waits, with an incident for each,
    and goes on by itself. The store is told of its set, the warehouse of what is in it."""
    tables: dict[str, Json] = {
        "skus": {"known": ["SKU-002"]},
        "shipping_methods": {"known": ["Standard"]},
    }
    await load_mappings(world, tmp_path, tables, "closed tables")
    try:
        await eventually(lambda: subscribed(world), 30.0)
        order = a_stocked(750)
        order["products"][0]["sku"] = "SET"
        await put(world, order, tell=True)

        async def waits() -> bool:
            named = ("sku_unmapped", "shipping_method_unmapped")
            found = [await incident(world, one) for one in named]
            return [one.get("waiting") for one in found] == [1, 1]

        await eventually(waits, 30.0)
        assert await stages(world, ["750"]) == {"750": "placed"}
        told = cli(world, "mappings", "waiting")
        for missing in ("the SKU 'SET'", "the shipping method 'Fixed Shipping'"):
            assert missing in told
        tables["bundles"] = {
            "SET": {"components": [{"sku": "SKU-001", "quantity": 3}, {"sku": "SKU-003"}]}
        }
        tables["shipping_methods"]["codes"] = {"Fixed Shipping": "Standard"}
        await load_mappings(world, tmp_path, tables, "the set is new")
        await until_closed(world, ["750"])
    finally:
        await load_mappings(world, tmp_path, {}, "the test ends")
    (shipment,) = (await world.ask("GET", f"{BOOK}/shipments"))["750"]
    assert shipment["items"] == [
        {"order_product_id": 7501, "quantity": 2},
        {"order_product_id": 7502, "quantity": 1},
    ]
    rows = await world.rows(
        "SELECT body FROM events WHERE type = 'order.normalised.v2' AND order_id ="
        " (SELECT order_id FROM orders WHERE ref = '750') ORDER BY position DESC LIMIT 1"
    )
    lines = json.loads(rows[0]["body"])["lines"]
    assert [tuple(one[1:3]) for one in lines] == [
        ("SKU-001", 6),
        ("SKU-003", 2),
        ("SKU-002", 1),
    ]


async def load_mappings(world: World, folder: Path, tables: Json, reason: str) -> None:
    """Put tables in place for the channel by command line (none at all where there are none), and
    wait until the service has them."""
    file = folder / "mappings.json"
    file.write_text(json.dumps({"channels": {CHANNEL: tables} if tables else {}}))
    said = cli(world, "mappings", "load", str(file), "--reason", reason)
    (version,) = re.findall(r"Version (\d+) ", said)

    async def in_use() -> bool:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session,
            session.get(f"{world.url}/metrics") as answer,
        ):
            return f"orderwright_mappings_version {version}.0" in await answer.text()

    await eventually(in_use, 20.0)

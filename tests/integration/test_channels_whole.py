"""A shop that keeps silent about some orders and deletes subscriptions: a running service finds
exactly what was missed, brings it to its end, and says so by command line, API, metrics and
incidents."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from ops.simulators.storefront import Moment, Recipe, payload
from schemas.order.ids import order_id_for
from tests.e2e.world import SHOP, World
from tests.integration.channels import BOOK, api, cli, comparing, deliver, events_of, incident, job
from tests.waiting import eventually

OTHER = "wholesale"
"""A channel of the kind canonical: it has has no API."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service that compares every second, and its partners."""
    with comparing(OTHER) as made:
        yield made


async def test_missed_orders_are_found_exactly(world: World) -> None:
    """Of orders whose webhooks were never sent each is found once, and no other is; each is fetched
    and fulfilled once, and what the shop sends of it afterwards changes nothing."""
    words = ("--drop", "0.3", "--cancel", "0.2", "--bad", "0.1", "--book", world.partners.http)
    child, report = world.start_shop(*words, orders=60, rate=0.0, seed=41, first_number=9001)

    def written() -> bool:
        return report.exists()

    await eventually(written, 60.0)
    child.stop()
    sent = json.loads(report.read_text())["refs"]
    dropped = [one for one in sent if one["dropped"]]
    refs = {one["ref"].rpartition("/")[2] for one in dropped}
    assert 5 < len(refs) < 40

    async def found() -> bool:
        return bool((await job(world, "backfill")).get("missed", 0) >= len(refs))

    await eventually(found, 60.0)

    # What is not ours yet is named by a comparison that only looks; nothing else is.
    window = ("--from", f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")
    why = ("--reason", "a test", "--dry-run", "--json")
    named = set(json.loads(cli(world, "channels", "backfill", SHOP, *window, *why))["refs"])
    ours = {row["ref"] for row in await world.rows("SELECT ref FROM orders")}
    assert named <= refs <= named | ours
    last = await job(world, "backfill")
    assert last["missed"] == len(refs)
    assert last["good"]

    async def opened() -> bool:
        return (await incident(world, "orders_missed")).get("occurrences") == len(refs)

    await eventually(opened, 30.0)
    async with aiohttp.ClientSession() as session:
        text = await (await session.get(f"{world.url}/metrics")).text()
    counted = f'orderwright_channel_orders_missed_total{{channel="{SHOP}"}} {float(len(refs))}'
    assert counted in text
    # What came and was refused is in quarantine under its order, so it is not missed.
    malformed = {one["ref"].rpartition("/")[2] for one in sent if one["bad"] and not one["dropped"]}
    kept = await world.rows("SELECT ref FROM quarantine WHERE kind = 'place'")
    assert len(malformed) > 1
    assert {row["ref"] for row in kept} == malformed
    await world.until_final()
    await fulfilled_once(world, dropped)
    await late_webhooks_change_nothing(world, dropped)


async def fulfilled_once(world: World, dropped: Sequence[dict[str, Any]]) -> None:
    """What the shop sold is with the customer, once; what it had cancelled was never begun."""
    sold = {one["ref"] for one in dropped if not one["cancelled"]}
    assert 0 < len(sold) < len(dropped)
    stages = {
        f"gid://shopify/Order/{row['ref']}": row["stage"]
        for row in await world.rows("SELECT ref, stage FROM orders")
    }
    assert {ref for ref in sold if stages[ref] == "closed"} == sold
    assert all(stages[one["ref"]] == "cancelled" for one in dropped if one["cancelled"])
    done = Counter((one["kind"], one["reference"]) for one in await world.ledger())
    assert {done["fulfilment", ref] for ref in sold} == {1}
    assert not any(done["fulfilment", one["ref"]] for one in dropped if one["cancelled"])
    assert max(done.values()) == 1
    placed = await world.rows("SELECT order_id FROM events WHERE type = 'order.placed.v2'")
    assert len(placed) == len(set(placed))


async def late_webhooks_change_nothing(world: World, dropped: Sequence[dict[str, Any]]) -> None:
    """Days later the shop sends what it should have sent: no event, nothing aside, nothing done."""
    refs = [one["ref"].rpartition("/")[2] for one in dropped if not one["cancelled"]]
    before, quarantined = await events_of(world, refs), len(await world.quarantined())
    done = len(await world.ledger())
    taken = len(await world.rows("SELECT FROM inbox"))
    for one in dropped:
        if not one["cancelled"]:
            number = int(one["name"].removeprefix("#"))
            body = payload(Recipe(seed=41, shop=f"{SHOP}.myshopify.com"), number, Moment())
            assert await deliver(world, "orders/create", body, f"late-{number}") == 200

    async def all_taken() -> bool:
        return len(await world.rows("SELECT FROM inbox")) >= taken + len(refs)

    await eventually(all_taken, 30.0)
    assert await events_of(world, refs) == before
    assert len(await world.quarantined()) == quarantined
    assert len(await world.ledger()) == done


async def test_reading_a_known_order_again_changes_nothing(world: World) -> None:
    """An order that waits for its payment is fetched on a person's word and stays as it is; fetched
    again because of news of an edit, it is what the shop says now."""
    recipe = Recipe(seed=42, shop=f"{SHOP}.myshopify.com")
    body, ref = payload(recipe, 7, Moment(paid=False)), str(recipe.order_id(7))
    known: dict[str, Any] = {
        "id": int(ref),
        "updated_at": Moment().updated_at,
        "order": json.loads(body),
    }
    await world.ask("POST", f"{BOOK}/orders", {"orders": [known]})
    assert await deliver(world, "orders/create", body, "pending-7") == 200

    async def types() -> list[str]:
        rows = await world.rows(
            "SELECT e.type FROM events e JOIN orders o USING (order_id) WHERE o.ref = $1"
            " ORDER BY e.version",
            ref,
        )
        return [row["type"] for row in rows]

    async def placed() -> bool:
        return "order.placed.v2" in await types()

    await eventually(placed, 30.0)
    before = await types()
    cli(world, "channels", "reimport", SHOP, ref, "--reason", "the customer asks")

    async def answered() -> bool:
        inputs = await world.rows(
            "SELECT FROM inbox i JOIN orders o USING (order_id)"
            " WHERE o.ref = $1 AND i.input_id LIKE '%/update/%'",
            ref,
        )
        return bool(inputs)

    await eventually(answered, 30.0)
    assert await types() == [*before, "order.refetch_asked.v1", "order.fetched.v2"]

    # Edited at the shop: the news doesn't say how, so the shop is asked, and the order amended.
    edited = known["order"] | {"updated_at": "2026-11-22T09:00:05-05:00"}
    edited["shipping_lines"][0]["title"] = "Express"
    told = {"id": int(ref), "updated_at": edited["updated_at"], "order": edited}
    await world.ask("POST", f"{BOOK}/orders", {"orders": [told]})
    news = {"order_edit": {"order_id": int(ref), "committed_at": edited["updated_at"]}}
    assert await deliver(world, "orders/edited", json.dumps(news).encode(), "edited-7") == 200

    async def amended() -> bool:
        return "order.changed.v1" in await types()

    await eventually(amended, 30.0)
    cli(world, "orders", "cancel", ref, "--reason", "a test")


async def test_a_deleted_subscription_is_made_again(world: World) -> None:
    """At the start everything is subscribed and no incident opens; a deleted subscription comes
    back, the incident opens and resolves by itself."""

    async def subscribed() -> set[str]:
        there = await world.ask("GET", f"{BOOK}/subscriptions")
        return {one["topic"] for one in there["subscriptions"]}

    async def complete() -> bool:
        last = await job(world, "subscriptions")
        return "ORDERS_CREATE" in await subscribed() and last.get("outcome", "").startswith("All ")

    await eventually(complete, 30.0)
    assert await incident(world, "subscription_missing") == {}
    for _ in range(8):
        await world.ask("POST", f"{BOOK}/failed", {"topic": "orders/create"})

    async def opened() -> bool:
        return bool(await incident(world, "subscription_missing"))

    await eventually(opened, 30.0)
    await eventually(complete, 30.0)

    async def resolved() -> bool:
        return (await incident(world, "subscription_missing"))["is_open"] is False

    await eventually(resolved, 60.0)
    assert (await job(world, "subscriptions"))["missed"] == 1


async def test_the_commands(world: World) -> None:
    """Channels are listed, shown, checked, compared and read again; who can't be asked says so."""
    rows = json.loads(cli(world, "channels", "list", "--json"))
    assert {row["name"]: row["can_be_asked"] for row in rows}[OTHER] is False
    assert "no API" in cli(world, "channels", "list")
    shown = cli(world, "channels", "show", SHOP)
    assert "backfill: last success" in shown
    assert "subscriptions: last success" in shown
    assert json.loads(cli(world, "channels", "show", OTHER, "--json"))["jobs"] == []
    assert "orders changed there" in cli(world, "channels", "check", SHOP)
    why = ("--reason", "a test")
    window = ("--from", "2026-11-20", "--to", "2026-11-21")
    assert "days ago" in cli(
        world, "channels", "backfill", SHOP, *why, "--from", "2020-01-01", code=1
    )
    assert "no API" in cli(world, "channels", "backfill", OTHER, *why, code=1)
    assert "No channel" in cli(world, "channels", "show", "nobody", code=11)
    told = cli(world, "channels", "backfill", SHOP, *why, *window, "--dry-run")
    assert "0 were missing" in told
    ref = "77000000000123"
    assert order_id_for(SHOP, ref) in cli(world, "channels", "reimport", SHOP, ref, *why)
    rows = await world.rows(
        "SELECT * FROM audit WHERE action = 'channel.reimport' AND target = $1",
        f"order:{order_id_for(SHOP, ref)}",
    )
    assert [(row["channel"], row["reason"]) for row in rows] == [(SHOP, "a test")]
    await is_a_persons(world, ref)
    assert f"channel {SHOP}: API version 2026-10; backfill" in cli(world, "doctor")


async def is_a_persons(world: World, ref: str) -> None:
    """An order that the shop does not have stands where people look, in words, until one of them
    ends it."""

    async def attention() -> list[bool]:
        rows = await world.rows("SELECT attention FROM orders WHERE ref = $1", ref)
        return [row["attention"] for row in rows]

    async def told() -> bool:
        return await attention() == [True]

    await eventually(told, 30.0)
    assert f"Shopify has no order {ref}" in cli(world, "orders", "list", "--attention", "--json")
    cli(world, "orders", "cancel", ref, "--reason", "a typing error")

    async def ended() -> bool:
        return await attention() == [False]

    await eventually(ended, 30.0)
    rows = await world.rows("SELECT stage, final FROM orders WHERE ref = $1", ref)
    assert [tuple(row) for row in rows] == [("cancelled", True)]


async def test_the_api(world: World) -> None:
    """Reading and writing need their scopes and the channel; answers are problems in words."""
    words = ("--scope", "orders:read", "--scope", "orders:write", "--channel")
    token = cli(world, "keys", "create", "all", *words, "*").strip()
    narrow = cli(world, "keys", "create", "narrow", *words, OTHER).strip()
    base = f"/api/v1/channels/{SHOP}"
    status, found = await api(world, "GET", "/api/v1/channels", narrow)
    assert status == 200
    assert [one["name"] for one in found["channels"]] == [OTHER]
    assert (await api(world, "GET", base, narrow))[0] == 403
    assert (await api(world, "GET", base, "ow_no"))[0] == 401
    status, found = await api(world, "GET", base, token)
    assert (status, found["name"]) == (200, SHOP)
    asked = {"reason": "a test", "from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z"}
    status, found = await api(world, "POST", f"{base}/backfill", token, asked)
    assert (status, found["listed"], found["complete"]) == (200, 0, True)
    for wrong in ({"reason": " "}, {"reason": "x", "from": "2026-11-20T00:00:00"}, {}):
        assert (await api(world, "POST", f"{base}/backfill", token, wrong))[0] == 422
    status, found = await api(world, "POST", f"{base}/orders/123/reimport", token, {"reason": "x"})
    assert (status, found["order_id"]) == (202, order_id_for(SHOP, "123"))
    status, found = await api(
        world, "POST", f"/api/v1/channels/{OTHER}/orders/1/reimport", token, {"reason": "x"}
    )
    assert status == 409
    assert "no API" in found["detail"]


async def test_another_api_version_is_an_incident(world: World) -> None:
    """A webhook in a newer version is taken; the incident opens, and doctor and channels tell."""
    body = payload(Recipe(seed=77, shop=f"{SHOP}.myshopify.com"), 5, Moment())
    assert await deliver(world, "orders/create", body, "drifted-1", version="2027-01") == 200

    async def opened() -> bool:
        return bool((await incident(world, "api_version_drift")).get("is_open"))

    await eventually(opened, 30.0)
    # It resolves by itself some seconds later: others come until both have answered.
    asking = asyncio.gather(
        asyncio.to_thread(cli, world, "channels", "show", SHOP),
        asyncio.to_thread(cli, world, "doctor", code=1),
    )
    while not asking.done():
        assert await deliver(world, "orders/create", body, "drifted-1", version="2027-01") == 200
        await asyncio.wait({asking}, timeout=0.5)
    shown, examined = await asking
    assert "another API version than 2026-10" in shown
    assert "another API version than 2026-10" in examined


async def test_an_uninstalled_app_is_shown(world: World) -> None:
    """The shop says that the app is gone, and refuses its token: the channel's page says both, and
    the shop is left alone but for a question now and then."""
    await world.fault("storefront", "*", unauthorized=True)
    body = b'{"id": 548380009, "myshopify_domain": "%s.myshopify.com"}' % SHOP.encode()
    assert await deliver(world, "app/uninstalled", body, "gone-1") == 200

    async def opened() -> bool:
        return bool((await incident(world, "channel_disconnected")).get("is_open"))

    async def refused() -> bool:
        return (await job(world, "backfill")).get("good") is False

    await eventually(opened, 30.0)
    await eventually(refused, 30.0)

    async def told() -> bool:
        return bool((await incident(world, "channel_unreachable")).get("is_open"))

    await eventually(told, 30.0)
    tried = (await job(world, "backfill"))["tried_at"]
    shown = cli(world, "channels", "show", SHOP)
    assert "app was uninstalled" in shown
    assert "gives us no token" in shown
    # The shop is compared every second; that CLI call took longer.
    assert (await job(world, "backfill"))["tried_at"] == tried

"""A shop that keeps silent about some orders and deletes subscriptions: a running service finds
exactly what was missed, and says so by command line, API, metrics and incidents."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from ops.simulators.storefront import Moment, Recipe, payload, sign
from schemas.ids import order_id_for
from service.demo.world import toml
from tests.e2e.processes import ROOT
from tests.e2e.world import SHOP, World
from tests.integration.servers import temporary_home
from tests.waiting import eventually

OTHER = "wholesale"
"""A channel of the kind canonical: it has no API to ask."""
BOOK = f"/_sim/shops/{SHOP}.myshopify.com"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One service that compares every second, and its partners."""
    with temporary_home() as home, ExitStack() as stack:
        made = World(home, stack)

        async def start() -> None:
            await made.start_partners()
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
    table["channels"][OTHER] = {"kind": "canonical"}
    table["listen"]["public_url"] = world.url
    table["limits"] = {"drain_seconds": 2.0, "incident_quiet_seconds": 10.0}
    table["channels"][SHOP] |= {
        "backfill_seconds": 1.0,
        "backfill_grace_seconds": 5.0,
        "subscriptions_seconds": 1.0,
    }
    world.config.write_text(toml(table))


def cli(world: World, *words: str, code: int = 0) -> str:
    """Run a command beside the service."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORDERWRIGHT_", "OTEL_"))}
    environ = {**kept, "PYTHONPATH": str(ROOT), "ORDERWRIGHT_CONFIG": str(world.config)}
    ran = subprocess.run(
        [sys.executable, "-m", "service.cli", *words],
        cwd=world.home,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == code, said
    assert "Traceback" not in said, said
    return said


async def api(
    world: World, method: str, path: str, token: str, body: object = None
) -> tuple[int, Any]:
    """Ask the API."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session,
        session.request(method, f"{world.url}{path}", json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json(content_type=None)


async def job(world: World, name: str) -> dict[str, Any]:
    """What is kept of a job; empty before its first round."""
    rows = await world.rows(
        "SELECT * FROM channel_upkeep WHERE channel = $1 AND job = $2", SHOP, name
    )
    return dict(rows[0]) if rows else {}


async def incident(world: World, category: str) -> dict[str, Any]:
    """How an incident stands; empty for one that never was."""
    rows = await world.rows("SELECT * FROM incidents WHERE category = $1", category)
    return dict(rows[0]) if rows else {}


async def test_missed_orders_are_found_exactly(world: World) -> None:
    """Of orders whose webhooks were never sent each is found once, and no other is."""
    words = ("--drop", "0.3", "--book", world.partners.http)
    child, report = world.start_shop(*words, orders=60, rate=0.0, seed=41, first_number=9001)

    def written() -> bool:
        return report.exists()

    await eventually(written, 60.0)
    child.stop()
    dropped = [one for one in json.loads(report.read_text())["refs"] if one["dropped"]]
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


async def test_a_deleted_subscription_is_made_anew(world: World) -> None:
    """At the start everything is subscribed and no incident opens; a deleted subscription comes
    back, the incident opens and resolves by itself."""

    async def subscribed() -> set[str]:
        there = await world.ask("GET", f"{BOOK}/subscriptions")
        return {one["topic"] for one in there["subscriptions"]}

    async def complete() -> bool:
        last = await job(world, "subscriptions")
        return "ORDERS_CREATE" in await subscribed() and last.get("outcome", "").startswith("Every")

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
    assert "no API to ask" in cli(world, "channels", "list")
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
    assert "no API to ask" in cli(world, "channels", "backfill", OTHER, *why, code=1)
    assert "No channel" in cli(world, "channels", "show", "nobody", code=11)
    told = cli(world, "channels", "backfill", SHOP, *why, *window, "--dry-run")
    assert "0 were missing" in told
    ref = "77000000000123"
    assert order_id_for(SHOP, ref) in cli(world, "channels", "reimport", SHOP, ref, *why)
    rows = await world.rows("SELECT * FROM audit WHERE action = 'channel.reimport'")
    assert [(row["channel"], row["reason"]) for row in rows] == [(SHOP, "a test")]
    assert f"channel {SHOP}: API version 2026-10; backfill" in cli(world, "doctor", code=0)


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
    assert "no API to ask" in found["detail"]


async def test_another_api_version_is_an_incident(world: World) -> None:
    """A webhook in a newer version is taken; the incident opens, and doctor and channels tell."""
    body = payload(Recipe(seed=77, shop=f"{SHOP}.myshopify.com"), 5, Moment())
    headers = {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Hmac-SHA256": sign(body, world.partners.webhook_secret),
        "X-Shopify-Shop-Domain": f"{SHOP}.myshopify.com",
        "X-Shopify-API-Version": "2027-01",
        "X-Shopify-Webhook-Id": "drifted-1",
    }
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session:
        url = f"{world.url}/hooks/{SHOP}"
        assert (await session.post(url, data=body, headers=headers)).status == 200

    async def opened() -> bool:
        return bool((await incident(world, "api_version_drift")).get("is_open"))

    await eventually(opened, 30.0)
    # It resolves by itself some seconds later: both are asked while another one comes.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session:
        await session.post(f"{world.url}/hooks/{SHOP}", data=body, headers=headers)
    shown, examined = await asyncio.gather(
        asyncio.to_thread(cli, world, "channels", "show", SHOP),
        asyncio.to_thread(cli, world, "doctor", code=1),
    )
    assert "another API version than 2026-10" in shown
    assert "another API version than 2026-10" in examined

"""What tests of the channels ask of a running service: by command line, API, store and webhooks."""

from __future__ import annotations

import asyncio
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import aiohttp

from ops.simulators.storefront import sign
from service.demo.world import toml
from tests.e2e.world import PATIENT, SHOP, World
from tests.integration import typed
from tests.integration.servers import temporary_home

BOOK = f"/_sim/shops/{SHOP}.myshopify.com"
APP = {"client_id": "an app", "client_secret": "its secret"}


@contextmanager
def comparing(*canonical: str, **changes: object) -> Iterator[World]:
    """One service that compares its shop every second, as an app whose tokens end within seconds,
    and its partners; with channels of the kind canonical. `changes` are settings of the shop."""
    with temporary_home() as home, ExitStack() as stack:
        made = World(home, stack)

        async def start() -> None:
            await made.start_partners(pace=PATIENT)
            await made.ask("POST", f"{BOOK}/app", {**APP, "seconds": 4})
            _configure(made, canonical, changes)
            made.start_service()
            await made.ready()
            await made.seed_stock()

        try:
            asyncio.run(start())
            yield made
        finally:
            asyncio.run(made.kill_all())


def _configure(world: World, canonical: Sequence[str], changes: Mapping[str, object]) -> None:
    table = tomllib.loads(world.config.read_text())
    table["channels"] |= {name: {"kind": "canonical"} for name in canonical}
    table["listen"]["public_url"] = world.url
    table["limits"] = {"drain_seconds": 2.0, "incident_quiet_seconds": 10.0}
    del table["channels"][SHOP]["access_token"]
    table["channels"][SHOP] |= {
        **APP,
        "backfill_seconds": 1.0,
        "backfill_grace_seconds": 5.0,
        "subscriptions_seconds": 1.0,
        **changes,
    }
    world.config.write_text(toml(table))


def cli(world: World, *words: str, code: int = 0) -> str:
    """Run a command beside the service."""
    ran = typed.run(words, world.home, {"ORDERWRIGHT_CONFIG": str(world.config)})
    assert ran.code == code, ran.said
    assert "Traceback" not in ran.said, ran.said
    return ran.said


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
        "SELECT * FROM channel_sync WHERE channel = $1 AND job = $2", SHOP, name
    )
    return dict(rows[0]) if rows else {}


async def incident(world: World, category: str) -> dict[str, Any]:
    """How an incident stands; empty for one that never was."""
    rows = await world.rows("SELECT * FROM incidents WHERE category = $1", category)
    return dict(rows[0]) if rows else {}


async def events_of(world: World, refs: Sequence[str]) -> dict[str, int]:
    """How many events each of these orders has."""
    rows = await world.rows(
        "SELECT o.ref, count(*)::int AS events FROM events e JOIN orders o USING (order_id)"
        " WHERE o.ref = ANY($1) GROUP BY o.ref",
        list(refs),
    )
    return {row["ref"]: row["events"] for row in rows}


async def deliver(
    world: World, topic: str, body: bytes, name: str, *, version: str = "2026-10"
) -> int:
    """Send one webhook as the shop does; the answer's status."""
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-SHA256": sign(body, world.partners.webhook_secret),
        "X-Shopify-Shop-Domain": f"{SHOP}.myshopify.com",
        "X-Shopify-API-Version": version,
        "X-Shopify-Webhook-Id": name,
    }
    url = f"{world.url}/hooks/{SHOP}"
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20.0)) as session,
        session.post(url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status

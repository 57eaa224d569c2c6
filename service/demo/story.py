"""What happens in the live demo by itself: a bad payload, and a carrier that fails for a while."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable

import aiohttp

from service.app.clock import SystemClock
from service.demo.world import SHOPS, World

BAD_AFTER_SECONDS = 5.0
FAILS_AFTER_SECONDS = 40.0
FAILS_FOR_SECONDS = 30.0
TIMEOUT = aiohttp.ClientTimeout(total=10.0)


async def tell(world: World, url: str, say: Callable[[str], None]) -> None:
    """Let the story happen; ends by itself. A step that fails is told and skipped."""
    # Made when their time has come: what Ctrl-C forestalls must not be left behind unawaited.
    steps: tuple[tuple[float, Callable[[], Awaitable[str]]], ...] = (
        (BAD_AFTER_SECONDS, lambda: _bad_payload(world, url)),
        (FAILS_AFTER_SECONDS - BAD_AFTER_SECONDS, lambda: _carrier(world, down=True)),
        (FAILS_FOR_SECONDS, lambda: _carrier(world, down=False)),
    )
    for pause, step in steps:
        await asyncio.sleep(pause)
        try:
            say(f"\n {await step()}")
        except (aiohttp.ClientError, TimeoutError) as error:
            say(f"\n A step of the demo's story did not happen: {error}")


async def _bad_payload(world: World, url: str) -> str:
    body = b'{"admin_graphql_api_id": "gid://shopify/Order/13", "name": "#13", "total_price": }'
    signature = hmac.new(world.webhook_secret.encode(), body, hashlib.sha256).digest()
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": f"{SHOPS[0]}.myshopify.com",
        "X-Shopify-Webhook-Id": f"demo-bad-{hashlib.sha256(body).hexdigest()[:12]}",
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Triggered-At": SystemClock().now().isoformat(timespec="seconds"),
        "X-Shopify-Hmac-SHA256": base64.b64encode(signature).decode(),
    }
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as session,
        session.post(f"{url}/hooks/{SHOPS[0]}", data=body, headers=headers) as answer,
    ):
        return f"A broken payload came in, was answered {answer.status}, and is in quarantine."


async def _carrier(world: World, *, down: bool) -> str:
    fault = {"partner": "carrier", "operation": "*", "down": down}
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as session,
        session.post(f"{world.http}/_sim/faults", json=fault) as answer,
    ):
        answer.raise_for_status()
    if down:
        return "UPS fails now: its effects wait, the rest goes on."
    return "UPS is back: what waited is released, step by step."

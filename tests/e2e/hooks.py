"""Sends single webhooks as a Shopify shop does, for tests that need to choose each of them."""

from __future__ import annotations

import secrets

import aiohttp
from msgspec import Struct

from ops.simulators.storefront import Moment, Recipe, payload, sign
from tests.e2e.world import SHOP, World

RECIPE = Recipe(seed=77, shop=f"{SHOP}.myshopify.com")
EARLY, LATE, LATER = (f"2026-11-22T0{hour}:00:00-05:00" for hour in (7, 8, 9))
"""When the shop says that something changed: what is not newer than what is known is an echo."""


class Hooks(Struct, frozen=True):
    """One shop's webhooks over one connection pool."""

    world: World
    session: aiohttp.ClientSession

    async def send(self, topic: str, body: bytes, *, hook_id: str = "", secret: str = "") -> int:
        """Send these bytes, signed; the answer's status."""
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-SHA256": sign(body, secret or self.world.partners.webhook_secret),
            "X-Shopify-Shop-Domain": RECIPE.shop,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": hook_id or secrets.token_hex(8),
        }
        url = f"{self.world.url}/hooks/{SHOP}"
        async with self.session.post(url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    async def create(self, number: int, *, paid: bool = True) -> int:
        """A new order, which the shop's API knows."""
        await self.world.book(RECIPE.shop, [(RECIPE.order_id(number), body_of(number, paid=paid))])
        return await self.send("orders/create", body_of(number, paid=paid))


def body_of(
    number: int, *, paid: bool = True, updated_at: str = EARLY, note: str | None = None
) -> bytes:
    """An order's payload."""
    moment = Moment(created_at=EARLY, updated_at=updated_at, paid=paid, note=note)
    return payload(RECIPE, number, moment)


def cancelled(number: int) -> bytes:
    """The payload of `orders/cancelled`."""
    moment = Moment(created_at=EARLY, updated_at=LATE, cancelled_at=LATE)
    return payload(RECIPE, number, moment)


def ref_of(number: int) -> str:
    """The order's reference in the store."""
    return str(RECIPE.order_id(number))

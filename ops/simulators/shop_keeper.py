"""Tells the simulated shop's API what the sender of its webhooks did: one shop in two processes."""

from __future__ import annotations

import json
from typing import Any

from ops.simulators.webhook_client import Answer, CallFailed, Target, WebhookClient

ANSWER_SECONDS = 60.0
"""The book is not what is tried out: on a busy machine it may take long."""
HABITS = {
    "two-parcels": "two_parcels_share",
    "split-later": "split_share",
    "short-pick": "short_pick_share",
}
"""What a tag means to the simulated warehouse (its habits of one order)."""


class BookKeeper:
    """Writes in the book of one shop (see `shop_control`); `base` is where the simulators listen.
    Whatever fails raises CallFailed, for a wrong book would prove nothing."""

    def __init__(self, base: str, shop: str) -> None:
        self._shop = f"{base.rstrip('/')}/_sim/shops/{shop}"
        self._orders = Target.parse(f"{self._shop}/orders")
        self._failed = Target.parse(f"{self._shop}/failed")
        self._habits = Target.parse(f"{base.rstrip('/')}/_sim/warehouse/habits")
        self._client = WebhookClient()

    async def tell(
        self, number: int, updated_at: str, order: bytes, locations: dict[str, int] | None = None
    ) -> None:
        """Say how an order looks now, and from where its lines are fulfilled."""
        body = b'{"orders":[{"id":%d,"updated_at":"%s","locations":%s,"order":%s}]}' % (
            number,
            updated_at.encode(),
            json.dumps(locations or {}).encode(),
            order,
        )
        await self._post(self._orders, body)

    async def failed(self, topic: str) -> None:
        """Say that no one took a webhook."""
        await self._post(self._failed, json.dumps({"topic": topic}).encode())

    async def echo(self, url: str, secret: str, delay_ms: tuple[float, float]) -> None:
        """Have the shop send webhooks of what is done through its API."""
        wish = {"url": url, "secret": secret, "delay_ms": list(delay_ms)}
        target = Target.parse(f"{self._shop}/webhooks")
        await self._post(target, json.dumps(wish).encode())

    async def parcels(self, number: int, tags: tuple[str, ...]) -> None:
        """Have the simulated warehouse do with an order's parcels what its tags say; no partner of
        the product tells a warehouse of a shop's tags."""
        wish = {"warehouse": "*", "order": str(number), **{HABITS[tag]: 1 for tag in tags}}
        # Simulators whose warehouse knows no habits of one order have nothing there.
        await self._answer(self._habits, json.dumps(wish).encode(), (200, 404))

    # Any: the answer is free-form JSON.
    async def do(self, number: int, what: str, told: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Change an order as the shop's people do: whether it was possible, and the answer."""
        target = Target.parse(f"{self._shop}/orders/{number}/{what}")
        body = json.dumps({**told, "tell": False})
        answer = await self._answer(target, body.encode(), (200, 409))
        return answer.status == 200, json.loads(answer.body)

    async def _post(self, target: Target, body: bytes) -> None:
        await self._answer(target, body, (200,))

    async def _answer(self, target: Target, body: bytes, good: tuple[int, ...]) -> Answer:
        headers = {"Content-Type": "application/json"}
        answer = await self._client.post(target, headers, body, ANSWER_SECONDS)
        if answer.status not in good:
            raise CallFailed(f"the book answered {answer.status}", connected=True)
        return answer

    def close(self) -> None:
        """Hang up."""
        self._client.close()

"""Tells the simulated shop's API what the sender of its webhooks did: one shop in two processes."""

from __future__ import annotations

import json

from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

ANSWER_SECONDS = 5.0


class BookKeeper:
    """Writes in the book of one shop (see `shop_book`); `base` is where the simulators listen."""

    def __init__(self, base: str, shop: str) -> None:
        self._orders = Target.parse(f"{base.rstrip('/')}/_sim/shops/{shop}/orders")
        self._failed = Target.parse(f"{base.rstrip('/')}/_sim/shops/{shop}/failed")
        self._client = WebhookClient()

    async def tell(self, number: int, updated_at: str, order: bytes) -> None:
        """Say how an order looks now. Raises CallFailed, for a wrong book would prove nothing."""
        body = b'{"orders":[{"id":%d,"updated_at":"%s","order":%s}]}' % (
            number,
            updated_at.encode(),
            order,
        )
        await self._post(self._orders, body)

    async def failed(self, topic: str) -> None:
        """Say that no one took a webhook."""
        await self._post(self._failed, json.dumps({"topic": topic}).encode())

    async def _post(self, target: Target, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await self._client.post(target, headers, body, ANSWER_SECONDS)
        if answer.status != 200:
            raise CallFailed(f"the book answered {answer.status}", connected=True)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

"""Shopify's way to deliver a webhook: signed, answered within five seconds, else sent again.

https://shopify.dev/docs/apps/build/webhooks; here the pauses are 0.2 to 5 seconds, not
minutes to hours.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from array import array
from dataclasses import dataclass, field
from time import perf_counter

from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

API_VERSION = "2026-10"
ANSWER_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 5.0
MAX_MEASURED = 2_000_000


def sign(body: bytes, secret: str) -> str:
    """The value of `X-Shopify-Hmac-SHA256` for these raw bytes."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


@dataclass(slots=True, frozen=True)
class Webhook:
    """One delivery. Its id stays the same over retries."""

    topic: str
    id: str
    event_id: str
    triggered_at: str
    body: bytes
    # A refusal (4xx) is final for a payload that was corrupted on purpose; Shopify itself would go
    # on.
    refusable: bool = False


@dataclass(slots=True)
class Figures:
    """What was counted; times are those of first attempts that were taken, in milliseconds."""

    webhooks: int = 0
    delivered: int = 0
    retries: int = 0
    given_up: int = 0
    refused: int = 0
    first_milliseconds: array[float] = field(default_factory=lambda: array("d"))

    def quantile(self, part: float) -> float | None:
        """That quantile (nearest rank), or None if nothing was measured."""
        ranked = sorted(self.first_milliseconds)
        if not ranked:
            return None
        return round(ranked[min(len(ranked) - 1, int(part * len(ranked)))], 3)


class Sender:
    """Delivers webhooks, a bounded number at once."""

    def __init__(
        self, url: str, secret: str, shop: str, concurrency: int, give_up_seconds: float
    ) -> None:
        self._target = Target.parse(url)
        self._secret = secret
        self._shop = shop
        self._give_up_seconds = give_up_seconds
        self._client = WebhookClient()
        self._slots = asyncio.Semaphore(concurrency)
        self._loop = asyncio.get_running_loop()
        # While no one listens, one webhook asks again and the others wait for it.
        self._quiet_until = 0.0
        self.figures = Figures()

    def _headers(self, webhook: Webhook) -> dict[str, str]:
        return {
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": webhook.topic,
            "X-Shopify-Hmac-SHA256": sign(webhook.body, self._secret),
            "X-Shopify-Shop-Domain": self._shop,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": webhook.id,
            "X-Shopify-Event-Id": webhook.event_id,
            "X-Shopify-Triggered-At": webhook.triggered_at,
        }

    async def deliver(self, webhook: Webhook) -> bool:
        """Whether somebody took it before it was given up."""
        self.figures.webhooks += 1
        headers = self._headers(webhook)
        give_up_at = self._loop.time() + self._give_up_seconds
        pause = FIRST_PAUSE_SECONDS
        first = True
        while True:
            async with self._slots:
                status = await self._attempt(headers, webhook.body, first=first)
            if 200 <= status < 300:
                self.figures.delivered += 1
                return True
            if webhook.refusable and 400 <= status < 500 and status != 429:
                self.figures.refused += 1
                return False
            first = False
            wait = max(pause, self._quiet_until - self._loop.time())
            if self._loop.time() + wait >= give_up_at:
                self.figures.given_up += 1
                return False
            self.figures.retries += 1
            await asyncio.sleep(wait)
            pause = min(pause * 2, LAST_PAUSE_SECONDS)

    async def _attempt(self, headers: dict[str, str], body: bytes, *, first: bool) -> int:
        started = perf_counter()  # The loop's own clock counts whole milliseconds.
        try:
            answer = await self._client.post(self._target, headers, body, ANSWER_SECONDS)
        except CallFailed as failed:
            if not failed.connected:
                self._quiet_until = self._loop.time() + FIRST_PAUSE_SECONDS
            return 0
        if first and 200 <= answer.status < 300:
            measured = self.figures.first_milliseconds
            if len(measured) < MAX_MEASURED:
                measured.append((perf_counter() - started) * 1000)
        return answer.status

    def close(self) -> None:
        """Hangs up."""
        self._client.close()

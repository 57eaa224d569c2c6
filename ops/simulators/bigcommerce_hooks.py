"""BigCommerce's webhooks: made, listed, switched off after failures, and sent when something
changes.

They are light, unsigned, and bear the headers they were created with. A failed one is sent eleven
times again, here within seconds; then it is switched off. Whoever made it alone sees it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ops.simulators.shapes import JsonObject, JsonValue, dump, text
from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

RETRIES = 11
FIRST_PAUSE_SECONDS = 0.05
LAST_PAUSE_SECONDS = 0.5
ANSWER_SECONDS = 5.0
MAX_HOOKS = 1_000
MAX_WAITING = 100_000
"""Deliveries under way; further ones are lost, and counted as such."""


@dataclass(slots=True)
class Hook:
    """One webhook. `headers` are sent with it."""

    id: int
    token: str
    scope: str
    destination: str
    headers: dict[str, str] = field(default_factory=dict)
    is_active: bool = True
    created_at: int = 0
    failures: int = 0

    def shown(self, store: str) -> JsonObject:
        """As the API tells it."""
        return {
            "id": self.id,
            "client_id": "simulated",
            "store_hash": store,
            "scope": self.scope,
            "destination": self.destination,
            "headers": self.headers or None,
            "is_active": self.is_active,
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }


def is_reachable(destination: str) -> bool:
    """Say whether BigCommerce delivers there: https on its usual port, or, here, loopback."""
    try:
        parts = urlsplit(destination)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "http":
        return parts.hostname in ("127.0.0.1", "localhost")
    return parts.scheme == "https" and bool(parts.hostname) and port in (None, 443)


def headers_in(value: JsonValue) -> dict[str, str]:
    """The custom headers of a request, texts alone."""
    if not isinstance(value, dict):
        return {}
    return {name: one for name, one in value.items() if isinstance(one, str)}


class Hooks:
    """One store's webhooks."""

    def __init__(self, store: str, clock: Callable[[], float], first_id: int) -> None:
        self._store = store
        self._clock = clock
        self._next = first_id
        self._client = WebhookClient()
        self._under_way: set[asyncio.Task[None]] = set()
        self.all: dict[int, Hook] = {}
        self.sent = self.lost = 0

    def make(self, token: str, wanted: JsonObject) -> Hook | str:
        """Make one, or say what is wrong with it."""
        scope, destination = text(wanted, "scope"), text(wanted, "destination")
        if not scope.startswith("store/"):
            return "scope"
        if not is_reachable(destination):
            return "destination"
        for hook in self.all.values():
            if (hook.token, hook.scope, hook.destination) == (token, scope, destination):
                return "destination"
        if len(self.all) >= MAX_HOOKS:
            return "scope"
        self._next += 1
        hook = Hook(self._next, token, scope, destination, created_at=int(self._clock()))
        self.change(hook, wanted)
        self.all[hook.id] = hook
        return hook

    def change(self, hook: Hook, wanted: JsonObject) -> None:
        """Set what is given: headers, and whether it is on."""
        if "headers" in wanted:
            hook.headers = headers_in(wanted["headers"])
        on = wanted.get("is_active")
        if isinstance(on, bool):
            hook.is_active = on
            hook.failures = 0

    def fail(self, scope: str, times: int) -> None:
        """As if so many deliveries of a scope had failed."""
        for hook in self.all.values():
            if hook.scope == scope:
                hook.failures += times
                hook.is_active = hook.is_active and hook.failures <= RETRIES

    def tell(self, scope: str, data: JsonObject) -> None:
        """Send to everybody who asked for the scope."""
        created = int(self._clock())
        told: dict[str, JsonValue] = {
            "scope": scope,
            "store_id": "1025646",
            "data": data,
            "created_at": created,
            "producer": f"stores/{self._store}",
        }
        told["hash"] = hashlib.sha1(dump(told), usedforsecurity=False).hexdigest()
        raw = dump(told)
        for hook in self.all.values():
            if hook.scope != scope or not hook.is_active:
                continue
            if len(self._under_way) >= MAX_WAITING:
                self.lost += 1
                continue
            task = asyncio.get_running_loop().create_task(self._deliver(hook, raw))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, hook: Hook, raw: bytes) -> None:
        target, pause = Target.parse(hook.destination), FIRST_PAUSE_SECONDS
        headers = {"User-Agent": "bigcommerce-webhooks", **hook.headers}
        for attempt in range(1 + RETRIES):
            if attempt:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_PAUSE_SECONDS)
            try:
                answer = await self._client.post(target, headers, raw, ANSWER_SECONDS)
            except CallFailed:
                continue
            if 200 <= answer.status < 300:
                self.sent += 1
                return
        hook.is_active = False

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._client.close()

"""News from the warehouse, sent as Standard Webhooks until somebody takes them.

https://www.standardwebhooks.com: `webhook-id` stays the same over retries; timestamp and signature
are each attempt's own. Everything is bounded: number, time, concurrency.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from zlib import crc32

from ops.simulators.faults import Fate, FaultBook
from ops.simulators.shapes import JsonObject, dump
from ops.simulators.webhook_client import CallFailed, Target, WebhookClient

MAX_WAITING = 500_000
MAX_TOLD = 20_000
"""News that can be told again, some 20 MB; the oldest is forgotten first."""
CONCURRENCY = 64
ATTEMPT_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 5.0
LONGEST_HUSH_SECONDS = 1.0
GIVE_UP_SECONDS = 15 * 60.0


def secret_bytes(secret: str) -> bytes:
    """The key behind a secret: base64 after `whsec_`, otherwise the text's own UTF-8 bytes."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret.removeprefix("whsec_"))
    return secret.encode()


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header's value."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


@dataclass(slots=True)
class News:
    """One message. It is dropped when `wanted` says no; `done` is called when somebody took it.

    `partner` is whose `callback` knobs it suffers.
    """

    id: str
    url: str
    body: JsonObject
    wanted: Callable[[], bool]
    done: Callable[[], None]
    partner: str = "warehouse"
    attempts: int = 0
    give_up_at: float = 0.0
    raw: bytes = b""
    target: Target = field(default_factory=lambda: Target("", 0, False, ""))


@dataclass(slots=True)
class Tally:
    """What became of the news so far."""

    delivered: int = 0
    attempts: int = 0
    given_up: int = 0
    dropped: int = 0
    refused_for_space: int = 0


class Callbacks:
    """The queue and its at most 64 calls under way."""

    def __init__(self, secret: str, faults: FaultBook) -> None:
        self._key = secret_bytes(secret)
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._client = WebhookClient()
        self._ready: deque[News] = deque()
        self._sleeping = 0
        self._active: set[asyncio.Task[None]] = set()
        # While no one listens at an address, all news for it wait together.
        self._quiet_until: dict[tuple[str, int], float] = {}
        self._refusals: dict[tuple[str, int], int] = {}
        self._told: deque[News] = deque(maxlen=MAX_TOLD)
        self.tally = Tally()

    def waiting(self) -> int:
        """News not yet taken."""
        return len(self._ready) + self._sleeping + len(self._active)

    def send(self, news: News) -> None:
        """Queues the news; it is lost, and counted as such, if 500,000 wait already."""
        if self.waiting() >= MAX_WAITING:
            self.tally.refused_for_space += 1
            return
        try:
            news.target = Target.parse(news.url)
        except ValueError:
            self.tally.given_up += 1
            return
        news.raw = dump(news.body)
        news.give_up_at = self._loop.time() + GIVE_UP_SECONDS
        delay_seconds = self._faults.plan(news.partner, "callback").delay_seconds
        self._sleep(news, delay_seconds)

    def tell_again(self) -> int:
        """Send what was taken once more, under the same ids and in each task's order, as an
        operator is asked to whose client lost a day. Returns how much it is."""
        told = list(self._told)
        self._told.clear()
        tasks: dict[str, deque[News]] = {}
        for one in told:
            tasks.setdefault(one.id.rpartition("_")[0], deque()).append(one)
        for rest in tasks.values():
            self._tell_next(rest)
        return len(told)

    def _tell_next(self, rest: deque[News]) -> None:
        if rest:
            one = rest.popleft()
            self.send(
                replace(one, wanted=lambda: True, done=lambda: self._tell_next(rest), attempts=0)
            )

    def _sleep(self, news: News, seconds: float) -> None:
        if seconds <= 0:
            self._ready.append(news)
            self._pump()
            return
        self._sleeping += 1
        self._loop.call_later(seconds, self._wake, news)

    def _wake(self, news: News) -> None:
        self._sleeping -= 1
        self._ready.append(news)
        self._pump()

    def _pump(self) -> None:
        while self._ready and len(self._active) < CONCURRENCY:
            news = self._ready.popleft()
            place = (news.target.host, news.target.port)
            quiet_until = self._quiet_until.get(place)
            if quiet_until is not None:
                left = quiet_until - self._loop.time()
                if left > 0:
                    # Spread to 2,000 a second: a returning listener isn't flooded at once.
                    spread = 0.25 + self.waiting() / 2000
                    self._sleep(news, left + crc32(news.id.encode()) % 1000 / 1000 * spread)
                    continue
            task = self._loop.create_task(self._attempt(news))
            self._active.add(task)
            task.add_done_callback(self._attempted)

    def _attempted(self, task: asyncio.Task[None]) -> None:
        self._active.discard(task)
        if not task.cancelled():
            task.result()
            self._pump()

    async def _attempt(self, news: News) -> None:
        if not news.wanted():
            self.tally.dropped += 1
            return
        news.attempts += 1
        self.tally.attempts += 1
        if await self._taken(news):
            self.tally.delivered += 1
            self._told.append(news)
            news.done()
            return
        if self._loop.time() >= news.give_up_at:
            self.tally.given_up += 1
            return
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(news.attempts - 1, 10), LAST_PAUSE_SECONDS)
        self._sleep(news, pause)

    async def _taken(self, news: News) -> bool:
        fate = self._faults.plan(news.partner, "callback").fate
        raw, key = news.raw, self._key
        if fate in (Fate.DOWN, Fate.UNAVAILABLE, Fate.ERROR, Fate.RATE_LIMITED, Fate.REFUSED):
            return False  # The message is lost on its way.
        if fate is Fate.UNAUTHORIZED:
            key = b"not the agreed secret"
        elif fate in (Fate.RUBBISH_PAGE, Fate.RUBBISH_TORN):
            raw = raw[: len(raw) // 2]
        timestamp = int(time.time())
        headers = {
            "webhook-id": news.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(key, news.id, timestamp, raw),
        }
        place = (news.target.host, news.target.port)
        try:
            answer = await self._client.post(news.target, headers, raw, ATTEMPT_SECONDS)
        except CallFailed as failed:
            if not failed.connected:
                self._hush(place)
            return False
        self._quiet_until.pop(place, None)
        self._refusals.pop(place, None)
        # A malformed message, or one whose answer was lost, is sent again whatever was said to it.
        return fate is Fate.NORMAL and 200 <= answer.status < 300

    def _hush(self, place: tuple[str, int]) -> None:
        now = self._loop.time()
        if self._quiet_until.get(place, 0.0) <= now:
            refusals = self._refusals.get(place, 0)
            self._refusals[place] = refusals + 1
            pause = min(FIRST_PAUSE_SECONDS * 2 ** min(refusals, 10), LONGEST_HUSH_SECONDS)
            self._quiet_until[place] = now + pause

    async def close(self) -> None:
        """Ends the calls under way."""
        for task in list(self._active):
            task.cancel()
        await asyncio.gather(*self._active, return_exceptions=True)
        self._client.close()

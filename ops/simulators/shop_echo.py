"""The webhooks that a simulated shop sends of what was done through its API or by its people.

Off until somebody says where to: `POST /_sim/shops/<shop>/webhooks`. Each goes a little later than
what it tells of, as the real ones do, and several of one change may overtake one another.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops.simulators.shapes import JsonObject, JsonValue, NotUnderstood, dump, text
from ops.simulators.shop_book import Book
from ops.simulators.shop_statement import Json
from ops.simulators.webhooks import Sender, Webhook

MAX_WAITING: Final = 100_000
CONCURRENCY: Final = 32
GIVE_UP_SECONDS: Final = 120.0
MAX_DELAY_MS: Final = 600_000.0

News = tuple[str, Json]
"""A topic and its payload."""


@dataclass(slots=True, frozen=True)
class Wish:
    """Where a shop's webhooks go, and how much later. No topics: all of them."""

    url: str
    secret: str
    delay_ms: tuple[float, float]
    topics: frozenset[str]
    only_subscribed: bool


def read_wish(told: JsonObject) -> Wish:
    """The wish in a request's body. Raises NotUnderstood."""
    url, secret, delay = text(told, "url"), text(told, "secret"), told.get("delay_ms", 50)
    if not url or not secret:
        raise NotUnderstood("Give `url` and `secret`.")
    bounds = delay if isinstance(delay, list) else [delay, delay]
    low, high = (x if isinstance(x, int | float) else -1.0 for x in (bounds[0], bounds[-1]))
    if not 0 <= low <= high <= MAX_DELAY_MS:
        raise NotUnderstood(f"`delay_ms` is a number from 0 to {MAX_DELAY_MS:g}, or two of them.")
    topics = told.get("topics")
    chosen = [x for x in topics if isinstance(x, str)] if isinstance(topics, list) else []
    return Wish(url, secret, (low, high), frozenset(chosen), told.get("only_subscribed") is True)


class Echo:
    """One shop's outgoing webhooks."""

    def __init__(self, shop: str, book: Book, clock: Callable[[], float], first: int) -> None:
        self._shop = shop
        self._book = book
        self._clock = clock
        self._next = first
        self._rng = random.Random(f"{shop}:echo")
        self._wish: Wish | None = None
        self._sender: Sender | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.lost = 0

    def wish(self, wish: Wish | None) -> None:
        """Send from now on, or no longer. What is under way goes where it was meant for. Raises
        ValueError for a url that is none."""
        self._sender = (
            Sender(wish.url, wish.secret, self._shop, CONCURRENCY, GIVE_UP_SECONDS)
            if wish
            else None
        )
        self._wish = wish
        self._book.is_told_of = wish is not None

    def shown(self) -> JsonObject:
        """What is wished, and what came of it."""
        figures = self._sender.figures if self._sender else None
        return {
            "url": self._wish.url if self._wish else None,
            "waiting": len(self._under_way),
            "sent": figures.delivered if figures else 0,
            "given_up": figures.given_up if figures else 0,
            "lost": self.lost,
        }

    def tell(self, news: Iterable[News]) -> None:
        """Send them, if that is wished; never raises."""
        if self._wish is None or self._sender is None:
            return
        event = f"event-{self._next}"
        for topic, body in news:
            if self._wish.topics and topic not in self._wish.topics:
                continue
            if self._wish.only_subscribed and not self._is_subscribed(topic):
                continue
            if len(self._under_way) >= MAX_WAITING:
                self.lost += 1
                continue
            self._next += 1
            webhook = Webhook(
                topic=topic,
                id=f"echo-{self._next}",
                event_id=event,
                triggered_at=datetime.fromtimestamp(self._clock(), UTC)
                .isoformat()
                .replace("+00:00", "Z"),
                body=dump(body),
            )
            delay = self._rng.uniform(*self._wish.delay_ms) / 1000
            task = asyncio.get_running_loop().create_task(
                self._deliver(self._sender, webhook, delay)
            )
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _is_subscribed(self, topic: str) -> bool:
        name = topic.replace("/", "_").upper()
        return any(one["topic"] == name for one in self._book.subscriptions.values())

    async def _deliver(self, sender: Sender, webhook: Webhook, delay: float) -> None:
        await asyncio.sleep(delay)
        if not await sender.deliver(webhook):
            self._book.failed(webhook.topic)

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._sender is not None:
            self._sender.close()


def as_json(news: Iterable[News]) -> list[JsonValue]:
    """For whoever sends them himself."""
    return [{"topic": topic, "body": body} for topic, body in news]

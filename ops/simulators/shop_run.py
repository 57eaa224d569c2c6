"""One run of the simulated shop: which orders are placed when, and what becomes of each of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from ops.simulators.shop_keeper import BookKeeper
from ops.simulators.shop_template import Moment, Recipe, payload
from ops.simulators.webhooks import Sender, Webhook

MAX_OPEN_STORIES = 20_000
# An endless run reports its newest orders only.
MAX_REPORTED = 1_000_000
SHOP_ZONE = timezone(timedelta(hours=-5))
CORRUPTIONS = ("no_lines", "bad_currency", "negative_quantity", "torn_json")
NOTES = (
    "Please leave it at the back door.",
    "A present: no invoice, please.",
    "Ring twice. Thank you!",
)


@dataclass(slots=True, frozen=True)
class Plan:
    """What to send. Shares are parts of the orders; `orders` 0 goes on indefinitely."""

    recipe: Recipe = field(default_factory=Recipe)
    orders: int = 100
    rate: float = 0.0
    first_number: int = 1001
    paid_later: float = 0.1
    # Of those paid later, the part whose `orders/paid` overtakes its `orders/create`.
    paid_first: float = 0.1
    cancel: float = 0.03
    update: float = 0.05
    duplicate: float = 0.05
    bad: float = 0.0
    # The part of the orders of which no webhook is sent: the shop has them, and no one was told.
    drop: float = 0.0
    concurrency: int = 64
    give_up_seconds: float = 120.0


@dataclass(slots=True)
class Fate:
    """What was drawn for one order, and what came of it."""

    number: int
    cancelled: bool
    paid_later: bool
    paid_first: bool
    updated: bool
    duplicated: bool
    bad: str
    dropped: bool = False
    accepted: bool = False
    cancel_accepted: bool = False


def draw(plan: Plan, number: int) -> Fate:
    """What becomes of the order with that number: the same whenever it is asked."""
    rng = random.Random(f"{plan.recipe.seed}:{number}:fate")
    later = rng.random() < plan.paid_later
    return Fate(
        number=number,
        paid_later=later,
        paid_first=rng.random() < plan.paid_first and later,
        cancelled=rng.random() < plan.cancel,
        updated=rng.random() < plan.update,
        duplicated=rng.random() < plan.duplicate,
        bad=CORRUPTIONS[number % len(CORRUPTIONS)] if rng.random() < plan.bad else "",
        dropped=random.Random(f"{plan.recipe.seed}:{number}:drop").random() < plan.drop,
    )


def corrupt(body: bytes, how: str) -> bytes:
    """The payload made wrong in one of four ways (CORRUPTIONS)."""
    if how == "torn_json":
        return body[: len(body) * 2 // 3]
    order = json.loads(body)
    if how == "no_lines":
        order["line_items"] = []
    elif how == "bad_currency":
        order["currency"] = "US$"
    elif how == "negative_quantity":
        order["line_items"][0]["quantity"] = -1
    return json.dumps(order).encode()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), SHOP_ZONE).isoformat()


class ShopRun:
    """Places the orders and tells their stories; the figures stay readable while it runs."""

    def __init__(self, plan: Plan, url: str, secret: str, book: str = "") -> None:
        self._plan = plan
        self._book = BookKeeper(book, plan.recipe.shop) if book else None
        self._sender = Sender(url, secret, plan.recipe.shop, plan.concurrency, plan.give_up_seconds)
        self._fates: deque[Fate] = deque(maxlen=MAX_REPORTED)
        self._sent = 0
        self._open = asyncio.Semaphore(MAX_OPEN_STORIES)
        self._stories: set[asyncio.Task[None]] = set()
        self._started_at = time.time()
        self._finished_at = 0.0
        self.accepted = 0

    async def run(self) -> None:
        """Sends every webhook of every order; returns when each was taken or given up."""
        loop = asyncio.get_running_loop()
        started, placed = loop.time(), 0
        # At full speed a few times the concurrency is kept ready, so that no slot waits for work.
        ahead = asyncio.Semaphore(self._plan.concurrency * 4)
        try:
            while not self._plan.orders or placed < self._plan.orders:
                if self._plan.rate > 0:
                    wait = started + placed / self._plan.rate - loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                else:
                    await ahead.acquire()
                await self._open.acquire()
                fate = draw(self._plan, self._plan.first_number + placed)
                placed += 1
                self._fates.append(fate)
                self._sent += 1
                task = loop.create_task(self._story(fate, ahead))
                self._stories.add(task)
                task.add_done_callback(self._told)
            while self._stories:
                await asyncio.wait(self._stories)
        finally:
            for task in self._stories:
                task.cancel()
            self._finished_at = time.time()

    def _told(self, task: asyncio.Task[None]) -> None:
        self._stories.discard(task)
        self._open.release()
        if not task.cancelled():
            task.result()

    async def _story(self, fate: Fate, ahead: asyncio.Semaphore) -> None:
        rng = random.Random(f"{self._plan.recipe.seed}:{fate.number}:story")
        created_at = time.time()
        paid_at_once = not fate.paid_later
        if fate.paid_first:
            await self._tell("orders/paid", fate, created_at, Moment(paid=True))
        try:
            moment = Moment(paid=paid_at_once)
            fate.accepted = await self._tell(
                "orders/create", fate, created_at, moment, malformed=fate.bad
            )
        finally:
            if self._plan.rate <= 0:
                ahead.release()
        self.accepted += fate.accepted
        if fate.bad:
            return
        if fate.duplicated:
            await self._tell("orders/create", fate, created_at, Moment(paid=paid_at_once))
        if fate.paid_later and not fate.paid_first:
            await asyncio.sleep(rng.uniform(0.05, 1.5))
            await self._tell("orders/paid", fate, created_at, Moment(paid=True))
        if fate.updated:
            await asyncio.sleep(rng.uniform(0.05, 1.5))
            moment = Moment(note=rng.choice(NOTES))
            await self._tell("orders/updated", fate, created_at, moment)
        if fate.cancelled:
            await asyncio.sleep(rng.uniform(0.0, 2.0))
            moment = Moment(cancelled_at=_stamp(time.time()))
            fate.cancel_accepted = await self._tell("orders/cancelled", fate, created_at, moment)

    async def _tell(
        self, topic: str, fate: Fate, created_at: float, moment: Moment, malformed: str = ""
    ) -> bool:
        now = created_at if topic == "orders/create" else time.time()
        moment = Moment(
            created_at=_stamp(created_at),
            updated_at=_stamp(now),
            paid=moment.paid,
            note=moment.note,
            cancelled_at=moment.cancelled_at,
        )
        body = payload(self._plan.recipe, fate.number, moment)
        # A create that its payment overtook tells of a moment that is over at the shop.
        if self._book is not None and not (topic == "orders/create" and fate.paid_first):
            number = self._plan.recipe.order_id(fate.number)
            await self._book.tell(number, moment.updated_at, body)
        if fate.dropped:
            return False
        if malformed:
            body = corrupt(body, malformed)
        # Only a create repeats itself, so shop, order and topic make an id that never clashes.
        webhook_id = f"{self._plan.recipe.order_id(fate.number):013d}-{topic.partition('/')[2]}"
        taken = await self._sender.deliver(
            Webhook(
                topic=topic,
                id=webhook_id,
                event_id=f"event-{webhook_id}",
                triggered_at=datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z"),
                body=body,
                refusable=bool(malformed),
            )
        )
        if not taken and not malformed and self._book is not None:
            await self._book.failed(topic)
        return taken

    def progress(self) -> str:
        """One line about how far it is."""
        figures = self._sender.figures
        return (
            f"{self._sent} orders sent, {self.accepted} accepted,"
            f" {figures.delivered} webhooks taken, {figures.retries} retries,"
            f" {figures.given_up} given up"
        )

    def report(self) -> dict[str, object]:
        """Everything that was sent, and how it was answered."""
        figures = self._sender.figures
        recipe = self._plan.recipe
        return {
            "shop": recipe.shop,
            "seed": recipe.seed,
            "sent": self._sent,
            "accepted": self.accepted,
            "webhooks": figures.webhooks,
            "webhooks_taken": figures.delivered,
            "retries": figures.retries,
            "given_up": figures.given_up,
            "refused": figures.refused,
            "webhook_ms": {
                "p50": figures.quantile(0.5),
                "p99": figures.quantile(0.99),
                "max": figures.quantile(1.0),
            },
            "started_at": datetime.fromtimestamp(self._started_at, UTC).isoformat(),
            "finished_at": datetime.fromtimestamp(
                self._finished_at or time.time(), UTC
            ).isoformat(),
            "cpu_seconds": round(time.process_time(), 3),
            "refs": [
                {
                    "ref": recipe.gid(fate.number),
                    "name": f"#{fate.number}",
                    "accepted": fate.accepted,
                    "cancelled": fate.cancelled and not fate.bad,
                    "cancel_accepted": fate.cancel_accepted,
                    "paid_later": fate.paid_later,
                    "paid_first": fate.paid_first,
                    "updated": fate.updated and not fate.bad,
                    "duplicated": fate.duplicated and not fate.bad,
                    "bad": fate.bad or None,
                    "dropped": fate.dropped,
                }
                for fate in self._fates
            ],
        }

    def write_report(self, file: Path | None) -> None:
        """Writes the report, whole or not at all."""
        if file is None:
            return
        draft = file.with_name(file.name + ".part")
        draft.write_text(json.dumps(self.report()), encoding="utf-8")
        draft.replace(file)

    def close(self) -> None:
        """Hangs up."""
        self._sender.close()
        if self._book is not None:
            self._book.close()

"""One run of the simulated shop: which orders are placed when, and what becomes of each of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path

from ops.simulators.shop_changes import Change, changes, fulfilled, locations, request
from ops.simulators.shop_expected import expected
from ops.simulators.shop_fates import NOTES, Fate, Plan, corrupt, draw
from ops.simulators.shop_keeper import BookKeeper
from ops.simulators.shop_placing import placing_news
from ops.simulators.shop_statement import Json, stamp
from ops.simulators.shop_template import Moment, payload
from ops.simulators.webhooks import Sender, Webhook

MAX_OPEN_STORIES = 20_000
# An endless run reports its newest orders only.
MAX_REPORTED = 1_000_000


class ShopRun:
    """Places the orders and tells their stories; the figures stay readable while it runs.

    Raises ValueError for a plan that needs a book, and has none: what is edited, or fulfilled from
    two locations, is known to the shop's API alone.
    """

    def __init__(self, plan: Plan, url: str, secret: str, book: str = "") -> None:
        if plan.is_live and not book:
            raise ValueError("Edits, split orders and echoes need the shop's book.")
        self._plan = plan
        self._hook = (url, secret)
        self._book = BookKeeper(book, plan.recipe.shop) if book else None
        self._sender = Sender(url, secret, plan.recipe.shop, plan.concurrency, plan.give_up_seconds)
        self._fates: deque[Fate] = deque(maxlen=MAX_REPORTED)
        self._sent = 0
        self._open = asyncio.Semaphore(MAX_OPEN_STORIES)
        self._stories: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._started_at = time.time()
        self._finished_at = 0.0
        self.accepted = 0

    async def run(self) -> None:
        """Sends every webhook of every order; returns when each was taken or given up. Raises what
        went wrong first: an order whose story broke off tells less than it should."""
        loop = asyncio.get_running_loop()
        if self._book is not None and self._plan.echo_ms is not None:
            await self._book.echo(*self._hook, self._plan.echo_ms)
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
            if self._failure is not None:
                raise self._failure
        finally:
            for task in self._stories:
                task.cancel()
            self._finished_at = time.time()

    def _told(self, task: asyncio.Task[None]) -> None:
        self._stories.discard(task)
        self._open.release()
        if not task.cancelled():
            error = task.exception()
            self._failure = self._failure or error

    async def _story(self, fate: Fate, ahead: asyncio.Semaphore) -> None:
        rng = random.Random(f"{self._plan.recipe.seed}:{fate.number}:story")
        created_at = time.time()
        paid_at_once = fate.payment == "card" and not fate.paid_later
        if fate.tags and self._book is not None:
            await self._book.parcels(self._plan.recipe.order_id(fate.number), fate.tags)
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
        if self._plan.news and not fate.dropped:
            await self._news(fate, created_at, Moment(paid=paid_at_once))
        if self._plan.is_live:
            await self._live(fate, created_at)
            return
        if fate.paid_later and not fate.paid_first:
            await asyncio.sleep(rng.uniform(0.05, 1.5))
            await self._tell("orders/paid", fate, created_at, Moment(paid=True))
        paid = fate.payment == "card"
        if fate.updated:
            await asyncio.sleep(rng.uniform(0.05, 1.5))
            moment = Moment(note=rng.choice(NOTES), paid=paid)
            await self._tell("orders/updated", fate, created_at, moment)
        if fate.cancelled:
            await asyncio.sleep(rng.uniform(0.0, 2.0))
            moment = Moment(cancelled_at=stamp(time.time()), paid=paid)
            fate.cancel_accepted = await self._tell("orders/cancelled", fate, created_at, moment)

    async def _news(self, fate: Fate, created_at: float, moment: Moment) -> None:
        """Send what else Shopify sends of a placed order, in the same moment."""
        said = self._moment(fate, created_at, created_at, moment)
        body = payload(self._plan.recipe, fate.number, said)
        number = self._plan.recipe.order_id(fate.number)
        for place, (topic, told) in enumerate(placing_news(body, paid=moment.paid), start=1):
            await self._deliver(topic, f"{number:013d}-news-{place}", created_at, told)

    async def _live(self, fate: Fate, created_at: float) -> None:
        """Change the order in the shop's book, and send the webhooks of it."""
        rng = random.Random(f"{self._plan.recipe.seed}:{fate.number}:changes")
        moment = Moment(
            created_at=stamp(created_at),
            updated_at=stamp(created_at),
            paid=fate.payment == "card" and (fate.paid_first or not fate.paid_later),
            tags=", ".join(fate.tags),
            payment=fate.payment,
        )
        order: Json = json.loads(payload(self._plan.recipe, fate.number, moment))
        places = locations(fate, order)
        sent: Counter[str] = Counter({"orders/paid": int(fate.paid_first)})
        fate.expected = expected(order, places, fate.payment)
        for change in changes(self._plan, fate, rng):
            await asyncio.sleep(max(0.0, created_at + change.after_seconds - time.time()))
            order = await self._change(fate, change, order, rng, sent)
            fate.expected = expected(order, places, fate.payment)

    async def _change(
        self, fate: Fate, change: Change, order: Json, rng: random.Random, sent: Counter[str]
    ) -> Json:
        """Do one change, and return the order after it; it may come too late for the shop."""
        assert self._book is not None
        told: dict[str, object] = {"what": change.name, "at": _iso(time.time()), "applied": False}
        fate.changes.append(told)
        wish = request(change, order, rng)
        if wish is None:
            told["why"] = "The order has nothing to take away."
            return order
        number = self._plan.recipe.order_id(fate.number)
        done, answer = await self._book.do(number, change.what, wish)
        if not done:
            told["why"] = answer["error"]
            return order
        told |= {"applied": True, "asked": wish, "fulfilled_then": fulfilled(answer)}
        taken = True
        for one in () if fate.dropped else answer["webhooks"]:
            taken = await self._send_change(number, one, sent) and taken
        if change.what == "cancel":
            fate.cancel_accepted = taken
        after: Json = answer["order"]
        return after

    async def _send_change(self, number: int, one: Json, sent: Counter[str]) -> bool:
        topic = one["topic"]
        sent[topic] += 1
        times = f"-{sent[topic]}" if sent[topic] > 1 else ""
        webhook_id = f"{number:013d}-{topic.partition('/')[2]}{times}"
        return await self._deliver(topic, webhook_id, time.time(), json.dumps(one["body"]).encode())

    async def _tell(
        self, topic: str, fate: Fate, created_at: float, moment: Moment, malformed: str = ""
    ) -> bool:
        now = created_at if topic == "orders/create" else time.time()
        moment = self._moment(fate, created_at, now, moment)
        body = payload(self._plan.recipe, fate.number, moment)
        # A create that its payment overtook tells of a moment that is over at the shop.
        if self._book is not None and not (topic == "orders/create" and fate.paid_first):
            number = self._plan.recipe.order_id(fate.number)
            places = locations(fate, json.loads(body)) if fate.split else None
            await self._book.tell(number, moment.updated_at, body, places)
        if self._plan.is_told_whole and not fate.bad:
            fate.expected = expected(json.loads(body), {}, fate.payment)
        if fate.dropped:
            return False
        if malformed:
            body = corrupt(body, malformed)
        # Only a create repeats itself, so shop, order and topic make an id that never clashes.
        webhook_id = f"{self._plan.recipe.order_id(fate.number):013d}-{topic.partition('/')[2]}"
        return await self._deliver(topic, webhook_id, now, body, refusable=bool(malformed))

    @staticmethod
    def _moment(fate: Fate, created_at: float, now: float, moment: Moment) -> Moment:
        """The moment with what was drawn for the order."""
        return Moment(
            created_at=stamp(created_at),
            updated_at=stamp(now),
            paid=moment.paid,
            note=moment.note,
            cancelled_at=moment.cancelled_at,
            tags=", ".join(fate.tags),
            payment=fate.payment,
        )

    async def _deliver(
        self, topic: str, webhook_id: str, now: float, body: bytes, *, refusable: bool = False
    ) -> bool:
        taken = await self._sender.deliver(
            Webhook(
                topic=topic,
                id=webhook_id,
                event_id=f"event-{webhook_id}",
                triggered_at=_iso(now),
                body=body,
                refusable=refusable,
            )
        )
        if not taken and not refusable and self._book is not None:
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
            "refs": [self._told_of(fate) for fate in self._fates],
        }

    def _told_of(self, fate: Fate) -> dict[str, object]:
        told: dict[str, object] = {
            "ref": self._plan.recipe.gid(fate.number),
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
        if self._plan.is_live and not fate.bad:
            # The shop may have refused: some goods had left.
            told["cancelled"] = bool(fate.expected.get("cancelled"))
            told["changes"] = fate.changes
        if self._plan.is_told_whole and not fate.bad:
            told["expected"] = fate.expected
        return told

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


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")

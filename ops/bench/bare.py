"""`python -m ops.bench.bare`: the I/O of an order (`ops/bench/calls.py`) without logic.

One process with uvloop, nats-py, asyncpg, aiohttp and aiosmtplib, as an engineer would first write
it. It imports nothing from the product. At SIGTERM it prints its counts as JSON. The servers'
addresses contain passwords, so they come from the environment: BARE_POSTGRES_DSN and BARE_NATS_URL.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any

import nats
import uvloop
from aiohttp import web
from nats.aio.msg import Msg
from nats.js import api

from ops.bench import calls
from ops.bench.bare_partners import Partners, Unexpected
from ops.bench.bare_store import Order, Store

BATCH = 256
TIMER_SECONDS = 0.05
MAX_BODY_BYTES = 1024 * 1024
COLLECTOR = (150_000, 50, 100)
"""The same garbage collector settings as the product, so that only the work differs."""


class Bare:
    """The running loop."""

    def __init__(self, store: Store, partners: Partners, jetstream: Any) -> None:
        self._store = store
        self._partners = partners
        self._jetstream = jetstream
        self._orders: dict[str, Order] = {}
        self._by_reference: dict[str, Order] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._published = 0
        self._started = 0
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = 0
        self.first_at = 0.0
        self.last_at = 0.0

    async def hook(self, request: web.Request) -> web.Response:
        """Publish the body to the stream; answer when it is on disk."""
        body = await request.read()
        self._published += 1
        kind = "place" if request.match_info["source"] == "acme-us" else "packed"
        headers = {"Nats-Msg-Id": f"acme-us/{kind}/{self._published}", "Source": "bench"}
        subject = f"orders.in.acme-us.{kind}.{self._published}"
        if not self.first_at:
            self.first_at = time.monotonic()
        await self._jetstream.publish(subject, body, headers=headers)
        return web.Response()

    async def ready(self, _: web.Request) -> web.Response:
        """Answer that the process listens."""
        return web.Response(text="ready")

    async def consume(self, subscription: Any) -> None:
        """Process messages until cancelled."""
        while True:
            try:
                messages = await subscription.fetch(BATCH, timeout=1)
            except TimeoutError:
                continue
            for message in messages:
                _ = self._spawn(self._take(message))

    async def fire(self) -> None:
        """Resume the orders whose timers are due."""
        while True:
            await asyncio.sleep(TIMER_SECONDS)
            for order_id in await self._store.due():
                order = self._orders.get(order_id)
                if order is not None and not order.track.done():
                    order.track.set_result(None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self.failed.done():
            self.failed.set_exception(task.exception() or Unexpected())

    async def _take(self, message: Msg) -> None:
        if message.subject.endswith(".place"):
            await self._live(message)
        else:
            order = self._by_reference[json.loads(message.data)["reference"]]
            await self._store.commit(order, calls.PACKED)
            await message.ack()
            order.packed.set_result(None)

    async def _live(self, message: Msg) -> None:
        store, partners = self._store, self._partners
        order = self._new_order(message.data)
        await store.commit(order, calls.PLACE)
        await message.ack()
        await store.stock.put(order)
        await store.commit(order, calls.RESERVED)
        others = [
            self._spawn(work) for work in (self._post(order), self._task(order), self._mail(order))
        ]
        await order.packed
        tracking, label = await partners.buy_label(order)
        await store.commit(order, calls.LABELLED, label)
        await order.track
        await store.commit(order, calls.ASKED)
        status = await partners.track(order, tracking)
        if status != "D":
            raise Unexpected(f"The parcel {tracking} should be delivered, but is {status}.")
        await store.commit(order, calls.DELIVERED)
        await partners.publish(order, tracking)
        await asyncio.gather(*others)
        await store.commit(order, calls.CLOSED)
        await store.records.put(order)
        del self._orders[order.id], self._by_reference[order.reference]
        self.closed += 1
        self.last_at = time.monotonic()

    def _new_order(self, body: bytes) -> Order:
        placed = json.loads(body)
        self._started += 1
        lines = [(str(line["id"]), line["sku"], line["quantity"]) for line in placed["line_items"]]
        order = Order(self._started, placed["admin_graphql_api_id"], placed["name"], lines)
        self._orders[order.id] = self._by_reference[order.reference] = order
        return order

    async def _post(self, order: Order) -> None:
        await self._partners.post_sales_order(order)
        await self._store.commit(order, calls.ORDERED)

    async def _task(self, order: Order) -> None:
        await self._partners.create_task(order)
        await self._store.commit(order, calls.RELEASED)

    async def _mail(self, order: Order) -> None:
        await self._store.notes.put(order)
        await self._partners.send_mail(order)
        await self._store.commit(order, calls.NOTIFIED)


async def _streams(jetstream: Any) -> Any:
    """Create the stream and its consumer as the product does; return the subscription."""
    await jetstream.add_stream(
        api.StreamConfig(
            name="ORDERS",
            subjects=["orders.in.*.*.*"],
            subject_transform=api.SubjectTransform(
                src="orders.in.*.*.*",
                dest="orders.p.{{partition(32,3)}}.{{wildcard(1)}}.{{wildcard(2)}}",
            ),
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy.NEW,
            max_bytes=2 * 1024**3,
            duplicate_window=120.0,
        )
    )
    wanted = api.ConsumerConfig(
        durable_name="bare", ack_policy=api.AckPolicy.EXPLICIT, ack_wait=30.0, max_ack_pending=4096
    )
    await jetstream.add_consumer("ORDERS", wanted)
    return await jetstream.pull_subscribe_bind("bare", "ORDERS")


async def _wait(ended: asyncio.Event) -> None:
    await ended.wait()


async def run(given: argparse.Namespace) -> dict[str, object]:
    """Serve until SIGTERM; return the counts."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    store = await Store.open(os.environ["BARE_POSTGRES_DSN"])
    client = await nats.connect(os.environ["BARE_NATS_URL"])
    jetstream = client.jetstream()
    subscription = await _streams(jetstream)
    callback = f"http://127.0.0.1:{given.port}/hooks/warehouse"
    async with Partners(given.partners, given.smtp_port, callback) as partners:
        bare = Bare(store, partners, jetstream)
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.post("/hooks/{source}", bare.hook), web.get("/readyz", bare.ready)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", given.port).start()
        work = [
            asyncio.create_task(one)
            for one in (
                store.steps.run(),
                store.stock.run(),
                store.notes.run(),
                store.records.run(),
                bare.consume(subscription),
                bare.fire(),
            )
        ]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
        until = asyncio.create_task(_wait(ended))
        ends: list[asyncio.Future[None]] = [*work, bare.failed, until]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for one in ends:
            if one.done():
                one.result()
            one.cancel()
        await runner.cleanup()
    await client.close()
    seconds = bare.last_at - bare.first_at
    used = os.times()
    return {
        "orders": bare.closed,
        "seconds": round(seconds, 3),
        "orders_per_second": round(bare.closed / seconds, 1) if seconds > 0 else 0.0,
        "cpu_ms_per_order": round((used.user + used.system) * 1000 / max(1, bare.closed), 3),
        "commits": store.steps.commits,
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.bare", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen for webhooks")
    parser.add_argument("--partners", required=True, help="the simulated partners' address")
    parser.add_argument("--smtp-port", type=int, required=True, help="the simulated mail server's")
    parser.add_argument("--calls", action="store_true", help="print the table of calls and exit")
    if "--calls" in sys.argv[1:]:
        print(calls.table())
        return
    print(json.dumps(uvloop.run(run(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()

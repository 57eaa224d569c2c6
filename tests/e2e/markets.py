"""The channels beside the Shopify shops: Amazon, BigCommerce, and a shop that speaks our contract.

Each sends orders over its own road (a forwarded notification, a light webhook, the API), changes
and cancels some, and repeats what was not taken.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp
import msgspec
import nats
import nats.errors
from msgspec import Struct
from msgspec.structs import replace

from adapters.channels.bigcommerce.source import SECRET_HEADER
from adapters.postgres.keys import ApiKeys
from service.app import running
from service.app.sessions import open_reports
from service.demo.world import ERP, new_secret, toml
from tests import bigcommerce_payloads
from tests.e2e.market_orders import MARKETPLACE, Json, amazon_order, big_order, expected, stamp
from tests.e2e.processes import passes
from tests.e2e.world import World
from tests.orders import an_order

AMAZON, BIG, OWN = "amazon-us", "acme-bc", "wholesale"
MARKETS = (AMAZON, BIG, OWN)
ANSWER_SECONDS, PAUSE_SECONDS = 5.0, 0.3
GIVE_UP_SECONDS = 600.0
PENDING, CANCELLED, MOVED = 0.3, 0.1, 0.1
"""Shares of Amazon's orders that wait for their payment at first, and of all that are cancelled or
get another address soon afterwards."""
LATER_SECONDS = 4.0
COPIED = 4
"""Every so many orders of Amazon's come through our own contract as well, at the same time."""
WRITES: Mapping[str, tuple[str, ...]] = {
    "amazon": ("confirm_shipment", "get_order"),
    "bigcommerce": ("create_shipment", "update_order", "get_order", "get_part"),
}
_BUCKETS = {"get_order": {"rate": 20, "burst": 30}, "confirm_shipment": {"rate": 20, "burst": 30}}


class Sent(Struct, kw_only=True):
    """An order that a channel sent; `expected` is the judge's. `what` became of it later: "",
    cancelled or moved. `copy_of` is the order of Amazon's that it is as well."""

    channel: str
    ref: str
    expected: Json
    what: str = ""
    copy_of: str = ""


def configure(world: World) -> None:
    """Add the channels to the configuration, before the service starts."""
    table = tomllib.loads(world.config.read_text())
    calls, secret = table["partners"][ERP]["calls"], world.partners.webhook_secret
    there = world.partners.http
    table["channels"] |= {
        AMAZON: {
            "kind": "amazon",
            "webhook_secrets": [secret],
            "client_id": "amzn1.application-oa2-client.1",
            "client_secret": new_secret(),
            "refresh_token": new_secret(),
            "region": "na",
            "marketplace_ids": [MARKETPLACE],
            "api_base_url": f"{there}/amazon",
            "token_url": f"{there}/amazon/auth/o2/token",
            "backfill_seconds": 0,
            "calls": calls,
        },
        BIG: {
            "kind": "bigcommerce",
            "api_base_url": f"{there}/bigcommerce",
            "access_token": "the token of the store",
            "webhook_secrets": [secret],
            "store_hash": bigcommerce_payloads.STORE,
            "backfill_seconds": 0,
            "calls": calls,
        },
        OWN: {"kind": "canonical", "calls": calls, "marketplace_orders": True},
    }
    world.config.write_text(toml(table))


class Markets:
    """Sends `each` orders per channel, one of each every `pause_seconds`."""

    def __init__(self, world: World, *, each: int, pause_seconds: float, seed: int) -> None:
        self._world = world
        self._each = each
        self._pause = pause_seconds
        self._rng = random.Random(seed)
        self._key = ""
        self._hooks = 0
        self._later: set[asyncio.Task[None]] = set()
        self.sent: list[Sent] = []

    async def prepare(self) -> None:
        """Make an API key, and tell the simulated partners where their news goes."""
        async with open_reports(self._world.runtime().postgres_dsn) as pool:
            keys = ApiKeys(pool, monotonic=time.monotonic)
            _, self._key = await keys.create("own", ["orders:write"], [OWN], now=datetime.now(UTC))
        url, secret = f"{self._world.url}/hooks/{AMAZON}", self._world.partners.webhook_secret
        ask = self._world.ask
        await ask("POST", "/_sim/amazon/forwarder", {"url": url, "secret": secret})
        await ask("POST", "/_sim/amazon/limits", _BUCKETS)
        await ask("POST", f"{self._store}/habits", {"quota": 1_000_000})

    async def run(self) -> None:
        """Send everything, with what follows of it. Fails for what is never taken. The limits are
        of single orders: how long all of them take depends on the machine."""
        roads: tuple[Callable[[int], Awaitable[Sent]], ...]
        roads = (self._amazon, self._big, self._own)
        for number in range(1, self._each + 1):
            async with asyncio.timeout(2 * GIVE_UP_SECONDS):
                self.sent += await asyncio.gather(*(road(number) for road in roads))
            await self._idle(self._pause)
        async with asyncio.timeout(2 * GIVE_UP_SECONDS):
            await asyncio.gather(*self._later)
        await self._forwarded()

    async def _forwarded(self) -> None:
        """Wait until the forwarder has told everything; it goes on for as long as less is left."""
        least, give_up = math.inf, 0.0
        while waiting := (await self._world.ask("GET", "/_sim/amazon/forwarder"))["waiting"]:
            if waiting < least:
                least, give_up = waiting, time.monotonic() + GIVE_UP_SECONDS
            assert time.monotonic() < give_up, f"{waiting} notifications were never taken."
            await self._idle(PAUSE_SECONDS)

    async def close(self) -> None:
        """End what is under way, after a failure."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    @property
    def _store(self) -> str:
        return f"/_sim/bigcommerce/{bigcommerce_payloads.STORE}"

    async def _idle(self, seconds: float) -> None:
        # The service may be killed meanwhile, as is expected here.
        with suppress(AssertionError):
            await passes(self._world.service, seconds)

    def _soon(self, one: Sent, change: Callable[[Sent, str], Awaitable[bool]]) -> Sent:
        """Have an order changed within seconds, if it is its turn."""
        drawn = self._rng.random()
        what = "cancelled" if drawn < CANCELLED else "moved" if drawn < CANCELLED + MOVED else ""
        if what:
            seconds = self._rng.uniform(0.0, LATER_SECONDS)
            self._later.add(asyncio.create_task(self._change(one, what, seconds, change)))
        return one

    async def _change(
        self, one: Sent, what: str, seconds: float, change: Callable[[Sent, str], Awaitable[bool]]
    ) -> None:
        await self._idle(seconds)
        # Before it is tried: a change that was made counts, whatever became of the answer.
        one.what = what
        if not await change(one, what):
            one.what = ""

    async def _amazon(self, number: int) -> Sent:
        """Put an order there, pending at first or not, and have Amazon tell of it."""
        order = amazon_order(number)
        if self._rng.random() < PENDING:
            bare = {k: v for k, v in order.items() if k not in {"recipient", "buyer", "proceeds"}}
            bare["fulfillment"] = {**order["fulfillment"], "fulfillmentStatus": "PENDING"}
            await self._put_amazon(bare)
            await self._idle(self._rng.uniform(0.0, LATER_SECONDS))
            order["lastUpdatedTime"] = stamp(2)
        await self._put_amazon(order)
        one = Sent(
            channel=AMAZON,
            ref=order["orderId"],
            expected=expected(
                {x["orderItemId"]: x["quantityOrdered"] for x in order["orderItems"]},
                total="32.20", tax="3.20", postal_code="40202",
            ),
        )  # fmt: skip
        return self._soon(one, self._change_at_amazon)

    async def _put_amazon(self, order: Json) -> None:
        await self._world.ask("POST", "/_sim/amazon/orders", {"orders": [order]})
        path = f"/_sim/amazon/orders/{order['orderId']}/edit"
        await self._world.ask("POST", path, {"service_level": "STANDARD"})

    async def _change_at_amazon(self, one: Sent, what: str) -> bool:
        moved = {"addressLine1": "2 New Street", "postalCode": "40203"}
        wanted = {"cancel": "BuyerCanceled"} if what == "cancelled" else {"ship_to": moved}
        return await self._tried(f"/_sim/amazon/orders/{one.ref}/edit", wanted)

    async def _big(self, number: int) -> Sent:
        """Put an order into the store, and send its webhook until it is taken."""
        ref = 5_000 + number
        bundle = big_order(ref)
        told = {"orders": [bundle], "tell": False}
        await self._world.ask("POST", f"{self._store}/orders", told)
        await self._hook("store/order/created", ref)
        one = Sent(
            channel=BIG,
            ref=str(ref),
            expected=expected(
                {str(x["id"]): x["quantity"] for x in bundle["products"]},
                total="32.05", tax="2.55", postal_code="78751",
            ),
        )  # fmt: skip
        return self._soon(one, self._change_in_store)

    async def _change_in_store(self, one: Sent, what: str) -> bool:
        moved = {"street_1": "2 New Street", "zip": "78752"}
        wanted: Json = {"status_id": 5} if what == "cancelled" else {"ship_to": moved}
        if not await self._tried(f"{self._store}/orders/{one.ref}/edit", wanted):
            return False
        await self._hook("store/order/updated", int(one.ref))
        return True

    async def _tried(self, path: str, wanted: Json) -> bool:
        """Say whether a partner's people could make a change; 409: it was too late."""
        try:
            await self._world.ask("POST", path, wanted)
        except AssertionError as refused:
            if ": 409 " not in str(refused):
                raise
            return False
        return True

    async def _hook(self, scope: str, ref: int) -> None:
        self._hooks += 1
        hook = bigcommerce_payloads.a_hook(scope, ref, hash=f"{self._hooks:040x}")
        secret = self._world.partners.webhook_secret
        await self._post(f"/hooks/{BIG}", msgspec.json.encode(hook), {SECRET_HEADER: secret})

    async def _own(self, number: int) -> Sent:
        """Place an order over the API; one that is cancelled, over NATS."""
        order = an_order(ref=f"OWN-{number}", number=f"OWN-{number}")
        lines = tuple(
            replace(line, sku=f"SKU-{place:03d}") for place, line in enumerate(order.lines, 1)
        )
        copied = amazon_order(number)["orderId"] if number % COPIED == 0 else ""
        ref = f"amazon:{copied}" if copied else ""
        body = msgspec.json.encode(replace(order, lines=lines, marketplace_ref=ref))
        key = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": order.ref}
        await self._post("/api/v1/orders", body, key)
        one = Sent(
            channel=OWN,
            ref=order.ref,
            copy_of=copied,
            expected=expected(
                {line.line_id: line.quantity for line in lines},
                total="22.50", tax="0.00", postal_code="40003",
            ),
        )  # fmt: skip
        return self._soon(one, self._cancel_ours)

    async def _cancel_ours(self, one: Sent, what: str) -> bool:
        if what != "cancelled":
            return False
        told = {"type": "order.cancel.v1", "ref": one.ref, "reason": "customer"}
        subject = f"orders.in.{OWN}.cancel.{one.ref}"
        give_up = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < give_up:
            with suppress(nats.errors.Error, OSError, running.NotRunning, TimeoutError):
                client = await nats.connect(
                    self._world.channel_nats(OWN), allow_reconnect=False, connect_timeout=2
                )
                try:
                    headers = {"Nats-Msg-Id": f"{OWN}/cancel/{one.ref}"}
                    body = json.dumps(told).encode()
                    stream = client.jetstream()
                    await stream.publish(subject, body, timeout=2, headers=headers)
                    return True
                finally:
                    await client.close()
            await self._idle(PAUSE_SECONDS)
        raise AssertionError(f"The cancellation of {one.ref} was never taken.")

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Post until it is taken. Fails for a refusal, and for what is never taken."""
        give_up = time.monotonic() + GIVE_UP_SECONDS
        named = {"Content-Type": "application/json", **headers}
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        while time.monotonic() < give_up:
            try:
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.post(f"{self._world.url}{path}", data=body, headers=named) as answer,
                ):
                    text = await answer.text()
                    if answer.status < 300:
                        return
                    # 409: a process that was killed had begun with it.
                    again = answer.status >= 500 or answer.status in (409, 429)
                    assert again, f"{path}: {text}"
            except (aiohttp.ClientError, TimeoutError):
                pass  # The service was killed, and starts again.
            await self._idle(PAUSE_SECONDS)
        raise AssertionError(f"{path} was never taken.")

"""The servers in which real stories happen: the service with its own NATS and Postgres, and the
simulated partners, started once for all stories of a process.

Every seller of the stories is a channel of this one service. Warehouses work only when a story
says so, and parcels move only when it does; the service gives a call up at its first failure, so
that a lost answer is a person's at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import nats
from nats.js import JetStreamContext

from adapters.nats.marks import JOURNAL
from adapters.nats.streams import EVENTS
from ops.simulators.storefront import Recipe, sign
from schemas.order.ids import OrderId, order_id_for
from service.app.local import LocalSession, open_local
from service.demo.world import Pace, configuration, toml
from service.orders.local import LocalOrders
from service.wiring.store import seed_stock
from tests.e2e.world import World
from tests.integration.servers import temporary_home

T = TypeVar("T")
Json = dict[str, Any]
"""Free-form JSON of simulators."""

PLENTY = 1_000
CASH = "Cash on Delivery (COD)"
EVERY_MAIL = ["order_confirmed", "order_cancelled", "order_partly_cancelled"]

PLACES: Mapping[str, Mapping[str, str]] = {
    "wh1": {"warehouse": "wms-1", "carrier": "ups"},
    "wh2": {"warehouse": "wms-2", "carrier": "ups"},
    "third": {"warehouse": "wms-3", "carrier": "", "labels": "them"},
    "tracked": {"warehouse": "wms-3", "carrier": "ups", "labels": "them"},
    "home": {"warehouse": "", "carrier": "ups"},
}
HOUSES = {"wms-1": "one", "wms-2": "two", "wms-3": "three"}
"""The simulated warehouse behind each partner."""

SELLERS: Mapping[str, Mapping[str, Any]] = {
    "full": {"places": ["wh1"]},
    "two places": {"places": ["wh1", "wh2"], "writes": EVERY_MAIL},
    "three places": {"places": ["wh1", "wh2", "tracked"], "short_pick": "backorder"},
    "3PL": {"places": ["third"]},
    "no warehouse": {"places": ["home"]},
    "no ERP": {"places": ["wh1"], "erp": ""},
    "refunds": {
        "places": ["wh1", "wh2"],
        "refund": "automatic",
        "returns": "automatic",
        "return_refund": "full",
        "short_pick": "drop",
        "writes": [*EVERY_MAIL, "order_refunded"],
    },
    "captures": {"places": ["wh1"], "capture": "handover"},
    "captures parts": {
        "places": ["wh1", "wh2"],
        "capture": "handover",
        "capture_parts": True,
        "writes": EVERY_MAIL,
    },
    "COD": {
        "places": ["wh1", "wh2"],
        "collected_payment_methods": [CASH],
        "short_pick": "drop",
        "writes": EVERY_MAIL,
    },
}
"""The sellers of `tests.model.setups` that are here, as their channels' settings."""

PACE = Pace(
    first_track_seconds=0.2,
    track_every_seconds=0.3,
    stock_retry_seconds=0.5,
    timeout_seconds=2.0,
    retry_first_seconds=0.1,
    retry_most_seconds=0.5,
    retry_attempts=1,
    settle_seconds=0.2,
    breaker_failures=1_000,
    breaker_open_seconds=0.5,
)
SOUGHT_SECONDS = [0.5, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0]
"""When what was skipped is looked up; in earnest it is after a quarter of an hour, one, and 24."""


def channel_of(seller: str) -> str:
    """The channel of a seller."""
    return seller.lower().replace(" ", "-")


class Realm(World):
    """What is shared by all stories. `run` lets its loop work until something is done."""

    session: aiohttp.ClientSession
    local: LocalSession
    orders: LocalOrders
    streams: JetStreamContext

    def __init__(self, home: Path, stack: ExitStack) -> None:
        super().__init__(home, stack)
        self.loop = asyncio.new_event_loop()
        self.numbers = itertools.count(1_001)
        self.connections = AsyncExitStack()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end."""
        return self.loop.run_until_complete(work)

    def configure(self, data: Path, pace: Pace = PACE) -> None:
        """Have the service serve every seller of the stories."""
        self.data = data
        port = int(self.url.rpartition(":")[2])
        table = configuration(self.partners, port=port, data_dir=str(data), pace=pace)
        shop, partners = table["channels"]["acme-us"], table["partners"]
        warehouse, _ = partners.pop("warehouse-east"), partners.pop("warehouse-west")
        partners.pop("fedex")
        for name, house in HOUSES.items():
            url = f"{self.partners.http}/warehouses/{house}"
            partners[name] = {**warehouse, "base_url": url}
        for partner in (*partners.values(), shop):
            partner["calls"] = {**partner["calls"], "sought_seconds": SOUGHT_SECONDS}
        table["places"] = {name: dict(place) for name, place in PLACES.items()}
        table["channels"] = {
            (name := channel_of(seller)): {
                **shop,
                "short_pick": "ask",
                "shop_domain": f"{name}.myshopify.com",
                "api_base_url": f"{self.partners.http}/shopify/{name}.myshopify.com",
                "promised_payment_methods": [],
                "collected_payment_methods": [],
                **settings,
            }
            for seller, settings in SELLERS.items()
        }
        self.config.write_text(toml(table))
        self.config.chmod(0o600)

    async def open(self) -> None:
        """Start everything, and connect to it."""
        habits = json.dumps({"pause": True})
        words = ("--warehouse-habits", habits, "--deliver-when-told", "--latency-ms", "1")
        await self.start_partners(*words, "--deliver-after-seconds", "0", pace=PACE)
        self.start_service()
        await self.ready()
        await self.connect()
        for seller in SELLERS:
            name = channel_of(seller)
            wish = {
                "url": f"{self.url}/hooks/{name}",
                "secret": self.partners.webhook_secret,
                "delay_ms": [1, 10],
            }
            await self.ask("POST", f"/_sim/shops/{name}.myshopify.com/webhooks", wish)

    async def connect(self) -> None:
        """Connect to what runs."""
        stack = self.connections = AsyncExitStack()
        timeout = aiohttp.ClientTimeout(total=15.0)
        self.session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        self.local = await stack.enter_async_context(open_local(self.data))
        self.orders = LocalOrders(self.local)
        client = await nats.connect(self.runtime().nats_url)
        stack.push_async_callback(client.close)
        self.streams = client.jetstream()

    async def kill_and_restart(self) -> None:
        """kill -9 of the service, its NATS and its Postgres, and a new start."""
        await self.connections.aclose()
        await self.kill_all()
        self.start_service()
        await self.ready()
        await self.connect()

    async def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Json:
        """Ask the simulators."""
        if not hasattr(self, "session"):
            return await super().ask(method, path, body)
        async with self.session.request(method, f"{self.partners.http}{path}", json=body) as answer:
            text = await answer.text()
            assert answer.status < 300, f"{method} {path} {body}: {answer.status} {text}"
            found: Json = json.loads(text) if text else {}
            return found

    async def hook(self, channel: str, topic: str, name: str, order: Json) -> None:
        """Send a webhook of an order as its shop does."""
        body = json.dumps(order).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-SHA256": sign(body, self.partners.webhook_secret),
            "X-Shopify-Shop-Domain": f"{channel}.myshopify.com",
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": name,
        }
        url = f"{self.url}/hooks/{channel}"
        async with self.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def put_on_shelf(self, place: str, sku: str, quantity: int) -> None:
        """A place has so many of a SKU."""
        await seed_stock(self.local.pool, [sku], quantity, place=place)

    async def entries(self, prefix: str) -> list[Json]:
        """What the partners did for an order, oldest first."""
        found = await self.ask("GET", f"/_sim/ledger/orders?prefix={prefix}")
        return [entry for order in found["orders"] for entry in order["entries"]]

    async def unrest(self, order_id: OrderId, channel: str) -> tuple[int, int]:
        """How much is under way for an order, questions to carriers aside, and a number that rises
        with whatever is asked for."""
        (row,) = await self.local.pool.fetch(_SIGNS, order_id)
        health = await self.ask("GET", "/_sim/health")
        echo = await self.ask("GET", f"/_sim/shops/{channel}.myshopify.com/webhooks")
        streams = await self.streams.streams_info()
        waiting = sum(
            one.state.messages for one in streams if one.config.name not in (EVENTS, JOURNAL)
        )
        under_way = row["effects"] + health["callbacks"]["waiting"] + echo["waiting"] + waiting
        return under_way, row["all_effects"]

    def recipe(self, seller: str) -> Recipe:
        """How a seller's orders are made."""
        return Recipe(seed=5, shop=f"{channel_of(seller)}.myshopify.com")

    def order_id(self, seller: str, number: int) -> OrderId:
        """The service's own id of an order."""
        return order_id_for(channel_of(seller), str(self.recipe(seller).order_id(number)))


_SIGNS = """
SELECT (SELECT count(*) FROM effects
        WHERE order_id = $1 AND status = 'open' AND kind <> 'carrier.track.v2') AS effects,
       (SELECT count(*) FROM effects
        WHERE order_id = $1 AND kind <> 'carrier.track.v2') AS all_effects
"""


@contextmanager
def realm_of_stories() -> Iterator[Realm]:
    """The servers, from here to the end of the block."""
    with temporary_home() as home, ExitStack() as processes:
        realm = Realm(home, processes)
        try:
            realm.run(realm.open())
            yield realm
        finally:
            realm.run(realm.connections.aclose())
            realm.run(realm.kill_all())
            realm.loop.close()

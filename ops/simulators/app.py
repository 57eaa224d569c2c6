"""All partners in one process: HTTP on one port, told apart by the path, and SMTP on another."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ops.simulators.amazon import Amazon
from ops.simulators.bc import BusinessCentral
from ops.simulators.bigcommerce import BigCommerce
from ops.simulators.callbacks import Callbacks
from ops.simulators.control import Control
from ops.simulators.faults import FaultBook
from ops.simulators.fedex import Fedex
from ops.simulators.ledger import Ledger, LedgerFull
from ops.simulators.parcel_journey import Journeys
from ops.simulators.partner import Partner, World, json_reply, serve
from ops.simulators.planting import plant
from ops.simulators.shapes import JsonObject, NotUnderstood
from ops.simulators.shopify import Shopify
from ops.simulators.smtp import MailServer
from ops.simulators.sqs import Sqs
from ops.simulators.ups import Ups
from ops.simulators.usps import Usps
from ops.simulators.warehouse_habits import Habits
from ops.simulators.warehouse_tasks import Task
from ops.simulators.warehouses import Warehouses
from ops.simulators.wire import Reply, Request, Server

DEFAULT_CALLBACK_SECRET = "simulated-warehouse-secret"


@dataclass(slots=True, frozen=True)
class Options:
    """How the simulated world behaves. Port 0 means: any free one."""

    host: str = "127.0.0.1"
    port: int = 0
    smtp_port: int = 0
    seed: int = 1
    latency_ms: float = 5.0
    callback_secret: str = DEFAULT_CALLBACK_SECRET
    deliver_after_seconds: float = 0.0
    deliver_when_told: bool = False
    warehouse: Habits = field(default_factory=Habits)
    ledger_file: Path | None = None


class Simulators:
    """The running servers."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._started = time.monotonic()
        self._requests = 0
        faults = FaultBook(options.seed, options.latency_ms, time.monotonic)
        self._ledger = Ledger(time.time, options.ledger_file)
        world = World(self._ledger, faults, time.time, int(time.time() * 1000))
        self._faults = faults
        self._callbacks = Callbacks(options.callback_secret, faults)
        shopify = Shopify(world)
        self._journeys = Journeys(
            options.deliver_after_seconds, when_told=options.deliver_when_told
        )
        ups = self._ups = Ups(world, self._journeys)
        self._amazon = Amazon(world)
        self._bigcommerce = BigCommerce(world)
        self._sqs = Sqs(world)
        self._usps = Usps(world)
        self._erp = BusinessCentral(world)
        self._shopify = shopify
        self._partners: dict[str, Partner] = {
            "amazon": self._amazon,
            "bc": self._erp,
            "bigcommerce": self._bigcommerce,
            "ups": ups,
            "fedex": Fedex(world, self._journeys),
            "shopify": shopify,
            "sqs": self._sqs,
            "usps": self._usps,
        }

        def buy_label(task: Task) -> tuple[str, str]:
            return "UPS", ups.sell_elsewhere(task.city, task.country)

        self._warehouses = Warehouses(
            world, self._callbacks, options.warehouse, options.seed, _later, buy_label
        )
        self._control = Control(world, self._journeys, self._health, self._callbacks.tell_again)
        self._controls: dict[str, Callable[[Request], Reply]] = {
            "/_sim/plant": self._plant,
            "/_sim/carrier/services": ups.control,
            "/_sim/carrier/addresses": ups.addresses.control,
            "/_sim/usps/addresses": self._usps.control,
        }
        self._http = Server(self._handle)
        self._mail = MailServer(world)
        self.port = 0
        self.smtp_port = 0

    def _handle(self, request: Request) -> Reply:
        self._requests += 1
        first = request.path.split("/", 2)[1] if "/" in request.path else ""
        if request.path.startswith("/_sim/shops/"):
            return self._shopify.control(request)
        control = self._controls.get(request.path)
        if control is not None:
            return control(request)
        if request.path.startswith("/_sim/amazon/"):
            return self._amazon.control(request)
        if request.path.startswith("/_sim/bigcommerce/"):
            return self._bigcommerce.control(request)
        if request.path.startswith("/_sim/sqs/"):
            return self._sqs.control(request)
        if request.path.startswith("/_sim/erp/"):
            return self._erp.control(request)
        if request.path.startswith("/_sim/warehouse/"):
            return self._warehouses.control(request)
        if first == "_sim":
            return self._control.answer(request)
        partner = self._partners.get(first) or self._warehouses.at(request)
        if partner is None:
            known = ", ".join(f"/{name}" for name in (*self._partners, "warehouse", "_sim"))
            return json_reply(404, {"error": f"No one is at {request.path}; try {known}."})
        try:
            return serve(partner, request, self._faults)
        except LedgerFull as full:
            return json_reply(507, {"error": str(full)})

    def _plant(self, request: Request) -> Reply:
        shops, erp = self._shopify, self._erp
        try:
            planted = plant(request, shops.books.of, erp.book, shops.control, time.time)
        except NotUnderstood as error:
            return json_reply(400, {"error": str(error)})
        return json_reply(200, {"planted": [*planted]})

    def _health(self) -> JsonObject:
        used = resource.getrusage(resource.RUSAGE_SELF)
        tally = self._callbacks.tally
        return {
            "status": "ok",
            "uptime_seconds": round(time.monotonic() - self._started, 3),
            "requests": self._requests,
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 4),
            "max_rss_bytes": used.ru_maxrss * 1024,
            "callbacks": {
                "waiting": self._callbacks.waiting(),
                "attempts": tally.attempts,
                "delivered": tally.delivered,
                "given_up": tally.given_up,
                "dropped": tally.dropped,
                "refused_for_space": tally.refused_for_space,
            },
        }

    async def start(self) -> None:
        """Listens on both ports."""
        self.port = await self._http.start(self._options.host, self._options.port)
        self.smtp_port = await self._mail.start(self._options.host, self._options.smtp_port)

    async def stop(self) -> None:
        """Hangs up on everybody and closes the ledger's file."""
        self._http.stop()
        self._mail.stop()
        await self._callbacks.close()
        await self._warehouses.close()
        await self._bigcommerce.close()
        await self._shopify.close()
        await self._amazon.close()
        self._ledger.close()


def _later(seconds: float, do: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, do)
